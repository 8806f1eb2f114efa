use super::*;
use crate::link::inbound::address;
use buffa::MessageField;
use waproto::whatsapp::MessageKey;

fn read(message: &Message) -> Option<Content> {
    let chat = address::participant(&"62811@s.whatsapp.net".parse().unwrap(), None).unwrap();
    let frame = Frame { from_me: false, group: false, chat: &chat, sender: Some(&chat), is_own: &|_| false };
    super::read(message, &frame).map(|reading| reading.apart().0)
}

fn unsupported(kind: &str) -> Option<Content> {
    Some(Content::Unsupported { kind: kind.into() })
}

fn extended(text: part::ExtendedTextMessage) -> Message {
    Message { extended_text_message: MessageField::some(text), ..Message::default() }
}

fn key(id: &str, from_me: bool) -> MessageField<MessageKey> {
    MessageField::some(MessageKey { id: Some(id.into()), from_me: Some(from_me), ..MessageKey::default() })
}

#[test]
fn text_is_found_in_either_field_and_through_wrappers() {
    let plain = Message { conversation: Some("a".into()), ..Message::default() };
    let long = extended(part::ExtendedTextMessage { text: Some("b".into()), ..Default::default() });
    let fading = Message {
        ephemeral_message: MessageField::some(part::FutureProofMessage { message: MessageField::some(plain.clone()) }),
        ..Message::default()
    };
    for (message, body) in [(plain, "a"), (long, "b"), (fading, "a")] {
        assert_eq!(read(&message), Some(Content::text(body)));
    }
    let linked = extended(part::ExtendedTextMessage {
        text: Some("see https://a.example".into()),
        matched_text: Some("https://a.example".into()),
        title: Some("A".into()),
        ..Default::default()
    });
    let preview = LinkPreview { url: "https://a.example".into(), title: Some("A".into()), description: None };
    let body = "see https://a.example".to_owned();
    assert_eq!(read(&linked), Some(Content::Text { body, preview: Some(Box::new(preview)) }));
}

#[test]
fn places_cards_and_polls_are_read() {
    let place = part::LocationMessage {
        degrees_latitude: Some(-6.5),
        degrees_longitude: Some(106.25),
        name: Some("Home".into()),
        address: Some(String::new()),
        ..Default::default()
    };
    let Some(Content::Location(place)) =
        read(&Message { location_message: MessageField::some(place), ..Message::default() })
    else {
        panic!("no place")
    };
    assert_eq!((place.latitude.get(), place.longitude.get(), place.live), (-6.5, 106.25, false));
    assert_eq!((place.name.as_deref(), place.address), (Some("Home"), None));
    let nowhere = part::LocationMessage { degrees_latitude: Some(f64::NAN), ..Default::default() };
    let nowhere = Message { location_message: MessageField::some(nowhere), ..Message::default() };
    assert_eq!(read(&nowhere), unsupported("location"));
    let live = Message { live_location_message: MessageField::some(Default::default()), ..Message::default() };
    assert!(matches!(read(&live), Some(Content::Location(Location { live: true, .. }))));

    let card = |name: &str| part::ContactMessage {
        display_name: Some(name.into()),
        vcard: Some("BEGIN:VCARD".into()),
        ..Default::default()
    };
    let both = part::ContactsArrayMessage { contacts: vec![card("Ann"), card("Bob")], ..Default::default() };
    let both = Message { contacts_array_message: MessageField::some(both), ..Message::default() };
    let Some(Content::Contact { cards }) = read(&both) else { panic!("no cards") };
    assert_eq!(cards.iter().map(|card| card.name.as_str()).collect::<Vec<_>>(), ["Ann", "Bob"]);

    let option =
        |name: &str| part::poll_creation_message::Option { option_name: Some(name.into()), ..Default::default() };
    let poll = part::PollCreationMessage {
        name: Some("Tea?".into()),
        options: vec![option("yes"), option("no")],
        selectable_options_count: Some(1),
        ..Default::default()
    };
    let expected =
        Content::Poll(Poll { question: "Tea?".into(), options: vec!["yes".into(), "no".into()], choices: 1 });
    for message in [
        Message { poll_creation_message: MessageField::some(poll.clone()), ..Message::default() },
        Message { poll_creation_message_v3: MessageField::some(poll.clone()), ..Message::default() },
        Message { poll_creation_message_v5: MessageField::some(poll), ..Message::default() },
    ] {
        assert_eq!(read(&message), Some(expected.clone()));
    }
}

