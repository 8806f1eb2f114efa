//! What becomes of a delivery after an attempt. Pure.

use std::time::Duration;

use rand::Rng;
use wasup_store::id::Millis;
use wasup_store::records::{AttemptOutcome, DiscardReason};
use wasup_store::repo::delivery::Verdict;

use super::WebhookAnswer;
use crate::meters::AttemptResult;
use crate::settings::WebhookSettings;
use crate::supervision::spread;

/// A receiver that is overloaded gets at least this long to recover.
const OVERLOAD_MIN: Duration = Duration::from_secs(60);

/// Decides from how many attempts were begun, this one included, and what came of this one. `None` for the answer:
/// the worker died and nobody knows.
pub(super) fn decide(
    tries: u32,
    answer: Option<&WebhookAnswer>,
    settings: &WebhookSettings,
    now_ms: Millis,
    rng: &mut impl Rng,
) -> Verdict {
    let overloaded = match answer {
        Some(WebhookAnswer::Answered { status: 200..=299, .. }) => return Verdict::Completed,
        Some(WebhookAnswer::Answered { status: 410, .. }) => return Verdict::Discarded(DiscardReason::Gone),
        Some(WebhookAnswer::Answered { status: 429 | 502 | 503 | 504, .. } | WebhookAnswer::TimedOut) => true,
        Some(WebhookAnswer::Answered { status: 408, .. }) => false,
        // A repeat of the same request gets the same refusal.
        Some(WebhookAnswer::Answered { status: 400..=499, .. }) => return Verdict::Discarded(DiscardReason::Refused),
        Some(WebhookAnswer::Answered { .. } | WebhookAnswer::Unreachable) | None => false,
        Some(WebhookAnswer::Forbidden) => return Verdict::Discarded(DiscardReason::Forbidden),
    };
    let Some(scheduled) = settings.schedule.get(tries as usize) else {
        return Verdict::Discarded(DiscardReason::Exhausted);
    };
    let mut wait = spread(*scheduled, settings.jitter, rng);
    if overloaded {
        wait = wait.max(OVERLOAD_MIN);
    }
    if let Some(WebhookAnswer::Answered { retry_after: Some(asked), .. }) = answer {
        // Longer than the schedule's own longest wait would let a receiver hold a delivery for ever.
        let longest = settings.schedule.iter().copied().max().unwrap_or_default().max(OVERLOAD_MIN);
        wait = wait.max((*asked).min(longest));
    }
    Verdict::RetryAt(now_ms.saturating_add(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)))
}

/// The attempt as it is kept.
pub(super) const fn outcome(answer: Option<&WebhookAnswer>) -> AttemptOutcome {
    match answer {
        Some(WebhookAnswer::Answered { status, .. }) => AttemptOutcome::Answered { status: *status },
        Some(WebhookAnswer::TimedOut) => AttemptOutcome::TimedOut,
        Some(WebhookAnswer::Unreachable) => AttemptOutcome::Unreachable,
        Some(WebhookAnswer::Forbidden) => AttemptOutcome::Forbidden,
        None => AttemptOutcome::Lost,
    }
}

