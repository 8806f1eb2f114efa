//! What a message is wrapped in: to disappear, to be seen once, to carry a caption, a copy for the account's own devices.

use waproto::whatsapp::Message;

/// Most wrappings one in another; a peer could nest them without end.
const DEEPEST: usize = 16;

/// A message without what it was wrapped in.
pub(crate) struct Unwrapped<'a> {
    /// The message.
    pub(crate) base: &'a Message,
    /// One of the wrappings says that it is to be seen once.
    pub(crate) view_once: bool,
}

/// Takes every wrapping off.
pub(crate) fn unwrap(message: &Message) -> Unwrapped<'_> {
    let mut found = Unwrapped { base: message, view_once: false };
    for _ in 0..DEEPEST {
        let Some((inner, once)) = inner(found.base) else { break };
        found = Unwrapped { base: inner, view_once: found.view_once || once };
    }
    found
}

macro_rules! inside {
    ($message:expr, $once:literal: $($field:ident),+) => {
        $(if let Some(inner) = $message.$field.as_option().and_then(|wrapping| wrapping.message.as_option()) {
            return Some((inner, $once));
        })+
    };
}

/// What is inside of the outermost wrapping, and whether that one is for what is to be seen once. The fields are those of
/// `whatsapp.proto` that hold a `FutureProofMessage` with a message for a human.
fn inner(message: &Message) -> Option<(&Message, bool)> {
    inside!(message, true: view_once_message, view_once_message_v2, view_once_message_v2_extension);
    inside!(message, false:
        device_sent_message,
        ephemeral_message,
        document_with_caption_message,
        edited_message,
        associated_child_message,
        group_mentioned_message,
        bot_invoke_message,
        lottie_sticker_message,
        poll_creation_message_v4,
        poll_creation_option_image_message,
        event_cover_image,
        spoiler_message,
        group_status_message,
        group_status_message_v2,
        group_status_mention_message,
        status_mention_message,
        status_add_yours,
        question_message,
        question_reply_message,
        limit_sharing_message,
        bot_forwarded_message
    );
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use buffa::MessageField;
    use waproto::whatsapp::message::{DeviceSentMessage, FutureProofMessage};

    fn proof(inner: Message) -> MessageField<FutureProofMessage> {
        MessageField::some(FutureProofMessage { message: MessageField::some(inner) })
    }

    #[test]
    fn wrappings_come_off_in_any_order() {
        let text = Message { conversation: Some("a".into()), ..Message::default() };
        let to_own = |inner| Message {
            device_sent_message: MessageField::some(DeviceSentMessage {
                message: MessageField::some(inner),
                ..DeviceSentMessage::default()
            }),
            ..Message::default()
        };
        let fading = |inner| Message { ephemeral_message: proof(inner), ..Message::default() };
        let once = |inner| Message { view_once_message_v2: proof(inner), ..Message::default() };
        let caption = |inner| Message { document_with_caption_message: proof(inner), ..Message::default() };
        let child = |inner| Message { associated_child_message: proof(inner), ..Message::default() };
        let edited = |inner| Message { edited_message: proof(inner), ..Message::default() };
        for (message, view_once) in [
            (text.clone(), false),
            (to_own(fading(text.clone())), false),
            (fading(to_own(once(text.clone()))), true),
            (Message { view_once_message: proof(text.clone()), ..Message::default() }, true),
            (Message { view_once_message_v2_extension: proof(caption(text.clone())), ..Message::default() }, true),
            (child(edited(text.clone())), false),
        ] {
            let found = unwrap(&message);
            assert_eq!((found.base.conversation.as_deref(), found.view_once), (Some("a"), view_once));
        }
    }

    #[test]
    fn a_bomb_of_wrappings_is_not_followed_for_ever() {
        let mut message = Message { conversation: Some("a".into()), ..Message::default() };
        for _ in 0..100 {
            message = Message { ephemeral_message: proof(message), ..Message::default() };
        }
        assert!(unwrap(&message).base.conversation.is_none());
    }
}
