//! The state of an account as a pure function of what happens to it.

use wasup_sessions::ports::{DisconnectReason, EndReason, LinkEvent};
use wasup_store::id::Millis;
use wasup_store::records::{AccountRecord, AccountState, Desired, Phase, Reason, UserAction};

use crate::supervision::{CrashKind, StopReason};

const fn state(phase: Phase, reason: Reason, user_action: UserAction) -> AccountState {
    AccountState { phase, reason, since_ms: 0, retry_at_ms: None, user_action }
}

/// Gives a new state its time, or says that nothing changed. `since` is when phase or reason last changed.
fn changed(current: &AccountState, new: AccountState, now_ms: Millis) -> Option<AccountState> {
    let same = current.phase == new.phase && current.reason == new.reason;
    let since_ms = if same { current.since_ms } else { now_ms };
    let new = AccountState { since_ms, ..new };
    (new != *current).then_some(new)
}

/// The state after a link's event, or `None` where it changes nothing.
pub(super) fn next_state(current: &AccountState, event: &LinkEvent, now_ms: Millis) -> Option<AccountState> {
    use UserAction as Do;
    let new = match event {
        LinkEvent::Qr { .. } => match current.reason {
            // The human still has to remove the half-linked device, whatever code is on show.
            Reason::PairingInterrupted => state(Phase::Pairing, Reason::PairingInterrupted, Do::OpenPhone),
            _ => state(Phase::Pairing, Reason::NotLinked, Do::ScanQr),
        },
        LinkEvent::QrExhausted => match current.reason {
            Reason::PairingInterrupted => return None,
            _ => state(Phase::Pairing, Reason::QrExpired, Do::ScanQr),
        },
        LinkEvent::PairingStarted => state(Phase::Pairing, Reason::Linked, Do::Wait),
        LinkEvent::Paired { .. } => state(Phase::Connecting, Reason::Linked, Do::None),
        LinkEvent::Connected { .. } => {
            let fresh = current.reason == Reason::Linked;
            state(Phase::Connected, if fresh { Reason::Linked } else { Reason::Requested }, Do::None)
        }
        LinkEvent::Disconnected { reason } => return lost(current, *reason, now_ms),
        LinkEvent::Ended { reason } => ended(*reason)?,
        LinkEvent::PairingCode { .. }
        | LinkEvent::PairingCodeRefused { .. }
        | LinkEvent::PasskeyRequired
        | LinkEvent::Restriction { .. }
        | LinkEvent::ServerAck { .. }
        | LinkEvent::Receipt { .. } => return None,
    };
    changed(current, new, now_ms)
}

fn lost(current: &AccountState, reason: DisconnectReason, now_ms: Millis) -> Option<AccountState> {
    let why = match reason {
        DisconnectReason::ConnectionLost => Reason::ConnectionLost,
        DisconnectReason::StreamRestart => Reason::StreamRestart,
        DisconnectReason::ServiceUnavailable => Reason::ServiceUnavailable,
        DisconnectReason::TimedOut => Reason::TimedOut,
        DisconnectReason::RateLimited => Reason::RateLimited,
        DisconnectReason::StreamError => Reason::StreamError,
        DisconnectReason::Unreachable => Reason::Unreachable,
        DisconnectReason::ProxyFailed => Reason::ProxyFailed,
    };
    let phase = match current.phase {
        Phase::Connected | Phase::Reconnecting => Phase::Reconnecting,
        // A pairing's reason says more than a lost socket does, and its own restart (515) belongs to it.
        Phase::Connecting if !matches!(current.reason, Reason::Linked | Reason::PairingInterrupted) => {
            Phase::Connecting
        }
        _ => return None,
    };
    changed(current, state(phase, why, UserAction::Wait), now_ms)
}

/// The state of a link that has ended for good; `None` for a crash, which is the supervisor's business.
fn ended(reason: EndReason) -> Option<AccountState> {
    Some(match reason {
        EndReason::LoggedOut => state(Phase::LoggedOut, Reason::DeviceRemoved, UserAction::ScanQr),
        EndReason::Replaced => state(Phase::Replaced, Reason::StreamReplaced, UserAction::OpenPhone),
        EndReason::Banned { until_ms: Some(until_ms) } => {
            AccountState { retry_at_ms: Some(until_ms), ..state(Phase::Banned, Reason::TemporaryBan, UserAction::Wait) }
        }
        EndReason::Banned { until_ms: None } => state(Phase::Banned, Reason::PermanentBan, UserAction::OpenPhone),
        EndReason::Locked => state(Phase::Banned, Reason::AccountLocked, UserAction::OpenPhone),
        EndReason::Outdated => state(Phase::Outdated, Reason::ClientOutdated, UserAction::None),
        EndReason::Refused { .. } => state(Phase::Stopped, Reason::Refused, UserAction::OpenPhone),
        EndReason::Unexpected => return None,
    })
}

