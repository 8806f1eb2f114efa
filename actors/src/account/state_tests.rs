use std::time::Duration;

use wasup_sessions::ports::QrCode;
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
        default_region: None,
        autostart: true,
        metadata: None,
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
