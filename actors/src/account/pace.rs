//! How fast an account sends. Pure: time and chance come in.

use std::collections::VecDeque;
use std::time::Duration;

use rand::{Rng, RngExt as _};
use wasup_store::id::Millis;
use wasup_store::records::PacingSettings;

use crate::settings::PaceSettings;

/// The window of `per_minute`.
const MINUTE_MS: Millis = 60_000;

/// What one account is kept to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct PaceRules {
    /// Shortest and longest time between two messages; `None` where there need not be any.
    gap_ms: Option<(Millis, Millis)>,
    /// Most messages in a minute.
    per_minute: Option<u32>,
    /// Most chats in a day with people who never wrote.
    pub(super) cold_per_day: Option<u32>,
}

impl PaceRules {
    /// An account's own settings before the installation's.
    pub(super) fn of(account: &PacingSettings, installation: &PaceSettings) -> Self {
        let ms = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        let least = account.gap_min_ms.unwrap_or_else(|| ms(installation.gap_min));
        // An account that sets only its shortest gap is not slower than that.
        let most = match (account.gap_min_ms, account.gap_max_ms) {
            (_, Some(most)) => most,
            (Some(least), None) => least,
            (None, None) => ms(installation.gap_max),
        };
        let most = most.max(least);
        let limit = |limit: u32| (limit > 0).then_some(limit);
        Self {
            gap_ms: (most > 0).then_some((least, most)),
            per_minute: limit(account.per_minute.unwrap_or(installation.per_minute)),
            cold_per_day: limit(account.cold_per_day.unwrap_or(installation.cold_per_day)),
        }
    }

    /// Whether what is sent has to be noted, and for how long; `None` where nothing limits how fast it goes.
    pub(super) fn keep_ms(&self) -> Option<Millis> {
        let gap = self.gap_ms.map(|(_, most)| most);
        let minute = self.per_minute.map(|_| MINUTE_MS);
        gap.max(minute)
    }
}

/// What the pace allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// At most so many, now.
    Send(usize),
    /// None before this time.
    NotBefore(Millis),
}

/// An account's pace: what it sent lately, and when it may send again.
#[derive(Debug, Clone, Default)]
pub(super) struct Pace {
    rules: PaceRules,
    /// Sends within the last minute, the oldest first.
    sent: VecDeque<(Millis, u32)>,
    next_ms: Millis,
}

impl Pace {
    /// Goes on from what is noted of an earlier incarnation.
    pub(super) fn resume(rules: PaceRules, sent: Vec<(Millis, u32)>, rng: &mut impl Rng) -> Self {
        let mut pace = Self { rules, ..Self::default() };
        for (at_ms, count) in sent {
            pace.note(at_ms, count as usize, rng);
        }
        pace
    }

    /// What it is kept to.
    pub(super) const fn rules(&self) -> &PaceRules {
        &self.rules
    }

    /// What may be sent at this time.
    pub(super) fn step(&self, now_ms: Millis) -> Step {
        let mut most = usize::MAX;
        if self.rules.gap_ms.is_some() {
            if self.next_ms > now_ms {
                return Step::NotBefore(self.next_ms);
            }
            most = 1;
        }
        if let Some(limit) = self.rules.per_minute {
            // Sends noted by a clock that was ahead count, too: else setting it back would let twice as many go.
            let recent = self.sent.iter().filter(|(at, _)| at.saturating_add(MINUTE_MS) > now_ms);
            let used: u64 = recent.clone().map(|(_, count)| u64::from(*count)).sum();
            if used >= u64::from(limit) {
                let first = recent.map(|(at, _)| *at).next().unwrap_or(now_ms);
                return Step::NotBefore(first.saturating_add(MINUTE_MS));
            }
            most = most.min(usize::try_from(u64::from(limit) - used).unwrap_or(usize::MAX));
        }
        Step::Send(most)
    }

    /// So many went out at this time.
    pub(super) fn note(&mut self, now_ms: Millis, count: usize, rng: &mut impl Rng) {
        if count == 0 {
            return;
        }
        if let Some((least, most)) = self.rules.gap_ms {
            self.next_ms = now_ms.saturating_add(rng.random_range(least..=most));
        }
        if self.rules.per_minute.is_some() {
            while self.sent.front().is_some_and(|(at, _)| at.saturating_add(MINUTE_MS) <= now_ms) {
                self.sent.pop_front();
            }
            self.sent.push_back((now_ms, u32::try_from(count).unwrap_or(u32::MAX)));
        }
    }
}

#[cfg(test)]
#[path = "pace_tests.rs"]
mod tests;
