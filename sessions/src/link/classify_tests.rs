//! Every event of the library has its meaning.

use super::*;
use wacore::types::events as lib;

fn meaning(event: &Event) -> Meaning {
    classify(event, |jid| jid.user == "me", 1_000)
}

fn said(event: &Event) -> Option<LinkEvent> {
    match meaning(event) {
        Meaning::Note(Note::Say(event)) => Some(event),
        _ => None,
    }
}

fn ack(class: &str, error: Option<&str>) -> Event {
    let ack = ServerAck::builder().id("3EB0".into()).class(class.into()).maybe_error(error.map(Into::into));
    Event::ServerAck(ack.build())
}

#[test]
fn only_acks_of_messages_count_and_every_error_refuses() {
    let answer = |error| Some(LinkEvent::ServerAck { provider_id: "3EB0".into(), error });
    assert_eq!(said(&ack("message", None)), answer(None));
    assert_eq!(said(&ack("message", Some("463"))), answer(Some(463)));
    assert_eq!(said(&ack("message", Some("odd"))), answer(Some(u16::MAX)));
    assert_eq!(said(&ack("receipt", None)), None);
}

fn receipt(kind: ReceiptType, sender: &str) -> Event {
    let source = wacore::types::message::MessageSource { sender: sender.parse().unwrap(), ..Default::default() };
    let receipt = lib::Receipt::builder()
        .source(source)
        .message_ids(vec!["a".into(), "b".into()])
        .timestamp(whatsapp_rust::chrono::DateTime::from_timestamp(7, 0).unwrap())
        .r#type(kind)
        .offline(false);
    Event::Receipt(receipt.build())
}

#[test]
fn own_devices_are_not_the_receiver() {
    for (kind, seen) in [
        (ReceiptType::Delivered, Some(MessageState::Delivered)),
        (ReceiptType::Inactive, Some(MessageState::Delivered)),
        (ReceiptType::Read, Some(MessageState::Read)),
        (ReceiptType::Played, Some(MessageState::Played)),
        (ReceiptType::Sender, None),
        (ReceiptType::ReadSelf, None),
        (ReceiptType::PlayedSelf, None),
        (ReceiptType::PeerMsg, None),
        (ReceiptType::Retry, None),
        (ReceiptType::ServerError, None),
    ] {
        let expected =
            seen.map(|seen| LinkEvent::Receipt { provider_ids: vec!["a".into(), "b".into()], seen, at_ms: 7_000 });
        assert_eq!(said(&receipt(kind.clone(), "628:1@s.whatsapp.net")), expected, "{kind:?}");
        assert_eq!(said(&receipt(kind, "me:0@s.whatsapp.net")), None);
    }
}

/// In short: how the link goes on.
#[derive(Debug, PartialEq)]
enum Course {
    Gone(DisconnectReason),
    Lost(DisconnectReason),
    Over(DisconnectReason),
    Hint(DisconnectReason),
    Says(LinkEvent),
    Code(CodeNews),
    Nothing,
}

fn course(event: &Event) -> Course {
    match meaning(event) {
        Meaning::Gone(reason) => Course::Gone(reason),
        Meaning::Lost(reason) => Course::Lost(reason),
        Meaning::Over(reason) => Course::Over(reason),
        Meaning::Hint(reason) => Course::Hint(reason),
        Meaning::Note(Note::Say(event)) => Course::Says(event),
        Meaning::Code(news) => Course::Code(news),
        _ => Course::Nothing,
    }
}

fn ended(reason: EndReason) -> Course {
    Course::Says(LinkEvent::Ended { reason })
}

#[test]
fn a_socket_says_why_it_went() {
    let close = |code| TransportReason::ServerClose { code: Some(code), reason: String::new() };
    for (reason, expected) in [
        (TransportReason::StreamEnded, DisconnectReason::ConnectionLost),
        (TransportReason::Unknown, DisconnectReason::ConnectionLost),
        (close(1_000), DisconnectReason::ConnectionLost),
        (close(1_011), DisconnectReason::ConnectionLost),
        (TransportReason::ReadError("reset by peer".into()), DisconnectReason::ConnectionLost),
        (TransportReason::ReadError("timed out".into()), DisconnectReason::TimedOut),
    ] {
        let lost = lib::Disconnected::builder().reason(reason).build();
        assert_eq!(course(&Event::Disconnected(lost)), Course::Gone(expected));
    }
}

#[test]
fn a_stream_error_ends_the_stream_unless_it_is_about_an_ack() {
    let error = |code: &str, child: Option<&'static str>| {
        let node = wacore_binary::builder::NodeBuilder::new("stream:error").attr("code", code);
        let child = child.map(|tag| wacore_binary::builder::NodeBuilder::new(tag).build());
        let node = node.children(child).build();
        Event::StreamError(lib::StreamError::builder().code(code.into()).raw(node).build())
    };
    let reason = DisconnectReason::StreamError;
    for (code, child, expected) in [
        ("", None, Course::Over(reason)),
        ("403", None, Course::Over(reason)),
        ("500", None, Course::Over(reason)),
        ("999", None, Course::Over(reason)),
        ("", Some("ack"), Course::Hint(reason)),
        ("", Some("xml-not-well-formed"), Course::Lost(reason)),
    ] {
        assert_eq!(course(&error(code, child)), expected, "{code} {child:?}");
    }
    let bare = lib::StreamError::builder().code(String::new()).build();
    assert_eq!(course(&Event::StreamError(bare)), Course::Over(reason));
}

