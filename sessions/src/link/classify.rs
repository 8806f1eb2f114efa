//! The library's events in our words. Pure, and called on the library's own path: it must be quick.

use std::sync::Arc;

use wacore::net::DisconnectReason as TransportReason;
use wacore::types::events::{DecryptFailMode, Event, EventInterest, EventKind, Receipt, ServerAck};
use wacore::types::presence::ReceiptType;
use wacore_binary::Jid;
use wasup_store::id::Millis;
use wasup_store::records::MessageState;

use super::ending::refused_login;
use super::outlet::Note;
use crate::ports::{DisconnectReason, EndReason, LinkEvent, QrCode};

/// The kinds of events that are looked at.
pub(super) fn interest() -> EventInterest {
    EventInterest::of(&[
        EventKind::Connected,
        EventKind::Disconnected,
        EventKind::PairingQrCode,
        EventKind::PairingQrCodesExhausted,
        EventKind::PairSuccess,
        EventKind::LoggedOut,
        EventKind::StreamReplaced,
        EventKind::TemporaryBan,
        EventKind::ClientOutdated,
        EventKind::ConnectFailure,
        EventKind::ServerAck,
        EventKind::Receipt,
        EventKind::Messages,
        EventKind::UndecryptableMessage,
        EventKind::RawNode,
    ])
}

/// What an event means.
pub(super) enum Meaning {
    /// Something to say or do.
    Note(Note),
    /// The reason of the next loss of the connection.
    NextLoss(DisconnectReason),
    /// Nothing.
    Nothing,
}

/// What an event means at a time. `loss` is what an earlier event said about the next loss of the connection, `is_own`
/// whether an address is one of the account's own devices.
pub(super) fn classify(
    event: &Event,
    loss: Option<DisconnectReason>,
    is_own: impl Fn(&Jid) -> bool,
    now_ms: Millis,
) -> Meaning {
    let say = |event| Meaning::Note(Note::Say(event));
    let end = |reason| Meaning::Note(Note::Say(LinkEvent::Ended { reason }));
    match event {
        Event::Connected(_) => Meaning::Note(Note::Connected),
        Event::Disconnected(lost) => say(LinkEvent::Disconnected { reason: loss.unwrap_or(loss_of(&lost.reason)) }),
        Event::PairingQrCode(qr) => say(LinkEvent::Qr { code: QrCode(qr.code.clone()), valid_for: qr.timeout }),
        Event::PairingQrCodesExhausted(_) => say(LinkEvent::QrExhausted),
        Event::PairSuccess(_) => Meaning::Note(Note::Paired),
        Event::LoggedOut(out) => end(refused_login(out.reason).unwrap_or(EndReason::LoggedOut)),
        Event::StreamReplaced(_) => end(EndReason::Replaced),
        Event::TemporaryBan(ban) => {
            let term = u64::try_from(ban.expire.num_milliseconds()).unwrap_or_default();
            end(EndReason::Banned { until_ms: Some(now_ms.saturating_add(term)) })
        }
        Event::ClientOutdated(_) => end(EndReason::Outdated),
        Event::ConnectFailure(failure) => {
            refused_login(failure.reason).map_or(Meaning::NextLoss(DisconnectReason::ServiceUnavailable), end)
        }
        Event::ServerAck(ack) => server_ack(ack).map_or(Meaning::Nothing, say),
        Event::Receipt(receipt) if is_own(&receipt.source.sender) => Meaning::Nothing,
        Event::Receipt(receipt) => receipt_of(receipt).map_or(Meaning::Nothing, say),
        Event::Messages(batch) if !batch.hook_committed => Meaning::Note(Note::Ungated(batch.clone())),
        Event::Messages(batch) => {
            let lost = batch.iter().filter(|m| m.message.placeholder_message.is_set()).map(|m| Arc::clone(&m.info));
            let lost: Vec<_> = lost.collect();
            if lost.is_empty() { Meaning::Nothing } else { Meaning::Note(Note::Lost(lost)) }
        }
        Event::UndecryptableMessage(message) if message.decrypt_fail_mode == DecryptFailMode::Show => {
            Meaning::Note(Note::Unreadable(Arc::clone(&message.info)))
        }
        Event::RawNode(node) if is_pair_success(node.get()) => say(LinkEvent::PairingStarted),
        _ => Meaning::Nothing,
    }
}

