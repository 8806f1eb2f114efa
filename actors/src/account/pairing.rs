//! Rounds of QR codes, and whether an account needs one.

use wasup_store::records::{AccountRecord, Desired, Phase, Reason};

/// Rounds of codes that are shown without anybody asking for one. A round lasts about three minutes; after the last
/// one the account stops, so that an installation nobody looks at does not knock at the network for ever.
const ROUNDS_MAX: u32 = 5;

/// Counts rounds of codes that ended unscanned.
#[derive(Debug, Default)]
pub(super) struct Rounds {
    unseen: u32,
}

impl Rounds {
    /// A round ended. Whether another one begins; `wanted` says that somebody asked for a code during it.
    pub(super) const fn exhausted(&mut self, wanted: bool) -> bool {
        self.unseen = if wanted { 1 } else { self.unseen + 1 };
        self.unseen < ROUNDS_MAX
    }

    /// A phone came.
    pub(super) const fn reset(&mut self) {
        self.unseen = 0;
    }
}

/// What an account has to do with QR codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum QrNeed {
    /// Its actor shows one, or soon will.
    Coming,
    /// It stopped because it has none to show any more; asking for one starts it again.
    OnDemand,
    /// It needs none, or is not wanted.
    No,
}

/// Whether an account needs a QR code.
pub(crate) fn qr_need(record: &AccountRecord) -> QrNeed {
    if record.desired == Desired::Stopped {
        return QrNeed::No;
    }
    match (record.state.phase, record.state.reason) {
        // From here on the phone has the word.
        (Phase::Pairing, Reason::Linked | Reason::PasskeyRequired) => QrNeed::No,
        (Phase::Pairing, _) => QrNeed::Coming,
        (Phase::Connecting | Phase::BackingOff, _) if record.identity.is_none() => QrNeed::Coming,
        (Phase::LoggedOut, _) => QrNeed::OnDemand,
        (Phase::Stopped, Reason::QrExpired | Reason::PairingInterrupted) => QrNeed::OnDemand,
        // Asked to run a moment ago; its actor is not up yet.
        (Phase::Stopped, Reason::Requested | Reason::Shutdown) if record.identity.is_none() => QrNeed::OnDemand,
        _ => QrNeed::No,
    }
}

/// Whether an account can have a pairing code. Whoever asks for one wants it to run.
pub(crate) fn code_need(record: &AccountRecord) -> QrNeed {
    if record.identity.is_some() {
        return QrNeed::No;
    }
    match (record.state.phase, record.state.reason) {
        // From here on the phone has the word.
        (Phase::Pairing, Reason::Linked | Reason::PasskeyRequired) => QrNeed::No,
        (Phase::Pairing | Phase::Connecting | Phase::Reconnecting | Phase::BackingOff, _) => QrNeed::Coming,
        (Phase::Stopped, Reason::Refused | Reason::Restored) => QrNeed::No,
        (Phase::Stopped | Phase::LoggedOut, _) => QrNeed::OnDemand,
        (Phase::Connected | Phase::Quarantined | Phase::Replaced | Phase::Banned | Phase::Outdated, _) => QrNeed::No,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unseen_rounds_end_and_demand_begins_anew() {
        let mut rounds = Rounds::default();
        assert_eq!([false; 5].map(|wanted| rounds.exhausted(wanted)), [true, true, true, true, false]);
        assert!(rounds.exhausted(true));
        assert_eq!([false; 4].map(|wanted| rounds.exhausted(wanted)), [true, true, true, false]);
        rounds.reset();
        assert!(rounds.exhausted(false));
    }
}
