//! Deadlines of states that could last for ever. Pure: the time comes in.

use tokio::time::Instant;
use wasup_store::records::{AccountState, Phase, Reason};

use crate::settings::AccountsSettings;

/// When what began.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clocks {
    /// The link's last event, or its opening.
    pub(super) heard: Instant,
    /// A phone began to link.
    pub(super) linking: Option<Instant>,
    /// Until when the pairing code on show can be entered.
    pub(super) code_until: Option<Instant>,
}

/// What has taken too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Overdue {
    /// The pairing code was not entered.
    Code,
    /// The phone did not finish.
    Linking,
    /// Nothing was heard of the link.
    Silence,
}

impl Clocks {
    pub(super) fn new(now: Instant) -> Self {
        Self { heard: now, linking: None, code_until: None }
    }

    /// Takes a new state in: only while a phone is linking it has to hurry.
    pub(super) fn entered(&mut self, state: &AccountState, now: Instant) {
        let linking = (state.phase, state.reason) == (Phase::Pairing, Reason::Linked);
        self.linking = linking.then(|| self.linking.unwrap_or(now));
    }

    fn deadlines(&self, phase: Phase, settings: &AccountsSettings) -> [Option<(Instant, Overdue)>; 3] {
        let waits = matches!(phase, Phase::Connecting | Phase::Reconnecting | Phase::Pairing);
        [
            self.code_until.map(|until| (until, Overdue::Code)),
            self.linking.map(|since| (since + settings.pairing_timeout, Overdue::Linking)),
            waits.then(|| (self.heard + settings.silence_max, Overdue::Silence)),
        ]
    }

    /// The next deadline.
    pub(super) fn next(&self, phase: Phase, settings: &AccountsSettings) -> Option<Instant> {
        self.deadlines(phase, settings).into_iter().flatten().map(|(at, _)| at).min()
    }

    /// What is over.
    pub(super) fn overdue(&self, phase: Phase, settings: &AccountsSettings, now: Instant) -> Option<Overdue> {
        let over = self.deadlines(phase, settings).into_iter().flatten().filter(|(at, _)| *at <= now);
        over.min_by_key(|(at, _)| *at).map(|(_, what)| what)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn settings() -> AccountsSettings {
        let seconds = Duration::from_secs;
        AccountsSettings { pairing_timeout: seconds(120), silence_max: seconds(600), ..AccountsSettings::default() }
    }

    #[test]
    fn every_state_that_could_last_for_ever_has_an_end() {
        let begin = Instant::now();
        let at = |seconds| begin + Duration::from_secs(seconds);
        let plain = Clocks::new(begin);
        let linking = Clocks { linking: Some(at(10)), ..plain };
        let code = Clocks { code_until: Some(at(180)), ..plain };
        for (clocks, phase, now, expected, next) in [
            (plain, Phase::Connecting, 599, None, Some(600)),
            (plain, Phase::Connecting, 600, Some(Overdue::Silence), Some(600)),
            (plain, Phase::Reconnecting, 600, Some(Overdue::Silence), Some(600)),
            (plain, Phase::Pairing, 600, Some(Overdue::Silence), Some(600)),
            (plain, Phase::Connected, 90_000, None, None),
            (linking, Phase::Pairing, 129, None, Some(130)),
            (linking, Phase::Pairing, 130, Some(Overdue::Linking), Some(130)),
            (linking, Phase::Pairing, 700, Some(Overdue::Linking), Some(130)),
            (code, Phase::Pairing, 179, None, Some(180)),
            (code, Phase::Pairing, 180, Some(Overdue::Code), Some(180)),
        ] {
            assert_eq!(clocks.overdue(phase, &settings(), at(now)), expected, "{clocks:?} {phase:?} {now}");
            assert_eq!(clocks.next(phase, &settings()), next.map(at), "{clocks:?} {phase:?}");
        }
    }

    #[test]
    fn a_phone_has_to_hurry_only_while_it_links() {
        let begin = Instant::now();
        let mut clocks = Clocks::new(begin);
        let state = |phase, reason| AccountState { phase, reason, ..AccountState::default() };
        for (phase, reason, expected) in [
            (Phase::Pairing, Reason::NotLinked, None),
            (Phase::Pairing, Reason::Linked, Some(begin)),
            (Phase::Pairing, Reason::PasskeyRequired, None),
            (Phase::Connecting, Reason::Linked, None),
        ] {
            clocks.entered(&state(phase, reason), begin);
            assert_eq!(clocks.linking, expected, "{phase:?}/{reason:?}");
        }
        clocks.entered(&state(Phase::Pairing, Reason::Linked), begin);
        clocks.entered(&state(Phase::Pairing, Reason::Linked), begin + Duration::from_secs(9));
        assert_eq!(clocks.linking, Some(begin), "from the first sign on");
    }
}
