//! Attempts that were made, and what they mean for their deliveries and endpoints.

use super::{Finished, ReplyWish, Verdict, attempts, bad_key, counters, ending, endpoint, order, queue, todo_key};
use crate::id::{AccountNo, DeliveryId, EndpointId, Millis};
use crate::records::{
    AttemptOutcome, DeliveryRecord, DeliveryState, DiscardReason, EndpointCounters, NotSent, Off, Reply,
};
use crate::repo::send::{self, AcceptError};
use crate::{StoreError, Tree, WriteTx};

/// What followed from finished attempts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Noted {
    /// Replies, with the accounts that are to send them.
    pub replies: Vec<(AccountNo, Reply)>,
    /// Endpoints that were switched off.
    pub off: Vec<(EndpointId, Off)>,
}

/// Notes finished attempts, and all that follows: endpoints that are switched off, events that tell of it, replies. A
/// delivery that is final already keeps its end.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn finish(tx: &mut WriteTx<'_>, finished: &[Finished], now_ms: Millis) -> Result<Noted, StoreError> {
    let mut noted = Noted::default();
    for one in finished {
        finish_one(tx, one, now_ms, &mut noted)?;
    }
    // Judged after all: a success among them clears its endpoint.
    for one in finished {
        let id = one.id.endpoint;
        if let Some(why) = off_for(tx, one, now_ms)?
            && ending::switch_off(tx, id, why, now_ms)?
        {
            noted.off.push((id, why));
        }
    }
    Ok(noted)
}

fn finish_one(tx: &mut WriteTx<'_>, finished: &Finished, now_ms: Millis, noted: &mut Noted) -> Result<(), StoreError> {
    let id = finished.id;
    let Some(mut delivery) = tx.record::<DeliveryRecord>(Tree::Delivery, id.to_bytes())? else { return Ok(()) };
    if delivery.state.is_final() {
        return Ok(());
    }
    // The endpoint was removed meanwhile, and its rows are being cleared.
    let Some(mut counts) = tx.reading(|tx| counters::known_endpoint(tx, id.endpoint))? else { return Ok(()) };
    if delivery.state != DeliveryState::Suspended {
        tx.delete(Tree::DeliveryTodo, todo_key(id, delivery.due_ms))?;
    }
    attempts::note(tx, id, &mut delivery, finished.attempt.clone())?;
    count(&mut counts, finished, now_ms);
    match finished.verdict {
        Verdict::RetryAt(at_ms) => {
            (delivery.state, delivery.due_ms) = (DeliveryState::Retryable, at_ms);
            tx.put_fixed(Tree::DeliveryTodo, todo_key(id, at_ms), &[])?;
            if is_on(tx, id.endpoint)? {
                queue::wake_by(tx, id.endpoint, &mut counts, at_ms)?;
            }
        }
        Verdict::Completed => end(tx, id, (&mut delivery, &mut counts), None, now_ms)?,
        Verdict::Discarded(why) => end(tx, id, (&mut delivery, &mut counts), Some(why), now_ms)?,
    }
    // Before anything that may queue for the same endpoint.
    counters::put_endpoint(tx, id.endpoint, &counts)?;
    match finished.verdict {
        Verdict::Completed => answer(tx, finished, &mut delivery, noted)?,
        Verdict::Discarded(why) => {
            let status = finished.attempt.outcome.status();
            ending::tell_discarded(tx, id, &delivery, (why, status), now_ms)?;
        }
        Verdict::RetryAt(_) => {}
    }
    tx.put_record(Tree::Delivery, id.to_bytes(), &delivery)
}

/// Ends a delivery that stands in no queue any more. The record and the counters are the caller's to write.
fn end(
    tx: &mut WriteTx<'_>,
    id: DeliveryId,
    (delivery, counts): (&mut DeliveryRecord, &mut EndpointCounters),
    why: Option<DiscardReason>,
    now_ms: Millis,
) -> Result<(), StoreError> {
    let moved_up = order::leave(tx, id, delivery, now_ms)?;
    delivery.ended_ms = Some(now_ms);
    delivery.why = why;
    delivery.state = if why.is_some() { DeliveryState::Discarded } else { DeliveryState::Completed };
    if why.is_some() {
        tx.put_fixed(Tree::DeliveryBad, bad_key(id, now_ms), &[])?;
    }
    counts.pending = counts.pending.saturating_sub(1);
    if counts.pending == 0 {
        counts.oldest = None;
        queue::set_wake(tx, id.endpoint, counts, None)?;
    } else if moved_up && is_on(tx, id.endpoint)? {
        queue::wake_by(tx, id.endpoint, counts, now_ms)?;
    }
    Ok(())
}

