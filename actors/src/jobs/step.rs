//! What a line of jobs does next. Pure: time and randomness come in.

use std::time::Duration;

use rand::{Rng, RngExt as _};
use tokio::time::Instant;
use wasup_store::records::DelayRange;

/// The longest time between two looks, should every wake-up be lost.
pub(super) const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// What a line looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sight {
    /// A job stands in it.
    pub(super) any: bool,
    /// The account is connected.
    pub(super) connected: bool,
    /// A bulk send of the account waits for the wire.
    pub(super) waiting: bool,
}

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// The first job's next item has its turn.
    Send,
    /// Look again at this time, or when woken.
    Look(Instant),
    /// Nothing is left.
    End,
}

/// What a line does next, when the next item may go at `next_at` (`None`: at once). What can't go now stays a job's item
/// instead of filling the outbox, so that a pause holds it back and nothing piles up behind an account that is offline.
pub(super) fn step(sight: Sight, next_at: Option<Instant>, now: Instant) -> Step {
    if !sight.any {
        return Step::End;
    }
    let next_at = next_at.filter(|at| *at > now);
    if !sight.connected || sight.waiting {
        return Step::Look((now + LOOK_AGAIN).max(next_at.unwrap_or(now)));
    }
    next_at.map_or(Step::Send, Step::Look)
}

/// The wait before the next item.
pub(super) fn wait(delay: DelayRange, rng: &mut impl Rng) -> Duration {
    Duration::from_millis(rng.random_range(delay.min_ms..=delay.max_ms.max(delay.min_ms)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng as _;
    use rand::rngs::StdRng;

    #[test]
    fn an_item_goes_when_its_time_has_come_and_nothing_is_in_its_way() {
        let now = Instant::now();
        let later = now + Duration::from_secs(3);
        let free = Sight { any: true, connected: true, waiting: false };
        for (sight, next_at, expected) in [
            (free, None, Step::Send),
            (free, Some(now), Step::Send),
            (free, Some(later), Step::Look(later)),
            (Sight { waiting: true, ..free }, None, Step::Look(now + LOOK_AGAIN)),
            (Sight { waiting: true, ..free }, Some(later), Step::Look(later)),
            (Sight { connected: false, ..free }, Some(now), Step::Look(now + LOOK_AGAIN)),
            (Sight { any: false, connected: false, waiting: true }, Some(later), Step::End),
        ] {
            assert_eq!(step(sight, next_at, now), expected, "{sight:?} {next_at:?}");
        }
    }

    #[test]
    fn waits_are_drawn_from_the_whole_range() {
        let mut rng = StdRng::seed_from_u64(1);
        let mut waits: Vec<_> = (0..1_000)
            .map(|_| u64::try_from(wait(DelayRange { min_ms: 10, max_ms: 12 }, &mut rng).as_millis()).unwrap())
            .collect();
        waits.sort_unstable();
        waits.dedup();
        assert_eq!(waits, [10, 11, 12]);
        for odd in [DelayRange { min_ms: 5, max_ms: 5 }, DelayRange { min_ms: 5, max_ms: 1 }] {
            assert_eq!(wait(odd, &mut rng), Duration::from_millis(5));
        }
    }
}
