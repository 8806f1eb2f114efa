//! Messages and their states as events.

use super::super::scope::AccountScope;
use super::super::{event, fleeting, run};
use crate::id::{MessageId, Millis};
use crate::records::{
    Content, Direction, EventData, EventKind, MessageEvent, MessageRecord, MessageState, StatusEvent,
};
use crate::{StoreError, WriteTx};

/// Tells a message's state as an event.
pub(in crate::repo) fn tell_state(
    tx: &mut WriteTx<'_>,
    scope: &mut AccountScope,
    id: MessageId,
    message: &MessageRecord,
    now_ms: Millis,
) -> Result<(), StoreError> {
    run::moved(tx, scope, id, message, now_ms)?;
    let data = EventData::Status(StatusEvent {
        id,
        provider_id: message.provider_id.clone(),
        chat: message.chat.clone(),
        state: message.state,
        reason: message.reason,
        client_message_id: message.client_message_id.clone(),
    });
    let event = event::NewEvent { kind: EventKind::MessageStatus, data, chat_no: Some(message.chat_no), now_ms };
    if message.state == MessageState::Queued {
        // Whoever sent it has the 202; endpoints hear of it from `sent` on.
        event::append_quietly(tx, scope, event)?;
    } else {
        event::append(tx, scope, event)?;
    }
    Ok(())
}

/// Tells a message as an event.
pub(in crate::repo) fn tell(
    tx: &mut WriteTx<'_>,
    scope: &mut AccountScope,
    id: MessageId,
    message: &MessageRecord,
    now_ms: Millis,
) -> Result<(), StoreError> {
    let kind = match (&message.content, message.direction) {
        (Content::Edit { .. }, _) => EventKind::MessageEdited,
        (Content::Revoke { .. }, _) => EventKind::MessageRevoked,
        (Content::Reaction { .. }, _) => EventKind::MessageReaction,
        (Content::PollVote { .. }, _) => EventKind::PollVote,
        (_, Direction::Inbound) => EventKind::MessageReceived,
        (_, Direction::Outbound) => EventKind::MessageSent,
    };
    let data = EventData::Message(MessageEvent {
        id,
        provider_id: message.provider_id.clone(),
        direction: message.direction,
        chat: message.chat.clone(),
        sender: message.sender.clone(),
        push_name: message.push_name.clone(),
        ts_ms: message.ts_ms,
        content: message.content.clone(),
        context: message.context.clone(),
    });
    let told = event::NewEvent { kind, data, chat_no: Some(message.chat_no), now_ms };
    let position = event::append(tx, scope, told)?;
    if message.fleeting {
        fleeting::note(tx, id, position, now_ms)?;
    }
    Ok(())
}
