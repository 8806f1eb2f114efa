//! What a message says: text, something this version does not understand by its name, or nothing for a human.

use wacore::proto_helpers::MessageExt;
use waproto::whatsapp::Message;
use waproto::whatsapp::message::protocol_message::Type as ProtocolType;
use wasup_store::records::Content;

/// The content, or `None` for messages that carry none.
pub(crate) fn map(message: &Message) -> Option<Content> {
    let base = message.get_base_message();
    if base.placeholder_message.is_set() {
        return Some(Content::Unavailable);
    }
    if let Some(body) = text(base) {
        return Some(Content::text(body));
    }
    match kind(base) {
        Kind::Named(kind) => Some(Content::Unsupported { kind: kind.to_owned() }),
        Kind::Silent => None,
        Kind::Strange => Some(Content::Unsupported { kind: "unknown".to_owned() }),
    }
}

fn text(base: &Message) -> Option<&str> {
    let extended = || base.extended_text_message.as_option().and_then(|extended| extended.text.as_deref());
    base.conversation.as_deref().filter(|text| !text.is_empty()).or_else(extended)
}

/// What a message without text is.
enum Kind {
    /// A content by the network's name of it.
    Named(&'static str),
    /// Nothing for a human.
    Silent,
    /// A content that has no name here.
    Strange,
}

/// The name is the protocol's field name in our spelling (`whatsapp.proto`, message `Message`).
macro_rules! named {
    ($message:expr; $($field:ident => $name:literal,)+) => {
        $(if $message.$field.is_set() { return Kind::Named($name); })+
    };
}

fn kind(base: &Message) -> Kind {
    if let Some(protocol) = base.protocol_message.as_option() {
        return match protocol.r#type {
            Some(ProtocolType::REVOKE) => Kind::Named("revoke"),
            Some(ProtocolType::MESSAGE_EDIT) => Kind::Named("edit"),
            _ => Kind::Silent,
        };
    }
    named!(base;
        image_message => "image",
        video_message => "video",
        ptv_message => "video_note",
        audio_message => "audio",
        document_message => "document",
        sticker_message => "sticker",
        lottie_sticker_message => "sticker",
        sticker_pack_message => "sticker_pack",
        album_message => "album",
        contact_message => "contact",
        contacts_array_message => "contacts",
        location_message => "location",
        live_location_message => "live_location",
        reaction_message => "reaction",
        enc_reaction_message => "reaction",
        comment_message => "comment",
        enc_comment_message => "comment",
        poll_creation_message => "poll",
        poll_creation_message_v2 => "poll",
        poll_creation_message_v3 => "poll",
        poll_update_message => "poll_vote",
        event_message => "event",
        enc_event_response_message => "event_response",
        group_invite_message => "group_invite",
        list_message => "list",
        list_response_message => "list_response",
        buttons_message => "buttons",
        buttons_response_message => "buttons_response",
        template_message => "template",
        template_button_reply_message => "template_reply",
        interactive_message => "interactive",
        interactive_response_message => "interactive_response",
        product_message => "product",
        order_message => "order",
        invoice_message => "invoice",
        pin_in_chat_message => "pin",
        keep_in_chat_message => "keep",
        send_payment_message => "payment",
        request_payment_message => "payment_request",
        scheduled_call_creation_message => "scheduled_call",
        call_log_messsage => "call_log",
        secret_encrypted_message => "encrypted_edit",
    );
    // A sender key comes along with a group's first message or alone; alone it says nothing.
    if base.sender_key_distribution_message.is_set() && only_keys(base) { Kind::Silent } else { Kind::Strange }
}

fn only_keys(base: &Message) -> bool {
    let mut rest = base.clone();
    rest.sender_key_distribution_message = buffa::MessageField::default();
    rest.fast_ratchet_key_sender_key_distribution_message = buffa::MessageField::default();
    rest.message_context_info = buffa::MessageField::default();
    waproto::codec::message_encoded_len(&rest) == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use buffa::MessageField;
    use waproto::whatsapp::message as part;

    fn unsupported(kind: &str) -> Option<Content> {
        Some(Content::Unsupported { kind: kind.into() })
    }

    #[test]
    fn text_is_found_in_either_field_and_through_wrappers() {
        let plain = Message { conversation: Some("a".into()), ..Message::default() };
        let extended = Message {
            extended_text_message: MessageField::some(part::ExtendedTextMessage {
                text: Some("b".into()),
                ..Default::default()
            }),
            ..Message::default()
        };
        let fading = Message {
            ephemeral_message: MessageField::some(part::FutureProofMessage {
                message: MessageField::some(plain.clone()),
            }),
            ..Message::default()
        };
        for (message, body) in [(plain, "a"), (extended, "b"), (fading, "a")] {
            assert_eq!(map(&message), Some(Content::text(body)));
        }
    }

    #[test]
    fn what_is_not_understood_is_kept_by_its_name() {
        let image = Message { image_message: MessageField::some(part::ImageMessage::default()), ..Message::default() };
        assert_eq!(map(&image), unsupported("image"));
        assert_eq!(map(&Message::default()), unsupported("unknown"));
        let new = Message { payment_reminder_message: MessageField::some(Default::default()), ..Message::default() };
        assert_eq!(map(&new), unsupported("unknown"));
    }

    #[test]
    fn keys_and_history_say_nothing() {
        let protocol = |kind| Message {
            protocol_message: MessageField::some(part::ProtocolMessage { r#type: Some(kind), ..Default::default() }),
            ..Message::default()
        };
        assert_eq!(map(&protocol(ProtocolType::APP_STATE_SYNC_KEY_SHARE)), None);
        assert_eq!(map(&protocol(ProtocolType::HISTORY_SYNC_NOTIFICATION)), None);
        assert_eq!(map(&protocol(ProtocolType::REVOKE)), unsupported("revoke"));
        let mut key =
            Message { sender_key_distribution_message: MessageField::some(Default::default()), ..Message::default() };
        assert_eq!(map(&key), None);
        key.conversation = Some("a".into());
        assert_eq!(map(&key), Some(Content::text("a")));
    }

    #[test]
    fn the_placeholder_of_a_lost_copy_is_unavailable() {
        let message = waproto::codec::message_decode(&crate::keystore::placeholder_bytes()).unwrap();
        assert_eq!(map(&message), Some(Content::Unavailable));
    }
}
