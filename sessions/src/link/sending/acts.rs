//! Acts upon other messages in the network's words: another text, taken back, an emoji, a vote.

use buffa::MessageField;
use wacore::poll;
use waproto::whatsapp::message as part;
use waproto::whatsapp::message::protocol_message::Type as ProtocolType;
use waproto::whatsapp::{ContextInfo, Message};
use wasup_store::records::{Content, MessageSecret, Target};

use super::from::Writer;
use crate::ports::{Outgoing, SendError};

/// The message of an act, or `None` where the content is none.
pub(super) fn message(
    outgoing: &Outgoing,
    writer: &Writer<'_>,
    context: MessageField<ContextInfo>,
) -> Option<Result<Message, SendError>> {
    let at_ms = i64::try_from(outgoing.ts_ms).unwrap_or_default();
    Some(match &outgoing.content {
        Content::Reaction { target, emoji } => {
            // An empty emoji takes an earlier one off.
            let emoji = emoji.as_deref().unwrap_or_default();
            Ok(wacore::proto_helpers::build_reaction_message(writer.key(target), emoji, at_ms))
        }
        Content::Edit { target, body } => Ok(protocol(part::ProtocolMessage {
            key: MessageField::some(writer.key(target)),
            r#type: Some(ProtocolType::MESSAGE_EDIT),
            edited_message: MessageField::some(super::content::text(body, None, context)),
            timestamp_ms: Some(at_ms),
            ..Default::default()
        })),
        Content::Revoke { target } => Ok(protocol(part::ProtocolMessage {
            key: MessageField::some(writer.key(target)),
            r#type: Some(ProtocolType::REVOKE),
            ..Default::default()
        })),
        Content::PollVote { target, options } => {
            let options = options.as_deref().unwrap_or_default();
            vote(target, options, outgoing.secret, writer, at_ms).ok_or(SendError::NotSendable)
        }
        _ => return None,
    })
}

fn protocol(protocol: part::ProtocolMessage) -> Message {
    Message { protocol_message: MessageField::some(protocol), ..Message::default() }
}

/// A vote names the answers by their hashes, sealed with the poll's secret.
fn vote(
    target: &Target,
    options: &[String],
    secret: Option<MessageSecret>,
    writer: &Writer<'_>,
    at_ms: i64,
) -> Option<Message> {
    let hashes: Vec<_> = options.iter().map(|option| poll::compute_option_hash(option).to_vec()).collect();
    let author = writer.author(target.from_me, target.sender.as_ref())?;
    let (payload, iv) =
        poll::encrypt_poll_vote_with_secret(&hashes, &secret?.0, &target.provider_id, &author, &writer.own()?).ok()?;
    let update = part::PollUpdateMessage {
        poll_creation_message_key: MessageField::some(writer.key(target)),
        vote: MessageField::some(part::PollEncValue { enc_payload: Some(payload), enc_iv: Some(iv.to_vec()) }),
        sender_timestamp_ms: Some(at_ms),
        ..Default::default()
    };
    Some(Message { poll_update_message: MessageField::some(update), ..Message::default() })
}
