//! What is counted of deliveries.

use wasup_store::id::Millis;
use wasup_store::repo::delivery::{Finished, Verdict};

use super::retry;
use super::worker::Attempted;

#[expect(clippy::cast_precision_loss, reason = "a lag in milliseconds is far below 2^52")]
pub(super) fn count(attempts: &[Attempted], finished: &[Finished], now_ms: Millis) {
    for (attempted, finished) in attempts.iter().zip(finished) {
        let outcome = retry::metric(finished.attempt.outcome);
        metrics::counter!("wasup_delivery_attempts_total", "outcome" => outcome).increment(1);
        match finished.verdict {
            Verdict::Completed => {
                metrics::counter!("wasup_deliveries_total", "outcome" => "completed").increment(1);
                let lag = now_ms.saturating_sub(attempted.event_ms) as f64 / 1_000.0;
                metrics::histogram!("wasup_delivery_lag_seconds").record(lag);
            }
            Verdict::Discarded(_) => {
                metrics::counter!("wasup_deliveries_total", "outcome" => "discarded").increment(1);
            }
            Verdict::RetryAt(_) => {}
        }
    }
}
