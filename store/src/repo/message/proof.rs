//! What proves that our own sends got on.

use super::super::scope::AccountScope;
use super::super::{acts, held, outbox};
use super::{restate, tell_state};
use crate::id::{MessageId, Millis};
use crate::records::{Direction, MessageRecord, MessageState};
use crate::{StoreError, WriteTx};

/// Moves one of our sends forward; `false` where the proof says nothing new.
pub(in crate::repo) fn advance(
    tx: &mut WriteTx<'_>,
    scope: &mut AccountScope,
    id: MessageId,
    mut message: MessageRecord,
    seen: MessageState,
    at_ms: Millis,
    now_ms: Millis,
) -> Result<bool, StoreError> {
    let before = message.state;
    let Some(after) = before.advance(seen) else { return Ok(false) };
    message.state = after;
    message.reason = None;
    let times = &mut message.times;
    // Receipts tell whole seconds: one of the same second must not seem to come before what it is about.
    let at_ms = at_ms.max(times.sent_ms.or(times.sending_ms).or(times.queued_ms).unwrap_or(0));
    let place = match after {
        MessageState::Delivered => &mut times.delivered_ms,
        MessageState::Read => &mut times.read_ms,
        MessageState::Played => &mut times.played_ms,
        _ => &mut times.sent_ms,
    };
    place.get_or_insert(at_ms);
    if !matches!(before, MessageState::Sent | MessageState::Delivered | MessageState::Read) {
        times.sent_ms.get_or_insert(at_ms);
        if before == MessageState::Failed {
            scope.counters.unsent = scope.counters.unsent.saturating_sub(1);
        }
        scope.counters.sent += 1;
        scope.count(Direction::Outbound, &message.content, now_ms);
        outbox::remove(tx, scope, message.lane, id.key)?;
        // One that was let go was perhaps on the wire before, too.
        message.tries = message.tries.max(1);
    }
    held::count(scope, before, message.state);
    restate(tx, id, before, &message)?;
    tell_state(tx, scope, id, &message, now_ms)?;
    if !before.is_settled() || before == MessageState::Failed {
        // What it does to another message is done now, and not before the network has it.
        acts::apply(tx, scope, &message)?;
    }
    Ok(true)
}
