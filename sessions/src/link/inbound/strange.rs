//! What this version does not understand, by its name, and what is nothing for a human.

use waproto::whatsapp::Message;
use wasup_store::records::Content;

/// The name is the protocol's field name in our spelling (`whatsapp.proto`, message `Message`).
macro_rules! named {
    ($message:expr; $($field:ident => $name:literal,)+) => {
        $(if $message.$field.is_set() { return Some($name); })+
    };
}

/// A content of which only the name is known, or `None` where there is nothing for a human.
pub(super) fn name(base: &Message) -> Option<Content> {
    // A sender key comes along with a group's first message or alone; alone it says nothing.
    let keys = base.sender_key_distribution_message.is_set() && only_keys(base);
    let kind = known(base).unwrap_or("unknown").to_owned();
    (!keys).then_some(Content::Unsupported { kind })
}

fn known(base: &Message) -> Option<&'static str> {
    named!(base;
        sticker_pack_message => "sticker_pack",
        album_message => "album",
        reaction_message => "reaction",
        enc_reaction_message => "reaction",
        comment_message => "comment",
        enc_comment_message => "comment",
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
        poll_result_snapshot_message => "poll_result",
        location_message => "location",
        poll_creation_message_v6 => "poll",
        newsletter_admin_invite_message => "newsletter_invite",
    );
    None
}

fn only_keys(base: &Message) -> bool {
    let mut rest = base.clone();
    rest.sender_key_distribution_message = buffa::MessageField::default();
    rest.fast_ratchet_key_sender_key_distribution_message = buffa::MessageField::default();
    rest.message_context_info = buffa::MessageField::default();
    waproto::codec::message_encoded_len(&rest) == 0
}