#[test]
fn acts_name_their_message() {
    let protocol = |kind, edited: Option<Message>| Message {
        protocol_message: MessageField::some(part::ProtocolMessage {
            key: key("3EB0", true),
            r#type: Some(kind),
            edited_message: edited.map(MessageField::some).unwrap_or_default(),
            ..Default::default()
        }),
        ..Message::default()
    };
    let Some(Content::Revoke { target }) = read(&protocol(ProtocolType::REVOKE, None)) else { panic!("no revoke") };
    assert_eq!((target.provider_id.as_str(), target.from_me, target.sender.is_some()), ("3EB0", false, true));
    let new = Message { conversation: Some("new".into()), ..Message::default() };
    let Some(Content::Edit { body, .. }) = read(&protocol(ProtocolType::MESSAGE_EDIT, Some(new))) else {
        panic!("no edit")
    };
    assert_eq!(body, "new");
    let captioned = part::ImageMessage { caption: Some("words".into()), ..Default::default() };
    let captioned = Message { image_message: MessageField::some(captioned), ..Message::default() };
    let Some(Content::Edit { body, .. }) = read(&protocol(ProtocolType::MESSAGE_EDIT, Some(captioned))) else {
        panic!("no edit")
    };
    assert_eq!(body, "words");
    for (text, expected) in [("👍", Some("👍")), ("", None)] {
        let reaction = part::ReactionMessage { key: key("3EB0", false), text: Some(text.into()), ..Default::default() };
        let message = Message { reaction_message: MessageField::some(reaction), ..Message::default() };
        let Some(Content::Reaction { target, emoji }) = read(&message) else { panic!("no reaction") };
        assert_eq!((target.from_me, emoji.as_deref()), (true, expected));
    }
}

#[test]
fn what_is_not_understood_is_kept_by_its_name() {
    let image = Message { image_message: MessageField::some(part::ImageMessage::default()), ..Message::default() };
    assert_eq!(read(&image).unwrap().kind(), "image");
    let event = Message { event_message: MessageField::some(Default::default()), ..Message::default() };
    assert_eq!(read(&event), unsupported("event"));
    assert_eq!(read(&Message::default()), unsupported("unknown"));
    let new = Message { payment_reminder_message: MessageField::some(Default::default()), ..Message::default() };
    assert_eq!(read(&new), unsupported("unknown"));
    // A reaction to nothing.
    let none = Message { reaction_message: MessageField::some(Default::default()), ..Message::default() };
    assert_eq!(read(&none), unsupported("reaction"));
}

#[test]
fn keys_and_history_say_nothing() {
    let protocol = |kind| Message {
        protocol_message: MessageField::some(part::ProtocolMessage { r#type: Some(kind), ..Default::default() }),
        ..Message::default()
    };
    assert_eq!(read(&protocol(ProtocolType::APP_STATE_SYNC_KEY_SHARE)), None);
    assert_eq!(read(&protocol(ProtocolType::HISTORY_SYNC_NOTIFICATION)), None);
    let mut key =
        Message { sender_key_distribution_message: MessageField::some(Default::default()), ..Message::default() };
    assert_eq!(read(&key), None);
    key.conversation = Some("a".into());
    assert_eq!(read(&key), Some(Content::text("a")));
}

#[test]
fn the_placeholder_of_a_lost_copy_is_unavailable() {
    let message = waproto::codec::message_decode(&crate::keystore::placeholder_bytes()).unwrap();
    assert_eq!(read(&message), Some(Content::Unavailable));
}
