//! What a message says in the network's words.

use buffa::MessageField;
use waproto::whatsapp::message as part;
use waproto::whatsapp::{ContextInfo, Message};
use wasup_store::records::{ContactCard, Content, LinkPreview, Location, Poll};

use super::files;

/// The message of a content that is no act, or `None` where it can't be sent.
pub(super) fn message(content: &Content, context: MessageField<ContextInfo>, view_once: bool) -> Option<Message> {
    match content {
        Content::Text { body, preview } => Some(text(body, preview.as_deref(), context)),
        Content::Location(place) => Some(location(place, context)),
        Content::Contact { cards } => contacts(cards, context),
        Content::Poll(asked) => Some(poll(asked, context)),
        content => files::message(content, context, view_once),
    }
}

/// Text, as short as it can be said.
pub(super) fn text(body: &str, preview: Option<&LinkPreview>, context: MessageField<ContextInfo>) -> Message {
    if preview.is_none() && context.is_unset() {
        return Message { conversation: Some(body.to_owned()), ..Message::default() };
    }
    let extended = part::ExtendedTextMessage {
        text: Some(body.to_owned()),
        matched_text: preview.map(|preview| preview.url.clone()),
        title: preview.and_then(|preview| preview.title.clone()),
        description: preview.and_then(|preview| preview.description.clone()),
        context_info: context,
        ..Default::default()
    };
    Message { extended_text_message: MessageField::some(extended), ..Message::default() }
}

fn location(place: &Location, context: MessageField<ContextInfo>) -> Message {
    let location = part::LocationMessage {
        degrees_latitude: Some(place.latitude.get()),
        degrees_longitude: Some(place.longitude.get()),
        name: place.name.clone(),
        address: place.address.clone(),
        context_info: context,
        ..Default::default()
    };
    Message { location_message: MessageField::some(location), ..Message::default() }
}

fn contacts(cards: &[ContactCard], context: MessageField<ContextInfo>) -> Option<Message> {
    let card = |card: &ContactCard, context| part::ContactMessage {
        display_name: Some(card.name.clone()),
        vcard: Some(card.vcard.clone()),
        context_info: context,
        ..Default::default()
    };
    match cards {
        [] => None,
        [one] => Some(Message { contact_message: MessageField::some(card(one, context)), ..Message::default() }),
        several => {
            let array = part::ContactsArrayMessage {
                display_name: Some(format!("{} contacts", several.len())),
                contacts: several.iter().map(|one| card(one, MessageField::none())).collect(),
                context_info: context,
            };
            Some(Message { contacts_array_message: MessageField::some(array), ..Message::default() })
        }
    }
}

/// A poll. The network's own web client uses the third form where one answer may be chosen, and the first else.
fn poll(asked: &Poll, context: MessageField<ContextInfo>) -> Message {
    let option =
        |name: &String| part::poll_creation_message::Option { option_name: Some(name.clone()), ..Default::default() };
    let creation = part::PollCreationMessage {
        name: Some(asked.question.clone()),
        options: asked.options.iter().map(option).collect(),
        selectable_options_count: Some(asked.choices),
        context_info: context,
        ..Default::default()
    };
    let creation = MessageField::some(creation);
    if asked.choices == 1 {
        Message { poll_creation_message_v3: creation, ..Message::default() }
    } else {
        Message { poll_creation_message: creation, ..Message::default() }
    }
}
