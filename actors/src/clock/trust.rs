//! Whether the machine's clock may end rows. Pure: both clocks come in.

use std::time::Duration;

use tokio::time::Instant;
use wasup_store::id::Millis;

/// A clock that jumps by more than this, either way, is not believed at once.
const JUMP: Duration = Duration::from_secs(3_600);
/// A clock that stood this long without another jump is believed.
const BELIEVED_AFTER: Duration = Duration::from_secs(600);

/// What a look at the clocks found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Finding {
    /// Nothing new.
    Same,
    /// The clock is this many milliseconds ahead of where it should be (negative: behind): nothing is ended by it.
    Jumped(i64),
    /// It held: it is believed again.
    Held,
}

/// The trust in the clock.
#[derive(Debug)]
pub(crate) struct Trust {
    last: (Millis, Instant),
    /// Since when the clock has to hold, and by how much it had jumped; `None` while it is believed.
    doubted: Option<(Instant, i64)>,
}

impl Trust {
    /// At the start. `stopped_ms` is when the store was last written (0: never). A clock behind that, or so far ahead
    /// that rows of the shortest life, `retention`, would all end at once, has to hold first: whoever comes back with a
    /// repeated request should still find its first answer.
    pub(crate) fn at_start(wall_ms: Millis, stopped_ms: Millis, retention: Duration, now: Instant) -> (Self, Finding) {
        let ahead = if stopped_ms == 0 { 0 } else { signed(wall_ms, stopped_ms) };
        let longest = i64::try_from(retention.as_millis()).unwrap_or(i64::MAX);
        let doubted = ahead > longest || ahead < -millis(JUMP);
        let trust = Self { last: (wall_ms, now), doubted: doubted.then_some((now, ahead)) };
        (trust, if doubted { Finding::Jumped(ahead) } else { Finding::Same })
    }

    /// Looks at the clocks.
    pub(crate) fn look(&mut self, wall_ms: Millis, now: Instant) -> Finding {
        let (last_ms, last) = std::mem::replace(&mut self.last, (wall_ms, now));
        let passed = u64::try_from(now.duration_since(last).as_millis()).unwrap_or(u64::MAX);
        let jump = signed(wall_ms, last_ms.saturating_add(passed));
        if jump.abs() > millis(JUMP) {
            self.doubted = Some((now, jump));
            return Finding::Jumped(jump);
        }
        match self.doubted {
            Some((since, _)) if now.duration_since(since) >= BELIEVED_AFTER => {
                self.doubted = None;
                Finding::Held
            }
            _ => Finding::Same,
        }
    }

    /// An operator says that the clock is right. `false` where it is believed already.
    pub(crate) fn agree(&mut self) -> bool {
        self.doubted.take().is_some()
    }

    /// By how much the clock had jumped, while it is not believed.
    pub(crate) fn doubted(&self) -> Option<i64> {
        self.doubted.map(|(_, jump)| jump)
    }
}

fn millis(of: Duration) -> i64 {
    i64::try_from(of.as_millis()).unwrap_or(i64::MAX)
}

/// `a - b`.
fn signed(a: Millis, b: Millis) -> i64 {
    i64::try_from(i128::from(a) - i128::from(b)).unwrap_or(if a > b { i64::MAX } else { i64::MIN })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3_600;
    const DAY: Duration = Duration::from_secs(86_400);

    #[test]
    fn a_clock_is_believed_after_ten_minutes_without_a_jump() {
        let begin = Instant::now();
        let at = |seconds: u64| begin + Duration::from_secs(seconds);
        let (mut trust, first) = Trust::at_start(0, 0, DAY, begin);
        assert_eq!(first, Finding::Same);
        let ahead = 2 * HOUR;
        #[rustfmt::skip]
        let table = [
            (60, 60, Finding::Same),
            (120, 120 + ahead, Finding::Jumped(2 * 3_600_000)),
            (719, 719 + ahead, Finding::Same),
            (720, 720 + ahead, Finding::Held),
            (780, 780, Finding::Jumped(-2 * 3_600_000)), // and back
            (900, 900 + ahead, Finding::Jumped(2 * 3_600_000)), // a jump on top of a jump begins anew
            (1_499, 1_499 + ahead, Finding::Same),
            (1_500, 1_500 + ahead, Finding::Held),
            (1_560, 1_560 + ahead + 3_000, Finding::Same), // less than an hour
        ];
        for (passed, wall, expected) in table {
            assert_eq!(trust.look(wall * 1_000, at(passed)), expected, "{passed}");
        }
    }

    #[test]
    fn a_stop_longer_than_a_retention_or_a_clock_behind_the_store_is_doubted_at_the_start() {
        let now = Instant::now();
        let then = 1_800_000_000_000;
        for (wall, stopped, doubted) in [
            (then, 0, false),
            (then, then - 60_000, false),
            (then, then - 86_400_000, false),
            (then, then - 86_400_001, true),
            (then, then + 3_600_000, false),
            (then, then + 3_600_001, true),
        ] {
            let (trust, finding) = Trust::at_start(wall, stopped, DAY, now);
            assert_eq!(trust.doubted().is_some(), doubted, "{wall} {stopped}");
            assert_eq!(finding != Finding::Same, doubted);
        }
    }

    #[test]
    fn an_operator_may_agree() {
        let now = Instant::now();
        let (mut trust, _) = Trust::at_start(10, 10 + 7_200_000, DAY, now);
        assert_eq!(trust.doubted(), Some(-7_200_000));
        assert!(trust.agree() && trust.doubted().is_none() && !trust.agree());
    }
}
