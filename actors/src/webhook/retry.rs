//! What becomes of a delivery after an attempt. Pure.

use std::time::Duration;

use rand::Rng;
use wasup_store::id::Millis;
use wasup_store::records::{AttemptOutcome, DiscardReason, StatusRange, StatusRules};
use wasup_store::repo::delivery::Verdict;

use super::{Answered, Policy, WebhookAnswer};
use crate::meters::AttemptResult;
use crate::supervision::spread;

/// A receiver that is overloaded gets at least this long to recover.
const OVERLOAD_MIN: Duration = Duration::from_secs(60);

/// What a status means to an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    Success,
    Gone,
    Overloaded,
    Refused,
    /// Nothing that is known: a repeat may help.
    Failure,
}

fn meaning(status: u16, rules: &StatusRules) -> Meaning {
    let lists = |ranges: &[StatusRange]| ranges.iter().any(|range| range.holds(status));
    match status {
        200..=299 => Meaning::Success,
        _ if lists(&rules.gone) => Meaning::Gone,
        _ if lists(&rules.overloaded) => Meaning::Overloaded,
        _ if lists(&rules.refused) => Meaning::Refused,
        _ => Meaning::Failure,
    }
}

/// Decides from how many attempts were begun, this one included, and what came of this one. `None` for the answer:
/// the worker died and nobody knows.
pub(super) fn decide(
    tries: u32,
    answer: Option<&WebhookAnswer>,
    policy: &Policy,
    now_ms: Millis,
    rng: &mut impl Rng,
) -> Verdict {
    let (overloaded, asked) = match answer {
        Some(WebhookAnswer::Answered(Answered { status, retry_after, .. })) => {
            match meaning(*status, &policy.statuses) {
                Meaning::Success => return Verdict::Completed,
                Meaning::Gone => return Verdict::Discarded(DiscardReason::Gone),
                Meaning::Refused => return Verdict::Discarded(DiscardReason::Refused),
                Meaning::Overloaded => (true, *retry_after),
                Meaning::Failure => (false, *retry_after),
            }
        }
        Some(WebhookAnswer::Forbidden) => return Verdict::Discarded(DiscardReason::Forbidden),
        Some(WebhookAnswer::TimedOut) => (true, None),
        Some(WebhookAnswer::Unreachable) | None => (false, None),
    };
    let Some(scheduled) = policy.schedule.get(tries as usize) else {
        return Verdict::Discarded(DiscardReason::Exhausted);
    };
    let mut wait = spread(*scheduled, policy.jitter, rng);
    if overloaded {
        wait = wait.max(OVERLOAD_MIN);
    }
    if let Some(asked) = asked {
        // Longer than the schedule's own longest wait would let a receiver hold a delivery for ever.
        let longest = policy.schedule.iter().copied().max().unwrap_or_default().max(OVERLOAD_MIN);
        wait = wait.max(asked.min(longest));
    }
    Verdict::RetryAt(now_ms.saturating_add(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)))
}

/// The attempt as it is kept.
pub(super) const fn outcome(answer: Option<&WebhookAnswer>) -> AttemptOutcome {
    match answer {
        Some(WebhookAnswer::Answered(answered)) => AttemptOutcome::Answered { status: answered.status },
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
    use std::sync::Arc;
    use wasup_store::id::{AccountNo, EndpointId};
    use wasup_store::records::EndpointRecord;

    use crate::settings::WebhookSettings;
    use crate::webhook::resolve;

    const NOW: Millis = 1_000_000;

    fn policy(jitter: f64) -> Policy {
        let plain = EndpointRecord::new(EndpointId::new(1, 1), AccountNo(1), "http://a/".into(), vec![7; 32], 1);
        resolve(&plain, &WebhookSettings { jitter, ..WebhookSettings::default() })
    }

    fn status(status: u16) -> WebhookAnswer {
        WebhookAnswer::Answered(Answered::status(status))
    }

    fn after(status: u16, seconds: u64) -> WebhookAnswer {
        let retry_after = Some(Duration::from_secs(seconds));
        WebhookAnswer::Answered(Answered { retry_after, ..Answered::status(status) })
    }

    fn decided(tries: u32, answer: Option<&WebhookAnswer>) -> Verdict {
        decide(tries, answer, &policy(0.0), NOW, &mut StdRng::seed_from_u64(1))
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
        let policy = policy(0.2);
        let mut rng = StdRng::seed_from_u64(3);
        let mut waits = |tries, answer: &WebhookAnswer| -> Vec<u64> {
            let wait = |_| match decide(tries, Some(answer), &policy, 0, &mut rng) {
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
        let once = Policy { schedule: [Duration::ZERO].into(), ..policy(0.0) };
        let verdict = decide(1, Some(&Unreachable), &once, NOW, &mut StdRng::seed_from_u64(1));
        assert_eq!(verdict, Verdict::Discarded(DiscardReason::Exhausted));
    }

    #[test]
    fn an_endpoint_can_have_rules_of_its_own() {
        let range = |from, to| StatusRange { from, to };
        // A system that gives up on nothing, and one that knows no 410.
        let patient = StatusRules { gone: vec![], overloaded: vec![], refused: vec![] };
        let plain = StatusRules { gone: vec![], refused: vec![range(400, 499)], ..StatusRules::default() };
        let odd = StatusRules {
            gone: vec![range(404, 404)],
            overloaded: vec![range(404, 404), range(500, 500)],
            refused: vec![],
        };
        let wait = |seconds: u64| Verdict::RetryAt(NOW + seconds * 1_000);
        #[rustfmt::skip]
        let table = [
            (&patient, 410, wait(5)), (&patient, 404, wait(5)), (&patient, 429, wait(5)), (&patient, 204, Verdict::Completed),
            (&plain, 410, Verdict::Discarded(DiscardReason::Refused)), (&plain, 429, wait(60)),
            (&odd, 404, Verdict::Discarded(DiscardReason::Gone)), (&odd, 500, wait(60)), (&odd, 410, wait(5)),
        ];
        for (rules, code, expected) in table {
            let policy = Policy { statuses: Arc::new(rules.clone()), ..policy(0.0) };
            let verdict = decide(1, Some(&status(code)), &policy, NOW, &mut StdRng::seed_from_u64(1));
            assert_eq!(verdict, expected, "{code} by {rules:?}");
        }
    }
}