fn is_on(tx: &WriteTx<'_>, id: EndpointId) -> Result<bool, StoreError> {
    tx.reading(|tx| Ok(endpoint::get(tx, id)?.is_some_and(|endpoint| endpoint.enabled())))
}

/// Gives up a delivery that has not ended; `false` where it has, or where its endpoint is gone.
pub(in crate::repo) fn give_up(
    tx: &mut WriteTx<'_>,
    id: DeliveryId,
    why: DiscardReason,
    now_ms: Millis,
) -> Result<bool, StoreError> {
    let Some(mut delivery) = tx.record::<DeliveryRecord>(Tree::Delivery, id.to_bytes())? else { return Ok(false) };
    let Some(mut counts) = tx.reading(|tx| counters::known_endpoint(tx, id.endpoint))? else { return Ok(false) };
    if delivery.state.is_final() {
        return Ok(false);
    }
    tx.delete(Tree::DeliveryTodo, todo_key(id, delivery.due_ms))?;
    end(tx, id, (&mut delivery, &mut counts), Some(why), now_ms)?;
    counts.discarded += 1;
    counters::put_endpoint(tx, id.endpoint, &counts)?;
    tx.put_record(Tree::Delivery, id.to_bytes(), &delivery)?;
    Ok(true)
}

fn count(counts: &mut EndpointCounters, finished: &Finished, now_ms: Millis) {
    match finished.verdict {
        Verdict::Completed => {
            counts.completed += 1;
            counts.failing_since_ms = None;
            return;
        }
        Verdict::Discarded(_) => counts.discarded += 1,
        Verdict::RetryAt(_) => {}
    }
    counts.failed_attempts += 1;
    // A worker that died says nothing about the receiver.
    if finished.attempt.outcome != AttemptOutcome::Lost {
        counts.failing_since_ms.get_or_insert(now_ms);
    }
}

/// Accepts the answer as a message to the chat, once and never again.
fn answer(
    tx: &mut WriteTx<'_>,
    finished: &Finished,
    delivery: &mut DeliveryRecord,
    noted: &mut Noted,
) -> Result<(), StoreError> {
    let Some(wish) = &finished.reply else { return Ok(()) };
    if matches!(delivery.reply, Some(Reply::Sent(_))) {
        return Ok(());
    }
    let reply = match wish {
        ReplyWish::Not(why) => Reply::NotSent(*why),
        ReplyWish::Send(new) => match send::accept(tx, new) {
            Ok(accepted) => Reply::Sent(accepted.id),
            Err(AcceptError::OutboxFull) => Reply::NotSent(NotSent::OutboxFull),
            Err(AcceptError::NoAccount | AcceptError::KeyReused) => Reply::NotSent(NotSent::AccountGone),
            Err(AcceptError::Store(error)) => return Err(error),
        },
    };
    delivery.reply = Some(reply);
    noted.replies.push((delivery.no, reply));
    Ok(())
}

/// Why the endpoint is to be switched off by this, if it is.
fn off_for(tx: &WriteTx<'_>, finished: &Finished, now_ms: Millis) -> Result<Option<Off>, StoreError> {
    match (finished.verdict, finished.disable_after_ms) {
        (Verdict::Discarded(DiscardReason::Gone), _) => Ok(Some(Off::Gone)),
        (Verdict::Completed, _) | (_, None) => Ok(None),
        (_, Some(longest)) => {
            let counts = tx.reading(|tx| counters::known_endpoint(tx, finished.id.endpoint))?;
            let since = counts.and_then(|counts| counts.failing_since_ms);
            Ok(since.filter(|since| now_ms.saturating_sub(*since) >= longest).map(|_| Off::Failing))
        }
    }
}