#[test]
fn a_refused_login_ends_the_link_or_is_tried_again() {
    let failure = |code| {
        let reason = lib::ConnectFailureReason::from(code);
        Event::ConnectFailure(lib::ConnectFailure::builder().reason(reason).build())
    };
    for (code, expected) in [
        (500, Course::Lost(DisconnectReason::ServiceUnavailable)),
        (503, Course::Lost(DisconnectReason::ServiceUnavailable)),
        (402, ended(EndReason::Banned { until_ms: None })),
        (409, ended(EndReason::Outdated)),
        (413, ended(EndReason::Refused { code: 413 })),
        (777, ended(EndReason::Refused { code: 777 })),
    ] {
        assert_eq!(course(&failure(code)), expected, "{code}");
    }
    for (code, expected) in [(401, EndReason::LoggedOut), (406, EndReason::LoggedOut), (403, EndReason::Locked)] {
        for on_connect in [false, true] {
            let out = lib::LoggedOut::builder().on_connect(on_connect).reason(code.into()).build();
            assert_eq!(course(&Event::LoggedOut(out)), ended(expected), "{code}");
        }
    }
}

#[test]
fn the_other_ends_have_their_reasons() {
    let ban = lib::TemporaryBan::builder()
        .code(lib::TempBanReason::from(101))
        .expire(whatsapp_rust::chrono::Duration::seconds(60))
        .build();
    let replaced = lib::StreamReplaced::builder().build();
    let outdated = lib::ClientOutdated::builder().build();
    for (event, expected) in [
        (Event::TemporaryBan(ban), EndReason::Banned { until_ms: Some(61_000) }),
        (Event::StreamReplaced(replaced), EndReason::Replaced),
        (Event::ClientOutdated(outdated), EndReason::Outdated),
    ] {
        assert_eq!(course(&event), ended(expected));
    }
}

#[test]
fn what_is_said_of_a_pairing() {
    let (code, timeout) = ("ABCD1234".to_owned(), std::time::Duration::from_secs(180));
    let shown = lib::PairingCode::builder().code(code.clone()).timeout(timeout).build();
    let shown = course(&Event::PairingCode(shown));
    assert_eq!(shown, Course::Code(CodeNews::Shown { code: PairingCode(code), valid_for: timeout }));
    assert!(!format!("{shown:?}").contains("ABCD"), "a code is not printed");
    let refused = |reason, retry_after| Course::Code(CodeNews::Refused { reason, retry_after });
    let error = lib::PairingCodeError::builder().error("x".into()).maybe_backoff(Some(timeout));
    let error = error.maybe_rejection(Some(429.into())).build();
    assert_eq!(course(&Event::PairingCodeError(error)), refused(CodeRefusal::RateLimited, Some(timeout)));
    let error = lib::PairingCodeError::builder().error("x".into()).build();
    assert_eq!(course(&Event::PairingCodeError(error)), refused(CodeRefusal::Failed, None));
    let again = lib::PairingCodeRefresh::builder().force_manual(true).build();
    assert_eq!(course(&Event::PairingCodeRefresh(again)), refused(CodeRefusal::Expired, None));

    let passkey = lib::PairPasskeyRequest::builder().request_options_json("{}".into()).build();
    assert_eq!(course(&Event::PairPasskeyRequest(passkey)), Course::Says(LinkEvent::PasskeyRequired));
    let passkey = lib::PairPasskeyError::builder().error("x".into()).continuation(false).build();
    assert_eq!(course(&Event::PairPasskeyError(passkey)), Course::Says(LinkEvent::PasskeyRequired));

    for (disconnected, expected) in
        [(true, Course::Says(LinkEvent::QrExhausted)), (false, Course::Code(CodeNews::QrSpent))]
    {
        let spent = lib::PairingQrCodesExhausted::builder().disconnected(disconnected).build();
        assert_eq!(course(&Event::PairingQrCodesExhausted(spent)), expected);
    }
}

#[test]
fn a_pairing_is_seen_in_the_stanzas() {
    use wacore_binary::builder::NodeBuilder;
    let step = |stage| NodeBuilder::new("link_code_companion_reg").attr("stage", stage).build();
    let notification = |stage| NodeBuilder::new("notification").children([step(stage)]).build();
    let success = NodeBuilder::new("iq").children([NodeBuilder::new("pair-success").build()]).build();
    for (node, expected) in [
        (success, Course::Says(LinkEvent::PairingStarted)),
        (notification("primary_hello"), Course::Code(CodeNews::Entered)),
        (notification("refresh_code"), Course::Nothing),
        (NodeBuilder::new("notification").build(), Course::Nothing),
        (NodeBuilder::new("iq").build(), Course::Nothing),
    ] {
        let marshalled = wacore_binary::marshal::marshal(&node).unwrap();
        // The first byte says how the rest is packed.
        let node = wacore_binary::OwnedNodeRef::new(marshalled[1..].to_vec()).unwrap();
        assert_eq!(course(&Event::RawNode(Arc::new(node))), expected);
    }
}
