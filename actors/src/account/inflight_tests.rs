use wasup_store::SpaceFloor;
use wasup_store::id::{AccountNo, ChatNo, MessageKey};
use wasup_store::jid::Jid;
use wasup_store::records::{Content, Direction, Lane, MessageState, Participant, StateTimes};

use super::*;

fn settings() -> SendSettings {
    SendSettings {
        ack_timeout: Duration::from_secs(20),
        tries_max: 3,
        age_max: Duration::from_secs(100),
        in_flight: 4,
        outbox_max: 10,
        idempotency_ttl: Duration::from_secs(60),
        free_space_floor: SpaceFloor::new("/", 0),
        restriction_retry: Duration::from_secs(3_600),
        pace: crate::PaceSettings::default(),
    }
}

fn id(n: u64) -> MessageId {
    MessageId { account: AccountNo(1), key: MessageKey::new(n, n) }
}

pub(in super::super) fn record(n: u64, tries: u32) -> MessageRecord {
    MessageRecord {
        direction: Direction::Outbound,
        chat: Participant { jid: Jid::phone("628111"), phone: None, lid: None },
        chat_no: ChatNo(1),
        sender: None,
        sender_no: None,
        provider_id: format!("3EB0{n}"),
        ts_ms: 0,
        content: Content::text("x"),
        state: MessageState::Sending,
        times: StateTimes { sending_ms: Some(1_000), ..StateTimes::default() },
        reason: None,
        lane: Lane::Interactive,
        tries,
        client_message_id: None,
        push_name: None,
        context: None,
        secret: None,
        aftermath: wasup_store::records::Aftermath::default(),
        fleeting: false,
        run: None,
    }
}

#[test]
fn resends_end_by_count_and_by_age() {
    for (tries, age, expected) in
        [(1, 0, Resend::Again), (2, 99, Resend::Again), (3, 0, Resend::GiveUp), (1, 100, Resend::GiveUp)]
    {
        assert_eq!(resend(tries, Duration::from_secs(age), &settings()), expected, "{tries} tries, {age} s");
    }
}

#[test]
fn a_deadline_makes_a_send_due_and_an_acknowledgement_ends_it() {
    let (mut flights, now) = (Flights::default(), Instant::now());
    let soon = now + Duration::from_secs(20);
    for n in 1..=3 {
        flights.hand_over(id(n), &record(n, 1));
    }
    assert_eq!((flights.len(), flights.moving(), flights.next_due()), (3, 3, None));
    flights.left(id(1), soon);
    flights.stayed(id(2), Some(now + Duration::from_secs(5)));
    assert_eq!(flights.next_due(), Some(now + Duration::from_secs(5)));
    assert_eq!(flights.due(now), []);
    assert_eq!(flights.due(soon), [id(1), id(2)]);
    assert_eq!(flights.find("3EB01"), Some(id(1)));
    assert!(flights.remove(id(1)) && !flights.remove(id(1)));
    assert_eq!(flights.find("3EB01"), None);
    assert_eq!(flights.due(soon), [id(2)]);
}

#[test]
fn a_reconnect_resends_what_is_out_but_not_what_the_sender_has() {
    let (mut flights, now) = (Flights::default(), Instant::now());
    for n in 1..=4 {
        flights.hand_over(id(n), &record(n, 1));
    }
    flights.left(id(1), now);
    flights.stayed(id(2), None);
    flights.stayed(id(3), Some(now + Duration::from_secs(9)));
    assert_eq!(flights.after_reconnect(), [id(1), id(2), id(3)]);
    flights.sender_gone();
    assert_eq!(flights.after_reconnect(), [id(1), id(2), id(3), id(4)]);
    assert_eq!((flights.moving(), flights.next_due()), (0, None));
}

#[test]
fn an_earlier_incarnations_sends_wait_for_the_connection() {
    let mut flights = Flights::default();
    flights.restore(id(1), &record(1, 1));
    flights.restore(id(2), &record(2, 3));
    assert_eq!(flights.next_due(), None);
    let (again, given_up) = flights.judge(flights.after_reconnect(), &settings(), 1_000);
    assert_eq!((again, given_up), (vec![id(1)], vec![id(2)]));
    assert_eq!(flights.expired(&settings(), 100_999), []);
    assert_eq!(flights.expired(&settings(), 101_000), [id(1), id(2)]);
}
