use std::time::Duration;

use wasup_sessions::ports::{PairingCode, QrCode};
use wasup_store::id::{AccountNo, DEFAULT_TENANT, Epoch, LinkNo};
use wasup_store::jid::Jid;
use wasup_store::records::{AccountSettings, AccountSource, Identity, MessageState};

use super::*;

const NOW: Millis = 1_800_000_000_000;

fn identity() -> Identity {
    Identity { jid: Jid::phone("628111"), lid: None, push_name: None }
}

pub(crate) fn record(phase: Phase, reason: Reason, linked: bool) -> AccountRecord {
    AccountRecord {
        id: "a".parse().unwrap(),
        no: AccountNo(1),
        tenant: DEFAULT_TENANT,
        name: String::new(),
        epoch: Epoch(1),
        link: LinkNo(1),
        desired: Desired::Running,
        state: AccountState { since_ms: 5, ..state(phase, reason, UserAction::None) },
        identity: linked.then(identity),
        number_since_ms: None,
        default_region: None,
        autostart: true,
        metadata: None,
        note: None,
        created_ms: 0,
        outbox_paused: false,
        settings: AccountSettings::default(),
        source: AccountSource::Api,
        restriction: None,
        told: None,
        leaving: false,
    }
}

fn settings() -> AccountsSettings {
    AccountsSettings::default()
}

fn qr() -> LinkEvent {
    LinkEvent::Qr { code: QrCode("2@x".into()), valid_for: Duration::from_secs(20) }
}

fn down(reason: DisconnectReason) -> LinkEvent {
    LinkEvent::Disconnected { reason }
}

fn end(reason: EndReason) -> LinkEvent {
    LinkEvent::Ended { reason }
}

#[test]
fn events_lead_from_state_to_state() {
    use DisconnectReason::{ConnectionLost, StreamRestart};
    use Phase as P;
    use Reason as R;
    use UserAction as Do;
    let connected = || LinkEvent::Connected { identity: identity() };
    let paired = || LinkEvent::Paired { identity: identity() };
    let ban = |until_ms| end(EndReason::Banned { until_ms });
    #[rustfmt::skip]
    let table = [
        // a first pairing
        (P::Connecting, R::NotLinked, qr(), Some((P::Pairing, R::NotLinked, Do::ScanQr))),
        (P::Pairing, R::NotLinked, LinkEvent::PairingStarted, Some((P::Pairing, R::Linked, Do::Wait))),
        (P::Pairing, R::Linked, down(StreamRestart), None),
        (P::Pairing, R::Linked, paired(), Some((P::Connecting, R::Linked, Do::None))),
        (P::Connecting, R::Linked, down(StreamRestart), None),
        (P::Connecting, R::Linked, connected(), Some((P::Connected, R::Linked, Do::None))),
        // rounds of codes
        (P::Pairing, R::NotLinked, LinkEvent::QrExhausted, Some((P::Pairing, R::QrExpired, Do::ScanQr))),
        (P::Pairing, R::QrExpired, qr(), Some((P::Pairing, R::NotLinked, Do::ScanQr))),
        // an interrupted pairing stays one until it is linked
        (P::Connecting, R::PairingInterrupted, down(ConnectionLost), None),
        (P::Connecting, R::PairingInterrupted, qr(), Some((P::Pairing, R::PairingInterrupted, Do::OpenPhone))),
        (P::Pairing, R::PairingInterrupted, LinkEvent::QrExhausted, None),
        (P::Connecting, R::PairingInterrupted, connected(), Some((P::Connected, R::Requested, Do::None))),
        // the daily life
        (P::Connecting, R::Requested, connected(), Some((P::Connected, R::Requested, Do::None))),
        (P::Connecting, R::Requested, down(ConnectionLost), Some((P::Connecting, R::ConnectionLost, Do::Wait))),
        (P::Connected, R::Requested, down(ConnectionLost), Some((P::Reconnecting, R::ConnectionLost, Do::Wait))),
        (P::Connected, R::Linked, down(StreamRestart), Some((P::Reconnecting, R::StreamRestart, Do::Wait))),
        (P::Reconnecting, R::ConnectionLost, down(DisconnectReason::TimedOut), Some((P::Reconnecting, R::TimedOut, Do::Wait))),
        (P::Reconnecting, R::TimedOut, connected(), Some((P::Connected, R::Requested, Do::None))),
        (P::Stopped, R::Requested, down(ConnectionLost), None),
        // the ends
        (P::Connected, R::Requested, end(EndReason::LoggedOut), Some((P::LoggedOut, R::DeviceRemoved, Do::ScanQr))),
        (P::Connected, R::Requested, end(EndReason::Replaced), Some((P::Replaced, R::StreamReplaced, Do::OpenPhone))),
        (P::Connecting, R::Requested, ban(None), Some((P::Banned, R::PermanentBan, Do::OpenPhone))),
        (P::Connecting, R::Requested, ban(Some(NOW + 9)), Some((P::Banned, R::TemporaryBan, Do::Wait))),
        (P::Connecting, R::Requested, end(EndReason::Outdated), Some((P::Outdated, R::ClientOutdated, Do::Update))),
        (P::Connecting, R::Requested, end(EndReason::Refused { code: 418 }), Some((P::Stopped, R::Refused, Do::OpenPhone))),
        (P::Connected, R::Requested, end(EndReason::Unexpected), None),
        (P::Connecting, R::Requested, end(EndReason::Locked), Some((P::Banned, R::AccountLocked, Do::OpenPhone))),
        // no business of the state
        (P::Connected, R::Requested, LinkEvent::ServerAck { provider_id: "x".into(), error: None }, None),
        (P::Connected, R::Requested, LinkEvent::Receipt { provider_ids: vec![], seen: MessageState::Read, at_ms: 1 }, None),
    ];
    for (phase, reason, event, expected) in table {
        let current = AccountState { since_ms: 5, ..state(phase, reason, UserAction::None) };
        let next = next_state(&current, &event, &settings(), NOW);
        let told = next.as_ref().map(|s| (s.phase, s.reason, s.user_action));
        assert_eq!(told, expected, "{phase:?}/{reason:?} + {event:?}");
        if let Some(next) = next {
            let same = (next.phase, next.reason) == (phase, reason);
            assert_eq!(next.since_ms, if same { 5 } else { NOW }, "{phase:?}/{reason:?} + {event:?}");
        }
    }
}

