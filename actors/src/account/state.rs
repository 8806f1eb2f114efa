//! The state of an account as a pure function of what happens to it.

use wasup_sessions::ports::{CodeRefusal, DisconnectReason, EndReason, LinkEvent};
use wasup_store::id::Millis;
use wasup_store::records::{AccountRecord, AccountState, Desired, Phase, Reason, UserAction};

use crate::settings::AccountsSettings;
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
pub(super) fn next_state(
    current: &AccountState,
    event: &LinkEvent,
    settings: &AccountsSettings,
    now_ms: Millis,
) -> Option<AccountState> {
    use UserAction as Do;
    let new = match event {
        LinkEvent::Qr { .. } => with_qr(current)?,
        LinkEvent::QrExhausted => match current.reason {
            Reason::PairingInterrupted => return None,
            _ => state(Phase::Pairing, Reason::QrExpired, Do::ScanQr),
        },
        LinkEvent::PairingCode { .. } => state(Phase::Pairing, Reason::NotLinked, Do::EnterCode),
        LinkEvent::PairingCodeRefused { reason, .. } => code_refused(current, *reason)?,
        LinkEvent::PasskeyRequired => state(Phase::Pairing, Reason::PasskeyRequired, Do::ConfirmPasskey),
        LinkEvent::PairingStarted => state(Phase::Pairing, Reason::Linked, Do::Wait),
        LinkEvent::Paired { .. } => state(Phase::Connecting, Reason::Linked, Do::None),
        LinkEvent::Connected { .. } => {
            let fresh = current.reason == Reason::Linked;
            state(Phase::Connected, if fresh { Reason::Linked } else { Reason::Requested }, Do::None)
        }
        LinkEvent::Disconnected { reason } => lost(current, *reason)?,
        LinkEvent::Ended { reason } => ended(*reason, settings, now_ms)?,
        LinkEvent::Restriction { .. } | LinkEvent::ServerAck { .. } | LinkEvent::Receipt { .. } => return None,
    };
    changed(current, new, now_ms)
}

/// A QR code is on show. What a human has to know first stays where it is, whatever code there is.
fn with_qr(current: &AccountState) -> Option<AccountState> {
    use UserAction as Do;
    let reason = match (current.phase, current.reason) {
        // The human still has to remove the half-linked device.
        (_, Reason::PairingInterrupted) => {
            return Some(state(Phase::Pairing, Reason::PairingInterrupted, Do::OpenPhone));
        }
        (Phase::Pairing, Reason::PasskeyRequired) => return None,
        // QR codes go on beside a pairing code.
        (Phase::Pairing, Reason::NotLinked) if current.user_action == Do::EnterCode => return None,
        (Phase::Pairing, Reason::CodeExpired | Reason::CodeRefused | Reason::PairingTimedOut) => current.reason,
        _ => Reason::NotLinked,
    };
    Some(state(Phase::Pairing, reason, Do::ScanQr))
}

/// A pairing code is not to be had, or not good any more; `None` where it is not the account's state that is to blame.
fn code_refused(current: &AccountState, refusal: CodeRefusal) -> Option<AccountState> {
    let reason = match refusal {
        CodeRefusal::BadNumber | CodeRefusal::NotConnected => return None,
        CodeRefusal::Expired => Reason::CodeExpired,
        CodeRefusal::RateLimited | CodeRefusal::NotAvailable | CodeRefusal::Failed => Reason::CodeRefused,
    };
    // From the moment on in which a phone came, no code matters any more.
    let codes = current.phase == Phase::Pairing && !matches!(current.reason, Reason::Linked | Reason::PasskeyRequired);
    codes.then(|| state(Phase::Pairing, reason, UserAction::ScanQr))
}

/// The state of an account whose pairing code was not entered in time.
pub(super) fn code_expired(current: &AccountState, now_ms: Millis) -> Option<AccountState> {
    changed(current, code_refused(current, CodeRefusal::Expired)?, now_ms)
}

/// The state of an account whose phone began to link and did not finish.
pub(super) fn pairing_timed_out(current: &AccountState, now_ms: Millis) -> Option<AccountState> {
    changed(current, state(Phase::Pairing, Reason::PairingTimedOut, UserAction::ScanQr), now_ms)
}

