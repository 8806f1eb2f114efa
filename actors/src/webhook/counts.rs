//! What is counted of deliveries.

use std::time::Duration;

use wasup_store::id::AccountNo;
use wasup_store::records::DiscardReason;
use wasup_store::repo::delivery::{Finished, Verdict};

use super::retry;
use super::worker::{Attempt, Attempted};
use crate::meters::{AttemptResult, DeliveryOutcome, Meters};

/// Counts attempts that were noted in the store.
pub(super) fn count(meters: &Meters, attempts: &[Attempted], finished: &[Finished]) {
    for (attempted, finished) in attempts.iter().zip(finished) {
        if attempted.result != Attempt::Pruned {
            count_attempt(meters, attempted, retry::result(finished.attempt.outcome));
        }
        match finished.verdict {
            Verdict::Completed => {
                meters.deliveries.count(DeliveryOutcome::Completed);
                // Until the receiver's answer: what the note of it takes is not the receiver's wait.
                let answered_ms = attempted.at_ms.saturating_add(u64::from(attempted.took_ms));
                meters.lag_seconds.record(Duration::from_millis(answered_ms.saturating_sub(attempted.event_ms)));
            }
            Verdict::Discarded(why) => meters.deliveries.count(outcome(why)),
            Verdict::RetryAt(_) => {}
        }
    }
}

fn count_attempt(meters: &Meters, attempted: &Attempted, result: AttemptResult) {
    meters.attempts.count(result);
    meters.per_account.attempted(attempted.no, result == AttemptResult::Ok);
    meters.attempt_seconds.record(Duration::from_millis(u64::from(attempted.took_ms)));
    if attempted.tries == 1 {
        let waited_ms = attempted.at_ms.saturating_sub(attempted.event_ms);
        meters.first_attempt_seconds.record(Duration::from_millis(waited_ms));
    }
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