/// Whether a phone was linking when the last incarnation ended, and we do not know how far it came.
const fn interrupted(state: &AccountState, linked: bool) -> bool {
    let linking = matches!(state.phase, Phase::Pairing) && matches!(state.reason, Reason::Linked);
    !linked && (linking || matches!(state.reason, Reason::PairingInterrupted))
}

/// The state while a new incarnation opens its link.
pub(super) fn opening(record: &AccountRecord, now_ms: Millis) -> AccountState {
    let reason = match &record.identity {
        Some(_) => Reason::Requested,
        None if interrupted(&record.state, false) => Reason::PairingInterrupted,
        None => Reason::NotLinked,
    };
    AccountState { since_ms: now_ms, ..state(Phase::Connecting, reason, UserAction::None) }
}

/// The state while a broken actor waits for its restart.
pub(crate) const fn after_crash(record: &AccountRecord, kind: CrashKind, retry_at_ms: Millis) -> AccountState {
    let reason = match kind {
        // It would be forgotten otherwise: the next incarnation finds only this state.
        _ if interrupted(&record.state, record.identity.is_some()) => Reason::PairingInterrupted,
        CrashKind::Crashed | CrashKind::NotStarted => Reason::Crashed,
        CrashKind::LinkEnded => Reason::LinkEnded,
        CrashKind::Stuck => Reason::Stuck,
    };
    AccountState { retry_at_ms: Some(retry_at_ms), ..state(Phase::BackingOff, reason, UserAction::Wait) }
}

/// The state of an account whose restart budget is spent.
pub(crate) const fn quarantined() -> AccountState {
    state(Phase::Quarantined, Reason::RestartBudget, UserAction::Release)
}

/// The state of an account whose actor is stopped, where that says more than the state it is in.
pub(crate) fn after_stop(current: &AccountState, linked: bool, reason: StopReason) -> Option<AccountState> {
    match current.phase {
        Phase::LoggedOut | Phase::Replaced | Phase::Banned | Phase::Outdated | Phase::Quarantined => return None,
        Phase::Stopped if reason == StopReason::Shutdown => return None,
        _ => {}
    }
    if interrupted(current, linked) {
        return Some(state(Phase::Stopped, Reason::PairingInterrupted, UserAction::OpenPhone));
    }
    Some(match reason {
        StopReason::QrExpired => state(Phase::Stopped, Reason::QrExpired, UserAction::ScanQr),
        StopReason::Shutdown => state(Phase::Stopped, Reason::Shutdown, UserAction::None),
        StopReason::Requested => state(Phase::Stopped, Reason::Requested, UserAction::None),
        StopReason::Undeclared => state(Phase::Stopped, Reason::Undeclared, UserAction::None),
        StopReason::Deleted | StopReason::LinkEnded | StopReason::TakenOver => return None,
    })
}

/// What happens to an account when the process starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Boot {
    /// It starts.
    Start,
    /// It starts at this time.
    StartAt(Millis),
    /// It stays as it is.
    Leave,
    /// It is in quarantine.
    Quarantined,
    /// It stays stopped, but its state still tells of a life that a crash ended.
    Correct(AccountState),
}

/// Decides what happens to an account when the process starts.
pub(crate) fn boot(record: &AccountRecord, now_ms: Millis) -> Boot {
    let wanted = record.desired == Desired::Running && record.autostart;
    match record.state.phase {
        Phase::Quarantined => Boot::Quarantined,
        // A human has to do something first.
        Phase::LoggedOut | Phase::Replaced => Boot::Leave,
        Phase::Banned => match record.state.retry_at_ms {
            Some(at) if wanted && at > now_ms => Boot::StartAt(at),
            Some(_) if wanted => Boot::Start,
            _ => Boot::Leave,
        },
        Phase::Stopped if matches!(record.state.reason, Reason::Restored | Reason::Refused) => Boot::Leave,
        // A new start may be a newer version, so an outdated one is tried again.
        _ if wanted => Boot::Start,
        Phase::Stopped | Phase::Outdated => Boot::Leave,
        _ => after_stop(&record.state, record.identity.is_some(), StopReason::Shutdown)
            .map_or(Boot::Leave, Boot::Correct),
    }
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