/// The state of an account of whose link nothing was heard for too long, and that gets a new one.
pub(super) fn silent(current: &AccountState, now_ms: Millis) -> Option<AccountState> {
    let phase = if current.phase == Phase::Reconnecting { Phase::Reconnecting } else { Phase::Connecting };
    match current.reason {
        // The next incarnation and the next human have to know that more than this.
        Reason::PairingInterrupted => None,
        _ => changed(current, state(phase, Reason::TimedOut, UserAction::Wait), now_ms),
    }
}

fn lost(current: &AccountState, reason: DisconnectReason) -> Option<AccountState> {
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
    // That there is no way to the network says more than what the account was about to do there.
    let no_way = matches!(why, Reason::Unreachable | Reason::ProxyFailed | Reason::RateLimited);
    let phase = match (current.phase, current.reason) {
        (Phase::Connected | Phase::Reconnecting, _) => Phase::Reconnecting,
        (_, Reason::PairingInterrupted) => return None,
        // A pairing's reason says more than a lost socket does, and its own restart (515) belongs to it.
        (Phase::Connecting, Reason::Linked) if !no_way => return None,
        (Phase::Connecting, _) => Phase::Connecting,
        // Whether a phone that began to link got through is not known: that is to be remembered.
        (Phase::Pairing, Reason::Linked) => return None,
        (Phase::Pairing, _) if no_way => Phase::Connecting,
        _ => return None,
    };
    let user_action = if why == Reason::ProxyFailed { UserAction::CheckProxy } else { UserAction::Wait };
    Some(state(phase, why, user_action))
}

/// The state of a link that has ended for good; `None` for a crash, which is the supervisor's business.
fn ended(reason: EndReason, settings: &AccountsSettings, now_ms: Millis) -> Option<AccountState> {
    Some(match reason {
        EndReason::LoggedOut => state(Phase::LoggedOut, Reason::DeviceRemoved, UserAction::ScanQr),
        EndReason::Replaced => state(Phase::Replaced, Reason::StreamReplaced, UserAction::OpenPhone),
        EndReason::Banned { until_ms: Some(until_ms) } => {
            AccountState { retry_at_ms: Some(until_ms), ..state(Phase::Banned, Reason::TemporaryBan, UserAction::Wait) }
        }
        EndReason::Banned { until_ms: None } => state(Phase::Banned, Reason::PermanentBan, UserAction::OpenPhone),
        EndReason::Locked => state(Phase::Banned, Reason::AccountLocked, UserAction::OpenPhone),
        EndReason::Outdated => {
            let wait_ms = u64::try_from(settings.outdated_retry.as_millis()).unwrap_or(u64::MAX);
            let retry_at_ms = Some(now_ms.saturating_add(wait_ms));
            AccountState { retry_at_ms, ..state(Phase::Outdated, Reason::ClientOutdated, UserAction::Update) }
        }
        EndReason::Refused { .. } => state(Phase::Stopped, Reason::Refused, UserAction::OpenPhone),
        EndReason::Unexpected => return None,
    })
}

