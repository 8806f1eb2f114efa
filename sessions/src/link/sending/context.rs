//! What surrounds a message in the network's words.

use buffa::MessageField;
use waproto::whatsapp::{ContextInfo, Message};
use wasup_store::records::{MessageContext, Quoted};

use super::content;
use super::from::Writer;

/// From how often passed on a message counts as passed on many times: the network's clients leap from here.
const MANY: u32 = 5;
/// What they leap to.
const VERY_MANY: u32 = 127;

/// The context of a message, where it has any.
pub(super) fn info(context: Option<&MessageContext>, writer: &Writer<'_>) -> MessageField<ContextInfo> {
    let Some(context) = context else { return MessageField::none() };
    let mut info = ContextInfo {
        mentioned_jid: context.mentions.iter().map(|who| writer.someone(who)).collect(),
        expiration: context.disappears_after,
        ..ContextInfo::default()
    };
    if context.forwarded > 0 {
        info.is_forwarded = Some(true);
        info.forwarding_score = Some(if context.forwarded >= MANY { VERY_MANY } else { context.forwarded });
    }
    if let Some(quoted) = context.quoted.as_deref() {
        info.stanza_id = Some(quoted.provider_id.clone());
        info.participant = writer.author(quoted.from_me, quoted.sender.as_ref());
        info.quoted_message = MessageField::some(said(quoted));
    }
    if info == ContextInfo::default() { MessageField::none() } else { MessageField::some(info) }
}

/// What is quoted of a message. Clients show nothing where there is nothing.
fn said(quoted: &Quoted) -> Message {
    let said = quoted.content.as_ref().and_then(|content| content::message(content, MessageField::none(), false));
    said.unwrap_or_else(|| Message { conversation: Some(String::new()), ..Message::default() })
}