fn code() -> LinkEvent {
    LinkEvent::PairingCode { code: PairingCode("ABCD1234".into()), valid_for: Duration::from_secs(180) }
}

fn no_code(reason: CodeRefusal) -> LinkEvent {
    LinkEvent::PairingCodeRefused { reason, retry_after: None }
}

#[test]
fn codes_and_passkeys_lead_from_state_to_state() {
    use Phase as P;
    use Reason as R;
    use UserAction as Do;
    let paired = || LinkEvent::Paired { identity: identity() };
    #[rustfmt::skip]
    let table = [
        // a code beside QR codes
        (P::Pairing, R::NotLinked, Do::ScanQr, code(), Some((P::Pairing, R::NotLinked, Do::EnterCode))),
        (P::Pairing, R::NotLinked, Do::EnterCode, qr(), None),
        (P::Pairing, R::NotLinked, Do::EnterCode, LinkEvent::PairingStarted, Some((P::Pairing, R::Linked, Do::Wait))),
        (P::Pairing, R::NotLinked, Do::EnterCode, no_code(CodeRefusal::Expired), Some((P::Pairing, R::CodeExpired, Do::ScanQr))),
        (P::Pairing, R::NotLinked, Do::EnterCode, LinkEvent::QrExhausted, Some((P::Pairing, R::QrExpired, Do::ScanQr))),
        // what went wrong stays to be read until something else happens
        (P::Pairing, R::CodeExpired, Do::ScanQr, qr(), None),
        (P::Pairing, R::CodeRefused, Do::ScanQr, qr(), None),
        (P::Pairing, R::PairingTimedOut, Do::ScanQr, qr(), None),
        (P::Pairing, R::CodeExpired, Do::ScanQr, code(), Some((P::Pairing, R::NotLinked, Do::EnterCode))),
        // refusals, and those that the account's state is not to blame for
        (P::Pairing, R::NotLinked, Do::ScanQr, no_code(CodeRefusal::RateLimited), Some((P::Pairing, R::CodeRefused, Do::ScanQr))),
        (P::Pairing, R::NotLinked, Do::ScanQr, no_code(CodeRefusal::NotAvailable), Some((P::Pairing, R::CodeRefused, Do::ScanQr))),
        (P::Pairing, R::NotLinked, Do::ScanQr, no_code(CodeRefusal::Failed), Some((P::Pairing, R::CodeRefused, Do::ScanQr))),
        (P::Pairing, R::NotLinked, Do::ScanQr, no_code(CodeRefusal::BadNumber), None),
        (P::Pairing, R::NotLinked, Do::ScanQr, no_code(CodeRefusal::NotConnected), None),
        (P::Pairing, R::Linked, Do::Wait, no_code(CodeRefusal::Expired), None),
        (P::Connected, R::Requested, Do::None, no_code(CodeRefusal::Failed), None),
        // a passkey
        (P::Pairing, R::Linked, Do::Wait, LinkEvent::PasskeyRequired, Some((P::Pairing, R::PasskeyRequired, Do::ConfirmPasskey))),
        (P::Pairing, R::PasskeyRequired, Do::ConfirmPasskey, qr(), None),
        (P::Pairing, R::PasskeyRequired, Do::ConfirmPasskey, paired(), Some((P::Connecting, R::Linked, Do::None))),
        (P::Pairing, R::PasskeyRequired, Do::ConfirmPasskey, LinkEvent::QrExhausted, Some((P::Pairing, R::QrExpired, Do::ScanQr))),
    ];
    for (phase, reason, action, event, expected) in table {
        let next = next_state(&state(phase, reason, action), &event, &settings(), NOW);
        let told = next.map(|s| (s.phase, s.reason, s.user_action));
        assert_eq!(told, expected, "{phase:?}/{reason:?} + {event:?}");
    }
}

