//! What a message says, from its author's side into ours.

use waproto::whatsapp::Message;
use waproto::whatsapp::message as part;
use waproto::whatsapp::message::protocol_message::Type as ProtocolType;
use wasup_store::records::{ContactCard, Content, Degrees, LinkPreview, Location, Poll};

use super::frame::Frame;
use super::sealed::Sealed;
use super::{files, strange, wrapping};

/// Most cards of one message that are kept.
const CARDS_MAX: usize = 257;
/// Most answers of a poll that are kept; the network takes 12.
const OPTIONS_MAX: usize = 64;

/// What was read of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reading {
    /// What it says.
    Plain(Content),
    /// It is sealed with the secret of the message that it is about.
    Sealed(Sealed),
}

impl Reading {
    /// What it says as far as it can be read without the other message's secret.
    pub(crate) fn apart(self) -> (Content, Option<Sealed>) {
        match self {
            Self::Plain(content) => (content, None),
            Self::Sealed(sealed) => (sealed.unread(), Some(sealed)),
        }
    }
}

/// What a message says, or `None` where nothing in it is for a human.
pub(crate) fn read(message: &Message, frame: &Frame<'_>) -> Option<Reading> {
    let base = wrapping::unwrap(message).base;
    if base.placeholder_message.is_set() {
        return Some(Reading::Plain(Content::Unavailable));
    }
    if let Some(protocol) = base.protocol_message.as_option() {
        return of_protocol(protocol, frame).map(Reading::Plain);
    }
    if let Some(sealed) = Sealed::of(base, frame) {
        return Some(Reading::Sealed(sealed));
    }
    let plain = text(base)
        .or_else(|| reaction(base, frame))
        .or_else(|| place(base))
        .or_else(|| cards(base))
        .or_else(|| poll(base))
        .or_else(|| files::map(base));
    plain.or_else(|| strange::name(base)).map(Reading::Plain)
}

fn text(base: &Message) -> Option<Content> {
    if let Some(body) = base.conversation.as_ref().filter(|text| !text.is_empty()) {
        return Some(Content::text(body.clone()));
    }
    let extended = base.extended_text_message.as_option()?;
    Some(Content::Text { body: extended.text.clone()?, preview: preview(extended).map(Box::new) })
}

fn preview(extended: &part::ExtendedTextMessage) -> Option<LinkPreview> {
    let url = extended.matched_text.clone().filter(|url| !url.is_empty())?;
    Some(LinkPreview { url, title: extended.title.clone(), description: extended.description.clone() })
}

fn reaction(base: &Message, frame: &Frame<'_>) -> Option<Content> {
    let reaction = base.reaction_message.as_option()?;
    let target = frame.target(reaction.key.as_option()?)?;
    Some(Content::Reaction { target, emoji: reaction.text.clone().filter(|emoji| !emoji.is_empty()) })
}

fn place(base: &Message) -> Option<Content> {
    let (latitude, longitude, name, address, live) = if let Some(place) = base.location_message.as_option() {
        let live = place.is_live == Some(true);
        (place.degrees_latitude, place.degrees_longitude, place.name.clone(), place.address.clone(), live)
    } else {
        let place = base.live_location_message.as_option()?;
        (place.degrees_latitude, place.degrees_longitude, place.caption.clone(), None, true)
    };
    let degrees = |angle: Option<f64>| Degrees::try_from(angle.unwrap_or_default()).ok();
    let some = |text: Option<String>| text.filter(|text| !text.is_empty());
    Some(Content::Location(Location {
        latitude: degrees(latitude)?,
        longitude: degrees(longitude)?,
        name: some(name),
        address: some(address),
        live,
    }))
}

fn cards(base: &Message) -> Option<Content> {
    let card = |contact: &part::ContactMessage| ContactCard {
        name: contact.display_name.clone().unwrap_or_default(),
        vcard: contact.vcard.clone().unwrap_or_default(),
    };
    if let Some(contact) = base.contact_message.as_option() {
        return Some(Content::Contact { cards: vec![card(contact)] });
    }
    let several = base.contacts_array_message.as_option()?;
    Some(Content::Contact { cards: several.contacts.iter().take(CARDS_MAX).map(card).collect() })
}

fn poll(base: &Message) -> Option<Content> {
    let poll = base
        .poll_creation_message
        .as_option()
        .or_else(|| base.poll_creation_message_v2.as_option())
        .or_else(|| base.poll_creation_message_v3.as_option())
        .or_else(|| base.poll_creation_message_v5.as_option())?;
    let options = poll.options.iter().take(OPTIONS_MAX).map(|option| option.option_name.clone().unwrap_or_default());
    Some(Content::Poll(Poll {
        question: poll.name.clone().unwrap_or_default(),
        options: options.collect(),
        choices: poll.selectable_options_count.unwrap_or_default(),
    }))
}

/// What a message between programs means to a human: another text, or that one is taken back.
fn of_protocol(protocol: &part::ProtocolMessage, frame: &Frame<'_>) -> Option<Content> {
    let target = || frame.target(protocol.key.as_option()?);
    match protocol.r#type {
        Some(ProtocolType::REVOKE) => Some(Content::Revoke { target: target()? }),
        Some(ProtocolType::MESSAGE_EDIT) => edit(protocol, frame),
        _ => None,
    }
}

/// Another text for a message. Only its author can give it one.
pub(super) fn edit(protocol: &part::ProtocolMessage, frame: &Frame<'_>) -> Option<Content> {
    let mut target = frame.target(protocol.key.as_option()?)?;
    (target.from_me, target.sender) = frame.author();
    let edited = wrapping::unwrap(protocol.edited_message.as_option()?).base;
    let said = text(edited).or_else(|| files::map(edited));
    Some(Content::Edit { target, body: said.as_ref().and_then(Content::words).unwrap_or_default().to_owned() })
}

/// What a message says that is told with its newest text, and when that was changed, in milliseconds.
pub(crate) fn newest(message: &Message, frame: &Frame<'_>) -> Option<(Content, Option<u64>)> {
    let protocol = wrapping::unwrap(message).base.protocol_message.as_option()?;
    match read(protocol.edited_message.as_option()?, frame)? {
        Reading::Plain(content) if content.target().is_none() => {
            Some((content, protocol.timestamp_ms.and_then(|at| u64::try_from(at).ok())))
        }
        _ => None,
    }
}

#[cfg(test)]
#[path = "content_tests.rs"]
mod tests;
