//! What becomes of a time that has come, and of those that passed without the schedule. Pure: one step at a time, so that a
//! crash between two of them leaves nothing to be remembered.

use wasup_store::id::Millis;
use wasup_store::records::MissedPolicy;

use super::times::Times;

/// Beyond this, missed times are not counted.
pub(crate) const COUNT_MAX: u32 = 1_000;

/// The next step of a schedule whose time has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// It runs, and this is its next time.
    Run {
        /// The time after this one.
        next_ms: Option<Millis>,
    },
    /// Its times up to one passed without it.
    Miss {
        /// The last of them.
        until_ms: Millis,
        /// How many they are, at most [`COUNT_MAX`].
        count: u32,
        /// The time after them, which may have come, too.
        next_ms: Option<Millis>,
    },
}

/// Whether a time passed without anybody there: later than this it is no delay.
pub(crate) const fn is_late(due_ms: Millis, now_ms: Millis, grace_ms: Millis) -> bool {
    due_ms.saturating_add(grace_ms) < now_ms
}

/// The last time up to a moment, from one time on.
fn last(times: &Times, due_ms: Millis, upto_ms: Millis) -> Millis {
    let comes = |after_ms: Millis| times.next(after_ms).is_some_and(|at_ms| at_ms <= upto_ms);
    if !comes(due_ms) {
        return due_ms;
    }
    // After `from` one comes, after `to` none does.
    let (mut from, mut to) = (due_ms, upto_ms);
    while to - from > 1 {
        let middle = from + (to - from) / 2;
        if comes(middle) { from = middle } else { to = middle }
    }
    to
}

/// How many times there are from one to another.
fn count(times: &Times, due_ms: Millis, until_ms: Millis) -> u32 {
    let all = std::iter::successors(Some(due_ms), |at_ms| times.next(*at_ms));
    let counted = all.take_while(|at_ms| *at_ms <= until_ms).take(COUNT_MAX as usize).count();
    u32::try_from(counted).unwrap_or(COUNT_MAX)
}

/// The newest times up to a moment: the first of so many.
fn first_of_newest(times: &Times, due_ms: Millis, now_ms: Millis, most: u32) -> Millis {
    let newest = last(times, due_ms, now_ms);
    (1..most).fold(newest, |at_ms, _| if at_ms > due_ms { last(times, due_ms, at_ms - 1) } else { at_ms })
}

/// What to do about the time `due_ms`, which has come.
pub(crate) fn step(times: &Times, policy: MissedPolicy, due_ms: Millis, (now_ms, grace_ms): (Millis, Millis)) -> Step {
    let run = Step::Run { next_ms: times.next(due_ms) };
    if !is_late(due_ms, now_ms, grace_ms) {
        return run;
    }
    let until = |until_ms: Millis| Step::Miss {
        until_ms,
        count: count(times, due_ms, until_ms),
        next_ms: times.next(until_ms),
    };
    let newest = match policy {
        MissedPolicy::Skip => return until(last(times, due_ms, now_ms.saturating_sub(grace_ms + 1))),
        MissedPolicy::RunOnce => 1,
        MissedPolicy::RunAll(most) => most.max(1),
    };
    if count(times, due_ms, now_ms) <= newest.min(COUNT_MAX - 1) {
        return run;
    }
    let first = first_of_newest(times, due_ms, now_ms, newest);
    if first == due_ms { run } else { until(last(times, due_ms, first - 1)) }
}

#[cfg(test)]
#[path = "missed_tests.rs"]
mod tests;