/// Every way to lose a connection, in every phase in which there is one or is to be one.
#[test]
fn every_lost_connection_says_why_and_what_to_do() {
    use DisconnectReason as D;
    use Phase as P;
    let why = |reason| match reason {
        D::ConnectionLost => Reason::ConnectionLost,
        D::StreamRestart => Reason::StreamRestart,
        D::ServiceUnavailable => Reason::ServiceUnavailable,
        D::TimedOut => Reason::TimedOut,
        D::RateLimited => Reason::RateLimited,
        D::StreamError => Reason::StreamError,
        D::Unreachable => Reason::Unreachable,
        D::ProxyFailed => Reason::ProxyFailed,
    };
    for reason in D::ALL {
        let no_way = matches!(reason, D::Unreachable | D::ProxyFailed | D::RateLimited);
        let action = if reason == D::ProxyFailed { UserAction::CheckProxy } else { UserAction::Wait };
        for (phase, before, expected) in [
            (P::Connected, Reason::Requested, Some(P::Reconnecting)),
            (P::Connected, Reason::Linked, Some(P::Reconnecting)),
            (P::Reconnecting, Reason::Crashed, Some(P::Reconnecting)),
            (P::Connecting, Reason::Requested, Some(P::Connecting)),
            (P::Connecting, Reason::NotLinked, Some(P::Connecting)),
            (P::Connecting, Reason::Linked, no_way.then_some(P::Connecting)),
            (P::Connecting, Reason::PairingInterrupted, None),
            (P::Pairing, Reason::NotLinked, no_way.then_some(P::Connecting)),
            (P::Pairing, Reason::Linked, None),
            (P::Pairing, Reason::PairingInterrupted, None),
            (P::Stopped, Reason::Requested, None),
            (P::LoggedOut, Reason::DeviceRemoved, None),
        ] {
            let next = next_state(&state(phase, before, UserAction::None), &down(reason), &settings(), NOW);
            let told = next.map(|next| (next.phase, next.reason, next.user_action, next.retry_at_ms));
            let expected = expected.map(|phase| (phase, why(reason), action, None));
            assert_eq!(told, expected, "{phase:?}/{before:?} + {reason:?}");
        }
    }
}

