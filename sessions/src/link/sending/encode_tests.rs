//! What is sent is what is read: every content goes through the network's words and comes back the same.

use wacore::types::message::{MessageInfo, MessageSource};
use wacore_binary::Jid as LibraryJid;
use wasup_store::id::{AccountNo, MessageId, MessageKey};
use wasup_store::jid::Jid;
use wasup_store::records::*;

use super::*;
use crate::link::inbound;
use from::Naming;

const OWN: &str = "62800@s.whatsapp.net";
const OWN_LID: &str = "800@lid";

fn ann() -> Participant {
    Participant { jid: "900@lid".parse().unwrap(), phone: Some("62811".into()), lid: "900@lid".parse().ok() }
}

fn by_phone() -> Participant {
    Participant { jid: Jid::phone("62811"), phone: Some("62811".into()), lid: None }
}

fn outgoing(content: Content, context: Option<MessageContext>) -> Outgoing {
    Outgoing {
        id: MessageId { account: AccountNo(1), key: MessageKey::new(1, 2) },
        provider_id: "3EB0AA".into(),
        chat: ann(),
        content,
        context: context.map(Box::new),
        secret: Some(MessageSecret([9; 32])),
        ts_ms: 1_795_257_659_000,
    }
}

/// What the other side reads of what the account sends it.
fn received(outgoing: &Outgoing) -> inbound::Mapped {
    let (chat, own, own_lid): (LibraryJid, LibraryJid, LibraryJid) =
        ("62811@s.whatsapp.net".parse().unwrap(), OWN.parse().unwrap(), OWN_LID.parse().unwrap());
    let writer = Writer { chat: &chat, naming: Naming::Phone, own_phone: Some(&own), own_lid: Some(&own_lid) };
    let message = encode(outgoing, &writer).unwrap();
    let bytes = waproto::codec::message_to_vec(&message);
    let message = waproto::codec::message_decode(&bytes).unwrap();
    let source = MessageSource { chat: own.clone(), sender: own, ..MessageSource::default() };
    let info = MessageInfo { id: outgoing.provider_id.clone(), source, ..MessageInfo::default() };
    inbound::map(&message, &info, &|jid| jid.user == "62811", 0).unwrap()
}

fn media() -> Box<Media> {
    Box::new(Media {
        mimetype: "a/b".into(),
        size: 7,
        remote: Some(RemoteMedia {
            direct_path: "/v".into(),
            url: None,
            key: Octets(vec![1; 32]),
            key_s: 5,
            sha256: Octets(vec![2; 32]),
            enc_sha256: Octets(vec![3; 32]),
        }),
        ..Media::default()
    })
}

fn with(change: impl Fn(&mut Media)) -> Box<Media> {
    let mut media = media();
    change(&mut media);
    media
}

#[test]
fn whatever_is_sent_is_read_the_same() {
    let caption = |m: &mut Media| m.caption = Some("see".into());
    let card = |name: &str| ContactCard { name: name.into(), vcard: "BEGIN:VCARD".into() };
    let preview = LinkPreview { url: "https://a.example".into(), title: Some("A".into()), description: None };
    let degrees = |angle: f64| Degrees::try_from(angle).unwrap();
    let place = Location {
        latitude: degrees(-6.5),
        longitude: degrees(106.25),
        name: Some("Home".into()),
        address: None,
        live: false,
    };
    let poll =
        |choices| Content::Poll(Poll { question: "Tea?".into(), options: vec!["yes".into(), "no".into()], choices });
    for content in [
        Content::text("hi"),
        Content::Text { body: "https://a.example".into(), preview: Some(Box::new(preview)) },
        Content::Location(place),
        Content::Contact { cards: vec![card("Bob")] },
        Content::Contact { cards: vec![card("Bob"), card("Cleo")] },
        poll(0),
        poll(1),
        Content::Image(with(|m| (m.width, m.height, m.caption) = (Some(3), Some(4), Some("see".into())))),
        Content::Video(with(|m| m.seconds = Some(8))),
        Content::Gif(with(caption)),
        Content::VideoNote(media()),
        Content::Audio(media()),
        Content::Voice(with(|m| (m.seconds, m.waveform) = (Some(2), Some(Octets(vec![50; 64]))))),
        Content::Document(with(|m| m.filename = Some("a.pdf".into()))),
        Content::Document(with(|m| (m.filename, m.caption) = (Some("a.pdf".into()), Some("see".into())))),
        Content::Sticker(with(|m| m.animated = true)),
    ] {
        let read = received(&outgoing(content.clone(), None));
        assert_eq!(read.new.content, content);
        assert_eq!(read.new.secret, Some(MessageSecret([9; 32])), "{}", content.kind());
        assert!(read.sealed.is_none() && read.new.context.is_none());
    }
}