/// Whether a phone was linking when the last incarnation ended, and we do not know how far it came.
pub(super) const fn interrupted(state: &AccountState, linked: bool) -> bool {
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

/// The state of an account that left the network because an operator wanted it to. `told` says that the phone's list of
/// devices does not show it any more, or never did.
pub(crate) const fn left(told: bool) -> AccountState {
    state(Phase::LoggedOut, Reason::Requested, if told { UserAction::ScanQr } else { UserAction::OpenPhone })
}

/// The state of an account that linked a phone which another one here is linked to, where only one may be.
pub(super) const fn turned_away(removed: bool) -> AccountState {
    state(Phase::Stopped, Reason::SamePhone, if removed { UserAction::None } else { UserAction::OpenPhone })
}

/// Whether the phone may show a device of this account.
pub(crate) fn shows_on_phone(record: &AccountRecord) -> bool {
    record.identity.is_some() || interrupted(&record.state, false)
}

/// Whether a link can be opened to tell the network that an account leaves which does not run. One that stands still for
/// a reason of the network's, or because it breaks, would not get that far.
pub(crate) fn can_say_farewell(record: &AccountRecord) -> bool {
    let stands = match record.state.phase {
        Phase::Stopped => !matches!(record.state.reason, Reason::Refused | Reason::Restored),
        Phase::Connecting | Phase::Connected | Phase::Reconnecting => true,
        _ => false,
    };
    stands && record.identity.is_some()
}

/// The state while a broken actor waits for its restart.
pub(crate) const fn after_crash(record: &AccountRecord, kind: CrashKind, retry_at_ms: Millis) -> AccountState {
    let reason = match kind {
        // It would be forgotten otherwise: the next incarnation finds only this state.
        _ if interrupted(&record.state, record.identity.is_some()) => Reason::PairingInterrupted,
        CrashKind::Crashed | CrashKind::NotStarted => Reason::Crashed,
        CrashKind::LinkEnded => Reason::LinkEnded,
        CrashKind::LinkRefused => Reason::LinkRefused,
        CrashKind::Stuck => Reason::Stuck,
    };
    // A link that is refused before it is dialled is refused for what was set for it.
    let proxy = matches!(reason, Reason::LinkRefused) && record.settings.proxy.is_some();
    let user_action = if proxy { UserAction::CheckProxy } else { UserAction::Wait };
    AccountState { retry_at_ms: Some(retry_at_ms), ..state(Phase::BackingOff, reason, user_action) }
}

/// The state of an account whose restart budget is spent.
pub(crate) const fn quarantined() -> AccountState {
    state(Phase::Quarantined, Reason::RestartBudget, UserAction::Release)
}

/// The state of an account whose actor is stopped, where that says more than the state it is in.
pub(crate) fn after_stop(current: &AccountState, linked: bool, reason: StopReason) -> Option<AccountState> {
    match (current.phase, reason) {
        (Phase::LoggedOut | Phase::Replaced | Phase::Banned | Phase::Outdated | Phase::Quarantined, _) => return None,
        (Phase::Stopped, StopReason::Shutdown) => return None,
        // These say why it stopped by itself, and what to do.
        (Phase::Stopped, _) if matches!(current.reason, Reason::SamePhone | Reason::Refused) => return None,
        _ => {}
    }
    if interrupted(current, linked) {
        return Some(state(Phase::Stopped, Reason::PairingInterrupted, UserAction::OpenPhone));
    }
    Some(match reason {
        StopReason::QrExpired => state(Phase::Stopped, Reason::QrExpired, UserAction::ScanQr),
        StopReason::Shutdown => state(Phase::Stopped, Reason::Shutdown, UserAction::None),
        StopReason::Undeclared => state(Phase::Stopped, Reason::Undeclared, UserAction::None),
        StopReason::PairingCancelled if !linked => state(Phase::Stopped, Reason::PairingCancelled, UserAction::None),
        StopReason::Requested | StopReason::PairingCancelled => {
            state(Phase::Stopped, Reason::Requested, UserAction::None)
        }
        // The next incarnation follows at once.
        StopReason::Restarted if linked => state(Phase::Connecting, Reason::Requested, UserAction::None),
        StopReason::Restarted => state(Phase::Connecting, Reason::NotLinked, UserAction::None),
        StopReason::Deleted
        | StopReason::LinkEnded
        | StopReason::TakenOver
        | StopReason::LogOut
        | StopReason::SamePhone
        | StopReason::Done => return None,
    })
}

/// What happens to an account when the process starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Boot {
    /// It starts.
    Start,
    /// It starts later, when the scheduler finds that its time has come.
    StartLater,
    /// It stays as it is.
    Leave,
    /// It is in quarantine.
    Quarantined,
    /// Its link is to be ended, and is still there.
    LogOut,
    /// It stays stopped, but its state still tells of a life that a crash ended.
    Correct(AccountState),
}

/// Decides what happens to an account when the process starts.
pub(crate) fn boot(record: &AccountRecord, now_ms: Millis) -> Boot {
    if record.leaving {
        return Boot::LogOut;
    }
    let wanted = record.desired == Desired::Running && record.autostart;
    match record.state.phase {
        Phase::Quarantined => Boot::Quarantined,
        // A human has to do something first.
        Phase::LoggedOut | Phase::Replaced => Boot::Leave,
        Phase::Banned => match record.state.retry_at_ms {
            Some(at) if wanted && at > now_ms => Boot::StartLater,
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
pub(crate) mod tests;
