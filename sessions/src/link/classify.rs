//! The library's events in our words. Pure, and called on the library's own path: it must be quick.

use std::sync::Arc;

use wacore::net::DisconnectReason as TransportReason;
use wacore::types::events::{DecryptFailMode, Event, EventInterest, EventKind, Receipt, ServerAck, UnavailableType};
use wacore::types::presence::ReceiptType;
use wacore_binary::{Jid, Node, NodeRef};
use wasup_store::id::Millis;
use wasup_store::records::{Content, MessageState};

use super::ending::refused_login;
use super::news::News;
use super::outlet::Note;
use super::pairing_code::{CodeNews, refusal};
use crate::ports::{CodeRefusal, DisconnectReason, EndReason, LinkEvent, PairingCode, QrCode};

/// The kinds of events that are looked at.
pub(super) fn interest() -> EventInterest {
    EventInterest::of(&[
        EventKind::Connected,
        EventKind::Disconnected,
        EventKind::PairingQrCode,
        EventKind::PairingQrCodesExhausted,
        EventKind::PairSuccess,
        EventKind::PairingCode,
        EventKind::PairingCodeError,
        EventKind::PairingCodeRefresh,
        EventKind::PairPasskeyRequest,
        EventKind::PairPasskeyError,
        EventKind::LoggedOut,
        EventKind::StreamReplaced,
        EventKind::TemporaryBan,
        EventKind::ClientOutdated,
        EventKind::ConnectFailure,
        EventKind::StreamError,
        EventKind::ServerAck,
        EventKind::Receipt,
        EventKind::Messages,
        EventKind::UndecryptableMessage,
        EventKind::GroupUpdate,
        EventKind::PictureUpdate,
        EventKind::Presence,
        EventKind::ChatPresence,
        EventKind::IncomingCall,
        EventKind::MissedCall,
        EventKind::RawNode,
        EventKind::ArchiveUpdate,
        EventKind::PinUpdate,
        EventKind::MuteUpdate,
        EventKind::MarkChatAsReadUpdate,
        EventKind::DeleteChatUpdate,
        EventKind::ClearChatUpdate,
        EventKind::StarUpdate,
        EventKind::DeleteMessageForMeUpdate,
        EventKind::ContactUpdate,
        EventKind::HistorySync,
    ])
}

/// What an event means.
pub(super) enum Meaning {
    /// Something to say or do.
    Note(Note),
    /// The socket is gone; this is why unless something better is known.
    Gone(DisconnectReason),
    /// The connection is lost, for this reason.
    Lost(DisconnectReason),
    /// The stream is over, for this reason, whether or not the socket goes.
    Over(DisconnectReason),
    /// If the connection goes soon, this is why.
    Hint(DisconnectReason),
    /// Something about the pairing code.
    Code(CodeNews),
    /// Nothing.
    Nothing,
}

/// What an event means at a time. `is_own` tells whether an address is one of the account's own devices.
pub(super) fn classify(event: &Event, is_own: impl Fn(&Jid) -> bool, now_ms: Millis) -> Meaning {
    let say = |event| Meaning::Note(Note::Say(event));
    match event {
        Event::Connected(_) => Meaning::Note(Note::Connected),
        Event::Disconnected(lost) => Meaning::Gone(loss_of(&lost.reason)),
        Event::StreamError(error) => stream_error(error.raw.as_ref()),
        Event::PairingQrCode(qr) => say(LinkEvent::Qr { code: QrCode(qr.code.clone()), valid_for: qr.timeout }),
        Event::PairingQrCodesExhausted(spent) if spent.disconnected => say(LinkEvent::QrExhausted),
        Event::PairingQrCodesExhausted(_) => Meaning::Code(CodeNews::QrSpent),
        Event::PairingCode(code) => {
            Meaning::Code(CodeNews::Shown { code: PairingCode(code.code.clone()), valid_for: code.timeout })
        }
        Event::PairingCodeError(error) => Meaning::Code(CodeNews::Refused {
            reason: error.rejection.map_or(CodeRefusal::Failed, |rejection| refusal(rejection.code(), true)),
            retry_after: error.backoff,
        }),
        Event::PairingCodeRefresh(_) => {
            Meaning::Code(CodeNews::Refused { reason: CodeRefusal::Expired, retry_after: None })
        }
        // An error comes where not even the demand could be read; nobody here answers one.
        Event::PairPasskeyRequest(_) | Event::PairPasskeyError(_) => say(LinkEvent::PasskeyRequired),
        Event::PairSuccess(_) => Meaning::Note(Note::Paired),
        Event::LoggedOut(_)
        | Event::StreamReplaced(_)
        | Event::TemporaryBan(_)
        | Event::ClientOutdated(_)
        | Event::ConnectFailure(_) => match end_of(event, now_ms) {
            Some(reason) => say(LinkEvent::Ended { reason }),
            None => Meaning::Lost(DisconnectReason::ServiceUnavailable),
        },
        Event::RawNode(node) => raw(node.get()),
        _ => traffic(event, is_own),
    }
}