fn loss_of(reason: &TransportReason) -> DisconnectReason {
    match reason {
        TransportReason::ReadError(error) if error.contains("timed out") => DisconnectReason::TimedOut,
        _ => DisconnectReason::ConnectionLost,
    }
}

/// The server's answer to a message. A code that is no number is still a refusal.
fn server_ack(ack: &ServerAck) -> Option<LinkEvent> {
    let about_message = ack.class.as_deref() == Some("message");
    about_message.then(|| LinkEvent::ServerAck {
        provider_id: ack.id.clone(),
        error: ack.error.as_deref().map(|code| code.parse().unwrap_or(u16::MAX)),
    })
}

/// What a receiver's device says. The account's own devices report with types of their own (`sender`, `read-self`,
/// `peer_msg` …), which say nothing about the receiver; `inactive` is a delivery to a device whose owner is away.
fn receipt_of(receipt: &Receipt) -> Option<LinkEvent> {
    let seen = match receipt.r#type {
        ReceiptType::Delivered | ReceiptType::Inactive => MessageState::Delivered,
        ReceiptType::Read => MessageState::Read,
        ReceiptType::Played => MessageState::Played,
        _ => return None,
    };
    Some(LinkEvent::Receipt {
        provider_ids: receipt.message_ids.clone(),
        seen,
        at_ms: u64::try_from(receipt.timestamp.timestamp_millis()).unwrap_or_default(),
    })
}

fn is_pair_success(node: &wacore_binary::NodeRef<'_>) -> bool {
    node.tag.as_ref() == "iq" && node.get_optional_child("pair-success").is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use wacore::types::events as lib;

    fn said(event: &Event, loss: Option<DisconnectReason>) -> Option<LinkEvent> {
        match classify(event, loss, |jid| jid.user == "me", 1_000) {
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
        assert_eq!(said(&ack("message", None), None), answer(None));
        assert_eq!(said(&ack("message", Some("463")), None), answer(Some(463)));
        assert_eq!(said(&ack("message", Some("odd")), None), answer(Some(u16::MAX)));
        assert_eq!(said(&ack("receipt", None), None), None);
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
            assert_eq!(said(&receipt(kind.clone(), "628:1@s.whatsapp.net"), None), expected, "{kind:?}");
            assert_eq!(said(&receipt(kind, "me:0@s.whatsapp.net"), None), None);
        }
    }

    #[test]
    fn a_loss_keeps_the_reason_the_server_gave_before() {
        let lost = |reason| Event::Disconnected(lib::Disconnected::builder().reason(reason).build());
        let unavailable = DisconnectReason::ServiceUnavailable;
        let busy = lib::ConnectFailure::builder().reason(lib::ConnectFailureReason::ServiceUnavailable).build();
        let meaning = classify(&Event::ConnectFailure(busy), None, |_| false, 0);
        assert!(matches!(meaning, Meaning::NextLoss(reason) if reason == unavailable));
        for (reason, loss, expected) in [
            (TransportReason::StreamEnded, None, DisconnectReason::ConnectionLost),
            (TransportReason::ReadError("timed out".into()), None, DisconnectReason::TimedOut),
            (TransportReason::StreamEnded, Some(unavailable), unavailable),
        ] {
            assert_eq!(said(&lost(reason), loss), Some(LinkEvent::Disconnected { reason: expected }));
        }
    }

    #[test]
    fn a_ban_says_when_it_ends() {
        let ban = lib::TemporaryBan::builder()
            .code(lib::TempBanReason::from(101))
            .expire(whatsapp_rust::chrono::Duration::seconds(60))
            .build();
        let reason = EndReason::Banned { until_ms: Some(61_000) };
        assert_eq!(said(&Event::TemporaryBan(ban), None), Some(LinkEvent::Ended { reason }));
    }
}