#[test]
fn what_takes_too_long_is_said() {
    use Phase as P;
    use Reason as R;
    let told = |state: Option<AccountState>| state.map(|s| (s.phase, s.reason, s.user_action));
    let at = |phase, reason| state(phase, reason, UserAction::None);
    let wait = UserAction::Wait;
    assert_eq!(told(silent(&at(P::Connecting, R::Requested), NOW)), Some((P::Connecting, R::TimedOut, wait)));
    assert_eq!(told(silent(&at(P::Reconnecting, R::ConnectionLost), NOW)), Some((P::Reconnecting, R::TimedOut, wait)));
    assert_eq!(told(silent(&at(P::Pairing, R::NotLinked), NOW)), Some((P::Connecting, R::TimedOut, wait)));
    assert_eq!(told(silent(&at(P::Pairing, R::PairingInterrupted), NOW)), None);
    let late = pairing_timed_out(&at(P::Pairing, R::Linked), NOW);
    assert_eq!(told(late), Some((P::Pairing, R::PairingTimedOut, UserAction::ScanQr)));
    let expired = code_expired(&at(P::Pairing, R::NotLinked), NOW);
    assert_eq!(told(expired), Some((P::Pairing, R::CodeExpired, UserAction::ScanQr)));
    assert_eq!(told(code_expired(&at(P::Pairing, R::Linked), NOW)), None);
}

#[test]
fn an_outdated_client_is_tried_again_at_a_time() {
    let start = state(Phase::Connected, Reason::Requested, UserAction::None);
    let settings = AccountsSettings { outdated_retry: Duration::from_secs(60), ..settings() };
    let next = next_state(&start, &end(EndReason::Outdated), &settings, NOW).unwrap();
    assert_eq!(next.retry_at_ms, Some(NOW + 60_000));
}

#[test]
fn a_link_that_is_refused_points_at_the_proxy_where_there_is_one() {
    let mut account = record(Phase::Connecting, Reason::Requested, true);
    let told = |account: &AccountRecord| {
        let state = after_crash(account, CrashKind::LinkRefused, NOW);
        (state.phase, state.reason, state.user_action)
    };
    assert_eq!(told(&account), (Phase::BackingOff, Reason::LinkRefused, UserAction::Wait));
    account.settings.proxy = Some(wasup_store::records::ProxyAddress("http://127.0.0.1:1".into()));
    assert_eq!(told(&account), (Phase::BackingOff, Reason::LinkRefused, UserAction::CheckProxy));
}

#[test]
fn a_stop_says_why_the_account_stands_still() {
    use Phase as P;
    use Reason as R;
    use StopReason as S;
    for (phase, reason, linked, stop, expected) in [
        (P::Connected, R::Requested, true, S::Requested, Some((P::Stopped, R::Requested))),
        (P::Connected, R::Requested, true, S::Undeclared, Some((P::Stopped, R::Undeclared))),
        (P::Connected, R::Requested, true, S::Restarted, Some((P::Connecting, R::Requested))),
        (P::Pairing, R::NotLinked, false, S::Restarted, Some((P::Connecting, R::NotLinked))),
        (P::Pairing, R::NotLinked, false, S::PairingCancelled, Some((P::Stopped, R::PairingCancelled))),
        (P::Connected, R::Linked, true, S::PairingCancelled, Some((P::Stopped, R::Requested))),
        (P::Pairing, R::Linked, false, S::PairingCancelled, Some((P::Stopped, R::PairingInterrupted))),
        (P::BackingOff, R::Crashed, true, S::Requested, Some((P::Stopped, R::Requested))),
        (P::Replaced, R::StreamReplaced, true, S::Requested, None),
        (P::Banned, R::TemporaryBan, true, S::Restarted, None),
        (P::Quarantined, R::RestartBudget, true, S::Requested, None),
        (P::Stopped, R::SamePhone, false, S::Requested, None),
        (P::Stopped, R::Refused, true, S::Requested, None),
        (P::Connected, R::Requested, true, S::LogOut, None),
        (P::Connected, R::Requested, true, S::SamePhone, None),
    ] {
        let next = after_stop(&state(phase, reason, UserAction::None), linked, stop);
        assert_eq!(next.map(|s| (s.phase, s.reason)), expected, "{phase:?}/{reason:?} + {stop:?}");
    }
}

