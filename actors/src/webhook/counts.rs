//! What is counted of deliveries.

use std::time::Duration;

use wasup_store::id::{AccountNo, Millis};
use wasup_store::records::{DiscardReason, NotSent, Reply};
use wasup_store::repo::delivery::{Finished, Verdict};

use super::retry;
use super::worker::{Attempt, Attempted};
use crate::meters::{AttemptResult, DeliveryOutcome, Meters, ReplyOutcome};

/// Counts attempts that were noted in the store.
pub(super) fn count(meters: &Meters, attempts: &[Attempted], finished: &[Finished]) {
    for (attempted, finished) in attempts.iter().zip(finished) {
        if attempted.result != Attempt::Pruned {
            count_attempt(meters, attempted, retry::result(finished.attempt.outcome));
        }
        match finished.verdict {
            Verdict::Completed => {
                meters.deliveries.count(DeliveryOutcome::Completed);
                if is_of_first_schedule(attempted) {
                    // Until the receiver's answer: what the note of it takes is not the receiver's wait.
                    let answered_ms = attempted.at_ms.saturating_add(u64::from(attempted.took_ms));
                    meters.lag_seconds.record(since(attempted.about.queued_ms, answered_ms));
                }
            }
            Verdict::Discarded(why) => meters.deliveries.count(outcome(why)),
            Verdict::RetryAt(_) => {}
        }
    }
}

/// A replay happens whenever somebody asks for it: how long that took says nothing about anybody's speed.
const fn is_of_first_schedule(attempted: &Attempted) -> bool {
    attempted.about.n == attempted.about.tries
}

fn since(then_ms: Millis, now_ms: Millis) -> Duration {
    Duration::from_millis(now_ms.saturating_sub(then_ms))
}

fn count_attempt(meters: &Meters, attempted: &Attempted, result: AttemptResult) {
    meters.attempts.count(result);
    meters.per_account.attempted(attempted.about.no, result == AttemptResult::Ok);
    meters.attempt_seconds.record(Duration::from_millis(u64::from(attempted.took_ms)));
    if attempted.about.n == 1 {
        meters.first_attempt_seconds.record(since(attempted.about.queued_ms, attempted.at_ms));
    }
}

/// Counts what became of answers that were meant for a chat.
pub(super) fn count_reply(meters: &Meters, reply: Reply) {
    let outcome = match reply {
        Reply::Sent(_) => ReplyOutcome::Sent,
        Reply::NotSent(NotSent::TooLong) => ReplyOutcome::TooLong,
        Reply::NotSent(NotSent::NotYet | NotSent::BadMedia) => ReplyOutcome::BadMedia,
        Reply::NotSent(NotSent::OutboxFull) => ReplyOutcome::OutboxFull,
        Reply::NotSent(NotSent::SpaceLow) => ReplyOutcome::SpaceLow,
        Reply::NotSent(NotSent::AccountGone) => ReplyOutcome::AccountGone,
    };
    meters.replies.count(outcome);
}

/// Counts attempts whose workers never came home, found when their leases had ended.
pub(super) fn count_lost(meters: &Meters, accounts: &[AccountNo]) {
    for no in accounts {
        meters.attempts.count(AttemptResult::Lost);
        meters.per_account.attempted(*no, false);
    }
}

const fn outcome(why: DiscardReason) -> DeliveryOutcome {
    match why {
        DiscardReason::Exhausted => DeliveryOutcome::Exhausted,
        DiscardReason::Refused => DeliveryOutcome::Refused,
        DiscardReason::Gone => DeliveryOutcome::Gone,
        DiscardReason::Forbidden => DeliveryOutcome::Forbidden,
        DiscardReason::EventPruned => DeliveryOutcome::EventPruned,
    }
}