#[test]
fn what_surrounds_it_is_read_the_same() {
    let quoted = Quoted {
        provider_id: "3EB0BB".into(),
        from_me: true,
        sender: None,
        message: None,
        content: Some(Content::text("tea?")),
    };
    let context = MessageContext {
        quoted: Some(Box::new(quoted.clone())),
        mentions: vec![by_phone()],
        forwarded: 2,
        disappears_after: Some(86_400),
        view_once: false,
        audience: None,
    };
    for content in [Content::text("yes"), Content::Image(media())] {
        let read = received(&outgoing(content, Some(context.clone()))).new.context.unwrap();
        let own = Participant { jid: Jid::phone("62800"), phone: Some("62800".into()), lid: None };
        let theirs = Quoted { from_me: false, sender: Some(own), ..quoted.clone() };
        assert_eq!(*read, MessageContext { quoted: Some(Box::new(theirs)), ..context.clone() });
    }
    let many = MessageContext { forwarded: 6, ..MessageContext::default() };
    assert_eq!(received(&outgoing(Content::text("x"), Some(many))).new.context.unwrap().forwarded, 127);
    let once = MessageContext { view_once: true, ..MessageContext::default() };
    assert!(received(&outgoing(Content::Image(media()), Some(once))).new.context.unwrap().view_once);
}

#[test]
fn acts_mean_the_same_message_on_both_sides() {
    let mine = Target { provider_id: "3EB0CC".into(), from_me: true, sender: None, message: None };
    let theirs = Target { from_me: false, sender: Some(ann()), ..mine.clone() };
    for (content, ours) in [
        (Content::Reaction { target: theirs.clone(), emoji: Some("👍".into()) }, true),
        (Content::Reaction { target: mine.clone(), emoji: None }, false),
        (Content::Edit { target: mine.clone(), body: "new".into() }, false),
        (Content::Revoke { target: mine }, false),
    ] {
        let read = received(&outgoing(content.clone(), None)).new;
        assert_eq!(read.content.kind(), content.kind());
        let target = read.content.target().unwrap();
        assert_eq!((target.provider_id.as_str(), target.from_me), ("3EB0CC", ours), "{content:?}");
        assert_eq!(target.sender.is_none(), ours);
        assert_eq!(read.content.words(), content.words());
    }
    let vote = Content::PollVote { target: theirs, options: Some(vec!["no".into()]) };
    let read = received(&outgoing(vote, None));
    let asked = Content::Poll(Poll { question: "?".into(), options: vec!["yes".into(), "no".into()], choices: 1 });
    let parent = inbound::sealed::Parent {
        secret: MessageSecret([9; 32]),
        content: &asked,
        author: inbound::sealed::addresses(&by_phone()),
    };
    let is_own = |jid: &LibraryJid| jid.user == "62811";
    let opened = read.sealed.unwrap().open(&parent, &[OWN.into()], &inbound::frame(&read.new, &is_own));
    assert!(matches!(opened, Some(Content::PollVote { options: Some(options), .. }) if options == ["no"]));
}

#[test]
fn what_can_not_be_said_is_not_sendable() {
    let chat: LibraryJid = "62811@s.whatsapp.net".parse().unwrap();
    let writer = Writer { chat: &chat, naming: Naming::Phone, own_phone: None, own_lid: None };
    let target = Target { provider_id: "A".into(), from_me: true, sender: None, message: None };
    for content in [
        Content::Unavailable,
        Content::Revoked,
        Content::Unsupported { kind: "event".into() },
        Content::Contact { cards: Vec::new() },
        Content::Image(Box::default()),
        Content::PollVote { target, options: Some(Vec::new()) },
    ] {
        assert_eq!(encode(&outgoing(content, None), &writer).err(), Some(SendError::NotSendable));
    }
}

#[test]
fn a_group_names_the_author_by_its_own_kind_of_address() {
    let group: LibraryJid = "120363@g.us".parse().unwrap();
    let target = Target { provider_id: "A".into(), from_me: false, sender: Some(ann()), message: None };
    for (naming, expected) in [(Naming::Phone, "62811@s.whatsapp.net"), (Naming::Lid, "900@lid")] {
        let writer = Writer { chat: &group, naming, own_phone: None, own_lid: None };
        let message = encode(&outgoing(Content::Revoke { target: target.clone() }, None), &writer).unwrap();
        let key = message.protocol_message.as_option().unwrap().key.as_option().unwrap().clone();
        assert_eq!((key.participant.as_deref(), key.from_me), (Some(expected), Some(false)));
    }
}
