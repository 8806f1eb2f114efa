//! Rounds of QR codes, and whether an account needs one.

use wasup_store::records::{AccountRecord, AccountState, Desired, Phase, Reason, UserAction};

use crate::meters::{PairingOutcome, PairingWay};

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

/// How a phone that links began to: by a code, where one was on show.
pub(super) fn way(from: &AccountState, to: &AccountState, before: PairingWay) -> PairingWay {
    match (to.phase, to.reason) {
        (Phase::Pairing, Reason::Linked | Reason::PasskeyRequired) if from.reason != Reason::Linked => of(from),
        _ => before,
    }
}

fn of(shown: &AccountState) -> PairingWay {
    if shown.user_action == UserAction::EnterCode { PairingWay::Code } else { PairingWay::Qr }
}

/// What came of a pairing with this change of state, where that says it. `way` is how the phone began, where one did.
pub(super) fn outcome(from: &AccountState, to: &AccountState, way: PairingWay) -> Option<(PairingWay, PairingOutcome)> {
    if from.phase != Phase::Pairing || from.reason == to.reason && from.phase == to.phase {
        return None;
    }
    let began = from.reason == Reason::Linked;
    let way = if began { way } else { of(from) };
    Some(match (to.phase, to.reason) {
        (Phase::Connecting | Phase::Connected, Reason::Linked) => (way, PairingOutcome::Linked),
        // Counted when the round ended.
        (_, Reason::QrExpired) if from.reason == Reason::QrExpired => return None,
        (_, Reason::QrExpired) => (PairingWay::Qr, PairingOutcome::Expired),
        (_, Reason::CodeExpired) => (PairingWay::Code, PairingOutcome::Expired),
        (_, Reason::CodeRefused) => (PairingWay::Code, PairingOutcome::Refused),
        (_, Reason::PasskeyRequired) => (way, PairingOutcome::Passkey),
        (_, Reason::PairingCancelled) => (way, PairingOutcome::Cancelled),
        (_, Reason::PairingTimedOut) => (way, PairingOutcome::Interrupted),
        (_, Reason::PairingInterrupted) if began => (way, PairingOutcome::Interrupted),
        _ => return None,
    })
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
        (Phase::Stopped, Reason::Requested | Reason::Shutdown | Reason::PairingCancelled)
            if record.identity.is_none() =>
        {
            QrNeed::OnDemand
        }
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
    use crate::account::state::tests::record;

    #[test]
    fn unseen_rounds_end_and_demand_begins_anew() {
        let mut rounds = Rounds::default();
        assert_eq!([false; 5].map(|wanted| rounds.exhausted(wanted)), [true, true, true, true, false]);
        assert!(rounds.exhausted(true));
        assert_eq!([false; 4].map(|wanted| rounds.exhausted(wanted)), [true, true, true, false]);
        rounds.reset();
        assert!(rounds.exhausted(false));
    }

    #[test]
    fn whoever_was_asked_to_run_and_is_not_linked_has_a_code_or_will() {
        use {Phase as P, QrNeed as N, Reason as R};
        for (phase, reason, linked, expected) in [
            (P::Pairing, R::NotLinked, false, N::Coming),
            (P::Pairing, R::Linked, false, N::No),
            (P::Connecting, R::NotLinked, false, N::Coming),
            (P::Stopped, R::Requested, false, N::OnDemand),
            (P::Stopped, R::Shutdown, false, N::OnDemand),
            (P::Stopped, R::QrExpired, false, N::OnDemand),
            // It was given up and asked for again, and its actor is not up yet.
            (P::Stopped, R::PairingCancelled, false, N::OnDemand),
            (P::LoggedOut, R::Requested, false, N::OnDemand),
            (P::Stopped, R::Requested, true, N::No),
            (P::Connected, R::Linked, true, N::No),
        ] {
            let wanted = record(phase, reason, linked);
            assert_eq!(qr_need(&wanted), expected, "{phase:?} {reason:?}");
            assert_eq!(qr_need(&AccountRecord { desired: Desired::Stopped, ..wanted }), N::No, "{phase:?} {reason:?}");
        }
    }

    #[test]
    fn each_end_of_a_pairing_is_counted_once_with_its_way() {
        use {PairingOutcome as O, PairingWay as W, Phase as P, Reason as R, UserAction as U};
        let state = |phase, reason, user_action| AccountState { phase, reason, user_action, ..AccountState::default() };
        let code = state(P::Pairing, R::NotLinked, U::EnterCode);
        let qr = state(P::Pairing, R::NotLinked, U::ScanQr);
        let began = state(P::Pairing, R::Linked, U::Wait);
        assert_eq!((way(&code, &began, W::Qr), way(&qr, &began, W::Code)), (W::Code, W::Qr));
        assert_eq!(way(&began, &began, W::Code), W::Code, "a batch may tell it twice");
        let end = |phase, reason| state(phase, reason, U::None);
        for (from, to, expected) in [
            (&began, end(P::Connecting, R::Linked), Some((W::Code, O::Linked))),
            (&began, end(P::Stopped, R::PairingInterrupted), Some((W::Code, O::Interrupted))),
            (&began, end(P::Pairing, R::PairingTimedOut), Some((W::Code, O::Interrupted))),
            (&qr, end(P::Pairing, R::QrExpired), Some((W::Qr, O::Expired))),
            (&code, end(P::Pairing, R::CodeExpired), Some((W::Code, O::Expired))),
            (&qr, end(P::Pairing, R::CodeRefused), Some((W::Code, O::Refused))),
            (&qr, end(P::Pairing, R::PasskeyRequired), Some((W::Qr, O::Passkey))),
            (&code, end(P::Stopped, R::PairingCancelled), Some((W::Code, O::Cancelled))),
            (&end(P::Pairing, R::QrExpired), end(P::Stopped, R::QrExpired), None),
            (&qr, code.clone(), None),
            (&qr, end(P::Stopped, R::Requested), None),
            (&end(P::Connecting, R::Linked), end(P::Connected, R::Linked), None),
        ] {
            assert_eq!(outcome(from, &to, W::Code), expected, "{from:?} {to:?}");
        }
    }
}
