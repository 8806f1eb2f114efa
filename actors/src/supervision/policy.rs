//! When a child is started again. Pure: time and randomness come in.

use std::collections::VecDeque;
use std::time::Duration;

use rand::Rng;
use tokio::time::Instant;

use super::{Backoff, Exit};

/// Which exits are followed by a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RestartKind {
    /// Every exit that its supervisor did not order.
    Permanent,
    /// Crashes only.
    Transient,
}

/// What happens when the restart budget is spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnExceeded {
    /// The child is left alone until somebody releases it; its siblings do not notice.
    Quarantine,
    /// The supervisor gives up itself.
    Escalate,
    /// It is started again after this wait, time and again: nothing else would be better off without it.
    KeepTrying(Duration),
}

/// How a kind of children is treated.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RestartPolicy {
    /// Which exits are followed by a restart.
    pub kind: RestartKind,
    /// Restarts allowed within `within`.
    pub max_restarts: u32,
    /// The window in which they are counted.
    pub within: Duration,
    /// How long to wait before each.
    pub backoff: Backoff,
    /// A child that was up this long starts with a clean history.
    pub stable_after: Duration,
    /// What happens when the budget is spent.
    pub on_exceeded: OnExceeded,
}

/// What happened to a child so far.
#[derive(Debug, Clone, Default)]
pub struct RestartHistory {
    crashes: VecDeque<Instant>,
    streak: u32,
    started: Option<Instant>,
}

impl RestartHistory {
    /// Notes a start.
    pub fn started(&mut self, now: Instant) {
        self.started = Some(now);
    }

    /// How many crashes count at present.
    #[must_use]
    pub fn restarts_within(&self, policy: &RestartPolicy, now: Instant) -> u32 {
        let stable = self.started.is_some_and(|since| now.saturating_duration_since(since) >= policy.stable_after);
        let counts = |crash: &&Instant| !stable && now.saturating_duration_since(**crash) <= policy.within;
        u32::try_from(self.crashes.iter().filter(counts).count()).unwrap_or(u32::MAX)
    }

    /// Forgets everything, as after a release.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

/// What is done about an exit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Started again after this wait.
    RestartAfter(Duration),
    /// Left alone until released.
    Quarantine,
    /// The supervisor gives up.
    Escalate,
    /// It ended as it should.
    LeaveStopped,
}

/// Decides what is done about an exit.
pub fn decide(
    policy: &RestartPolicy,
    history: &mut RestartHistory,
    exit: Exit,
    now: Instant,
    rng: &mut impl Rng,
) -> Verdict {
    if policy.kind == RestartKind::Transient && matches!(exit, Exit::Stopped(_)) {
        return Verdict::LeaveStopped;
    }
    // Two incidents far apart are two incidents, not a flapping child.
    if history.started.take().is_some_and(|since| now.duration_since(since) >= policy.stable_after) {
        history.clear();
    }
    history.crashes.push_back(now);
    while history.crashes.front().is_some_and(|first| now.duration_since(*first) > policy.within) {
        history.crashes.pop_front();
    }
    history.streak = history.streak.saturating_add(1);
    if history.crashes.len() > policy.max_restarts as usize {
        return match policy.on_exceeded {
            OnExceeded::Quarantine => Verdict::Quarantine,
            OnExceeded::Escalate => Verdict::Escalate,
            OnExceeded::KeepTrying(wait) => Verdict::RestartAfter(wait),
        };
    }
    Verdict::RestartAfter(policy.backoff.wait(history.streak, rng))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::supervision::{CrashKind, StopReason};
    use rand::SeedableRng as _;
    use rand::rngs::StdRng;

    const CRASH: Exit = Exit::Crashed(CrashKind::Crashed);

    fn policy() -> RestartPolicy {
        RestartPolicy {
            kind: RestartKind::Transient,
            max_restarts: 5,
            within: Duration::from_secs(600),
            backoff: Backoff { base: Duration::from_secs(1), factor: 2.0, cap: Duration::from_secs(300), jitter: 0.0 },
            stable_after: Duration::from_secs(600),
            on_exceeded: OnExceeded::Quarantine,
        }
    }

    /// Runs crashes, each `up` seconds after its start, and writes down what is done about them.
    fn story(policy: &RestartPolicy, ups: &[u64]) -> Vec<String> {
        let (mut history, mut rng, mut now) = (RestartHistory::default(), StdRng::seed_from_u64(1), Instant::now());
        let mut told = Vec::new();
        for up in ups {
            history.started(now);
            now += Duration::from_secs(*up);
            let verdict = decide(policy, &mut history, CRASH, now, &mut rng);
            told.push(match verdict {
                Verdict::RestartAfter(wait) => {
                    now += wait;
                    wait.as_secs().to_string()
                }
                other => format!("{other:?}"),
            });
        }
        told
    }

    #[test]
    fn the_budget_is_five_restarts_then_quarantine() {
        assert_eq!(story(&policy(), &[0; 6]), ["1", "2", "4", "8", "16", "Quarantine"]);
    }

    #[test]
    fn crashes_outside_the_window_do_not_count_but_the_wait_keeps_growing() {
        let told = story(&policy(), &[200; 8]);
        assert_eq!(told, ["1", "2", "4", "8", "16", "32", "64", "128"]);
    }

    #[test]
    fn a_stable_run_clears_the_history() {
        assert_eq!(story(&policy(), &[0, 0, 0, 600, 0]), ["1", "2", "4", "1", "2"]);
    }

    #[test]
    fn without_restarts_the_first_crash_is_the_last() {
        assert_eq!(story(&RestartPolicy { max_restarts: 0, ..policy() }, &[0]), ["Quarantine"]);
        let escalates = RestartPolicy { max_restarts: 0, on_exceeded: OnExceeded::Escalate, ..policy() };
        assert_eq!(story(&escalates, &[0]), ["Escalate"]);
    }

    #[test]
    fn a_normal_stop_is_left_alone_unless_the_child_is_permanent() {
        let (mut history, mut rng, now) = (RestartHistory::default(), StdRng::seed_from_u64(1), Instant::now());
        let stop = Exit::Stopped(StopReason::LinkEnded);
        assert_eq!(decide(&policy(), &mut history, stop, now, &mut rng), Verdict::LeaveStopped);
        let permanent = RestartPolicy { kind: RestartKind::Permanent, ..policy() };
        let verdict = decide(&permanent, &mut history, stop, now, &mut rng);
        assert_eq!(verdict, Verdict::RestartAfter(Duration::from_secs(1)));
    }
}