#[test]
fn who_is_to_leave_leaves_before_anything_else() {
    let mut leaving = record(Phase::Stopped, Reason::Requested, true);
    leaving.leaving = true;
    assert_eq!(boot(&leaving, NOW), Boot::LogOut);
    for (phase, reason, linked, expected) in [
        (Phase::Stopped, Reason::Requested, true, true),
        (Phase::Stopped, Reason::Shutdown, true, true),
        (Phase::Connected, Reason::Requested, true, true),
        (Phase::Stopped, Reason::Requested, false, false),
        (Phase::Stopped, Reason::Restored, true, false),
        (Phase::Stopped, Reason::Refused, true, false),
        (Phase::Quarantined, Reason::RestartBudget, true, false),
        (Phase::Replaced, Reason::StreamReplaced, true, false),
        (Phase::Banned, Reason::TemporaryBan, true, false),
    ] {
        assert_eq!(can_say_farewell(&record(phase, reason, linked)), expected, "{phase:?}/{reason:?}");
    }
}

#[test]
fn a_repeated_event_changes_nothing() {
    for event in [qr(), LinkEvent::PairingStarted, down(DisconnectReason::TimedOut), end(EndReason::Replaced)] {
        let start = state(Phase::Connected, Reason::Requested, UserAction::None);
        let once = next_state(&start, &event, &settings(), NOW).unwrap();
        assert_eq!(next_state(&once, &event, &settings(), NOW + 1), None, "{event:?}");
    }
}

#[test]
fn a_temporary_ban_says_when_it_ends() {
    let start = state(Phase::Connecting, Reason::Requested, UserAction::None);
    let banned = next_state(&start, &end(EndReason::Banned { until_ms: Some(NOW + 9) }), &settings(), NOW).unwrap();
    assert_eq!(banned.retry_at_ms, Some(NOW + 9));
}

#[test]
fn a_pairing_that_was_cut_off_is_remembered_until_linked() {
    let linking = record(Phase::Pairing, Reason::Linked, false);
    assert_eq!(opening(&linking, NOW).reason, Reason::PairingInterrupted);
    assert_eq!(after_crash(&linking, CrashKind::Crashed, NOW).reason, Reason::PairingInterrupted);
    let stopped = after_stop(&linking.state, false, StopReason::Shutdown).unwrap();
    assert_eq!((stopped.reason, stopped.user_action), (Reason::PairingInterrupted, UserAction::OpenPhone));
    // ... over a crash of the new incarnation, and no longer than that.
    let crashed = record(Phase::BackingOff, Reason::PairingInterrupted, false);
    assert_eq!(opening(&crashed, NOW).reason, Reason::PairingInterrupted);
    assert_eq!(opening(&record(Phase::Pairing, Reason::Linked, true), NOW).reason, Reason::Requested);
    assert_eq!(opening(&record(Phase::Pairing, Reason::NotLinked, false), NOW).reason, Reason::NotLinked);
}

#[test]
fn what_starts_with_the_process() {
    use Phase as P;
    use Reason as R;
    let start = |phase, reason| boot(&record(phase, reason, true), NOW);
    for phase in [P::Stopped, P::Connected, P::Reconnecting, P::Connecting, P::Pairing, P::BackingOff, P::Outdated] {
        assert_eq!(start(phase, R::Requested), Boot::Start, "{phase:?}");
    }
    assert_eq!(start(P::Stopped, R::QrExpired), Boot::Start);
    assert_eq!(start(P::Quarantined, R::RestartBudget), Boot::Quarantined);
    for (phase, reason) in [
        (P::LoggedOut, R::DeviceRemoved),
        (P::Replaced, R::StreamReplaced),
        (P::Banned, R::PermanentBan),
        (P::Stopped, R::Restored),
        (P::Stopped, R::Refused),
    ] {
        assert_eq!(start(phase, reason), Boot::Leave, "{phase:?}");
    }
    let mut banned = record(P::Banned, R::TemporaryBan, true);
    banned.state.retry_at_ms = Some(NOW + 1);
    assert_eq!(boot(&banned, NOW), Boot::StartLater);
    assert_eq!(boot(&banned, NOW + 1), Boot::Start);
}

#[test]
fn an_unwanted_account_does_not_claim_to_live() {
    let mut stale = record(Phase::Connected, Reason::Requested, true);
    stale.autostart = false;
    let Boot::Correct(state) = boot(&stale, NOW) else { panic!("not corrected") };
    assert_eq!((state.phase, state.reason), (Phase::Stopped, Reason::Shutdown));
    stale.state = state;
    assert_eq!(boot(&stale, NOW), Boot::Leave);
}