/// Why the link ends, or `None` where it tries again.
fn end_of(event: &Event, now_ms: Millis) -> Option<EndReason> {
    match event {
        Event::LoggedOut(out) => Some(refused_login(out.reason).unwrap_or(EndReason::LoggedOut)),
        Event::StreamReplaced(_) => Some(EndReason::Replaced),
        Event::TemporaryBan(ban) => {
            let term = u64::try_from(ban.expire.num_milliseconds()).unwrap_or_default();
            Some(EndReason::Banned { until_ms: Some(now_ms.saturating_add(term)) })
        }
        Event::ClientOutdated(_) => Some(EndReason::Outdated),
        Event::ConnectFailure(failure) => refused_login(failure.reason),
        _ => None,
    }
}

/// What is neither about the connection nor about the pairing.
fn traffic(event: &Event, is_own: impl Fn(&Jid) -> bool) -> Meaning {
    let say = |event| Meaning::Note(Note::Say(event));
    if let Some(news) = News::of(event) {
        return Meaning::Note(Note::News(news));
    }
    match event {
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
            Meaning::Note(Note::Unreadable(Arc::clone(&message.info), in_its_place(message.unavailable_type)))
        }
        _ => Meaning::Nothing,
    }
}

/// What stands in the place of a message that this device can't read. What is to be seen once goes to phones only; bots'
/// and hosted businesses' messages may be withheld from linked devices, too. The phone sends none of them again.
fn in_its_place(why: UnavailableType) -> Content {
    match why {
        UnavailableType::ViewOnce => Content::ViewOnceUnavailable,
        UnavailableType::Hosted => Content::Unsupported { kind: "hosted".to_owned() },
        UnavailableType::Bot => Content::Unsupported { kind: "bot".to_owned() },
        _ => Content::Unavailable,
    }
}

/// A stream error of the kinds that come as events: those without a code and those with one that the library has no
/// name for. It goes on as if nothing had happened, except after bad XML. An error about a stanza that was not
/// acknowledged ends nothing by itself (whatsapp-rust 0.7.0, `handle_stream_error`).
fn stream_error(node: Option<&Node>) -> Meaning {
    match node {
        Some(node) if node.get_optional_child("ack").is_some() => Meaning::Hint(DisconnectReason::StreamError),
        Some(node) if node.get_optional_child("xml-not-well-formed").is_some() => {
            Meaning::Lost(DisconnectReason::StreamError)
        }
        _ => Meaning::Over(DisconnectReason::StreamError),
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

/// The stanzas by which a pairing is seen to begin.
fn raw(node: &NodeRef<'_>) -> Meaning {
    let code_step =
        || node.get_optional_child("link_code_companion_reg")?.get_attr("stage").map(|stage| stage.as_str());
    match node.tag.as_ref() {
        "iq" if node.get_optional_child("pair-success").is_some() => {
            Meaning::Note(Note::Say(LinkEvent::PairingStarted))
        }
        "notification" if code_step().as_deref() == Some("primary_hello") => Meaning::Code(CodeNews::Entered),
        _ => Meaning::Nothing,
    }
}

#[cfg(test)]
#[path = "classify_tests.rs"]
mod tests;