/// The word used in metrics.
pub(super) const fn result(outcome: AttemptOutcome) -> AttemptResult {
    match outcome {
        AttemptOutcome::Answered { status: 200..=299 } => AttemptResult::Ok,
        AttemptOutcome::Answered { status: 400..=499 } => AttemptResult::Status4xx,
        AttemptOutcome::Answered { status: 500..=599 } => AttemptResult::Status5xx,
        AttemptOutcome::Answered { .. } => AttemptResult::StatusOther,
        AttemptOutcome::TimedOut => AttemptResult::Timeout,
        AttemptOutcome::Unreachable => AttemptResult::Unreachable,
        AttemptOutcome::Forbidden => AttemptResult::Forbidden,
        AttemptOutcome::Lost => AttemptResult::Lost,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use WebhookAnswer::{Forbidden, TimedOut, Unreachable};
    use rand::SeedableRng as _;
    use rand::rngs::StdRng;

    const NOW: Millis = 1_000_000;

    fn settings() -> WebhookSettings {
        WebhookSettings { jitter: 0.0, ..WebhookSettings::default() }
    }

    fn status(status: u16) -> WebhookAnswer {
        WebhookAnswer::Answered { status, retry_after: None }
    }

    fn after(status: u16, seconds: u64) -> WebhookAnswer {
        WebhookAnswer::Answered { status, retry_after: Some(Duration::from_secs(seconds)) }
    }

    fn decided(tries: u32, answer: Option<&WebhookAnswer>) -> Verdict {
        decide(tries, answer, &settings(), NOW, &mut StdRng::seed_from_u64(1))
    }

    #[test]
    fn every_answer_has_its_end_or_its_wait() {
        let wait = |seconds: u64| Verdict::RetryAt(NOW + seconds * 1_000);
        let discarded = Verdict::Discarded;
        #[rustfmt::skip]
        let table = [
            (1, Some(status(200)), Verdict::Completed),
            (1, Some(status(204)), Verdict::Completed),
            (10, Some(status(299)), Verdict::Completed),
            (1, Some(status(302)), wait(5)),
            (1, Some(status(100)), wait(5)),
            (1, Some(status(410)), discarded(DiscardReason::Gone)),
            (1, Some(status(400)), discarded(DiscardReason::Refused)),
            (1, Some(status(401)), discarded(DiscardReason::Refused)),
            (1, Some(status(404)), discarded(DiscardReason::Refused)),
            (1, Some(status(408)), wait(5)),
            (1, Some(status(429)), wait(60)),
            (1, Some(status(500)), wait(5)),
            (2, Some(status(500)), wait(300)),
            (3, Some(status(500)), wait(1_800)),
            (9, Some(status(500)), wait(86_400)),
            (10, Some(status(500)), discarded(DiscardReason::Exhausted)),
            (11, Some(status(500)), discarded(DiscardReason::Exhausted)),
            (1, Some(status(502)), wait(60)),
            (1, Some(status(503)), wait(60)),
            (1, Some(status(504)), wait(60)),
            (2, Some(status(503)), wait(300)),
            (1, Some(TimedOut), wait(60)),
            (1, Some(Unreachable), wait(5)),
            (1, Some(Forbidden), discarded(DiscardReason::Forbidden)),
            (1, None, wait(5)),
            (10, None, discarded(DiscardReason::Exhausted)),
            (1, Some(after(429, 120)), wait(120)),
            (1, Some(after(429, 1)), wait(60)),
            (1, Some(after(503, 999_999_999)), wait(86_400)),
            (1, Some(after(500, 7)), wait(7)),
            (2, Some(after(500, 7)), wait(300)),
            (1, Some(after(200, 7)), Verdict::Completed),
        ];
        for (tries, answer, expected) in table {
            assert_eq!(decided(tries, answer.as_ref()), expected, "try {tries}: {answer:?}");
        }
    }

    #[test]
    fn waits_are_spread_but_an_overloaded_receiver_keeps_its_minute() {
        let settings = WebhookSettings { jitter: 0.2, ..WebhookSettings::default() };
        let mut rng = StdRng::seed_from_u64(3);
        let mut waits = |tries, answer: &WebhookAnswer| -> Vec<u64> {
            let wait = |_| match decide(tries, Some(answer), &settings, 0, &mut rng) {
                Verdict::RetryAt(at) => at,
                other => panic!("{other:?}"),
            };
            (0..200).map(wait).collect()
        };
        let plain = waits(2, &status(500));
        assert!(plain.iter().all(|wait| (240_000..=360_000).contains(wait)));
        assert!(plain.iter().any(|wait| *wait < 260_000) && plain.iter().any(|wait| *wait > 340_000));
        assert!(waits(1, &status(429)).iter().all(|wait| *wait == 60_000));
    }

    #[test]
    fn a_one_step_schedule_tries_once() {
        let settings = WebhookSettings { schedule: [Duration::ZERO].into(), ..settings() };
        let verdict = decide(1, Some(&Unreachable), &settings, NOW, &mut StdRng::seed_from_u64(1));
        assert_eq!(verdict, Verdict::Discarded(DiscardReason::Exhausted));
    }
}
