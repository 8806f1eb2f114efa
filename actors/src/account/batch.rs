//! What a batch of a link's events comes to. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use wasup_sessions::ports::{DisconnectReason, EndReason, LinkEvent, QrCode};
use wasup_store::id::{MessageId, Millis};
use wasup_store::records::{AccountState, Identity, MessageState};
use wasup_store::repo::send::Settlement;

use super::ack;
use super::codes::CodeWord;
use super::inflight::Flights;
use super::state::next_state;
use crate::settings::AccountsSettings;

/// Receipts of one kind and time, which the store takes together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Receipts {
    pub(super) seen: MessageState,
    pub(super) at_ms: Millis,
    pub(super) provider_ids: Vec<String>,
}

/// What a batch comes to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Batch {
    /// Every state it went through, in order.
    pub(super) states: Vec<AccountState>,
    pub(super) identity: Option<Identity>,
    /// Whether the last connection event said connected.
    pub(super) connected: Option<bool>,
    /// A new connection stood at least once.
    pub(super) fresh_connection: bool,
    pub(super) lost: Vec<DisconnectReason>,
    pub(super) settlements: Vec<(MessageId, Settlement)>,
    pub(super) receipts: Vec<Receipts>,
    /// What the network said about the right to write to those who never wrote.
    pub(super) told: Option<(bool, Option<Millis>)>,
    /// The newest code on show; `Some(None)` where none is to be shown any more.
    pub(super) qr: Option<Option<(QrCode, Duration)>>,
    pub(super) exhausted: bool,
    /// What was said last of pairing codes.
    pub(super) code: Option<CodeWord>,
    pub(super) phone_came: bool,
    /// A phone has linked the device in this batch.
    pub(super) paired: bool,
    pub(super) end: Option<EndReason>,
}

/// Goes through a batch.
pub(super) fn fold(
    current: &AccountState,
    flights: &Flights,
    events: Vec<LinkEvent>,
    settings: &AccountsSettings,
    now_ms: Millis,
) -> Batch {
    let mut batch = Batch::default();
    let mut state = current.clone();
    let mut acks = BTreeMap::new();
    for event in events {
        if let Some(next) = next_state(&state, &event, settings, now_ms) {
            state = next.clone();
            batch.states.push(next);
        }
        batch.note(event, flights, &mut acks, now_ms);
    }
    batch.settlements = acks.into_iter().collect();
    batch
}

impl Batch {
    fn note(
        &mut self,
        event: LinkEvent,
        flights: &Flights,
        acks: &mut BTreeMap<MessageId, Settlement>,
        now_ms: Millis,
    ) {
        match event {
            LinkEvent::Qr { code, valid_for } => self.qr = Some(Some((code, valid_for))),
            LinkEvent::QrExhausted => {
                self.no_codes();
                self.exhausted = true;
            }
            LinkEvent::PairingCode { code, valid_for } => self.code = Some(CodeWord::Shown(code, valid_for)),
            LinkEvent::PairingCodeRefused { reason, retry_after } => {
                self.code = Some(CodeWord::Refused(reason, retry_after));
            }
            LinkEvent::Restriction { active, until_ms } => self.told = Some((active, until_ms)),
            LinkEvent::PairingStarted | LinkEvent::PasskeyRequired => {
                self.no_codes();
                self.phone_came = true;
            }
            LinkEvent::Paired { identity } => {
                self.no_codes();
                self.paired = true;
                self.identity = Some(identity);
            }
            LinkEvent::Connected { identity } => {
                self.no_codes();
                self.identity = Some(identity);
                self.connected = Some(true);
                self.fresh_connection = true;
            }
            LinkEvent::Disconnected { reason } => {
                // The codes were this connection's.
                self.no_codes();
                self.connected = Some(false);
                self.lost.push(reason);
            }
            LinkEvent::ServerAck { provider_id, error } => match (flights.find(&provider_id), error) {
                // A success is never taken back by a refusal of a repeat of the same id.
                (Some(id), _) if acks.get(&id) == Some(&Settlement::Sent) => {}
                (Some(id), error) => {
                    acks.insert(id, ack::settlement(error));
                }
                // Not waited for any more: the store knows whether the proof still says something new.
                (None, None) => self.receipt(MessageState::Sent, now_ms, vec![provider_id]),
                (None, Some(_)) => {}
            },
            LinkEvent::Receipt { provider_ids, seen, at_ms } => self.receipt(seen, at_ms, provider_ids),
            LinkEvent::Ended { reason } => {
                self.no_codes();
                self.connected = Some(false);
                self.end = Some(reason);
            }
        }
    }

    fn no_codes(&mut self) {
        self.qr = Some(None);
        self.code = Some(CodeWord::Over);
    }

    fn receipt(&mut self, seen: MessageState, at_ms: Millis, provider_ids: Vec<String>) {
        match self.receipts.last_mut().filter(|last| last.seen == seen && last.at_ms == at_ms) {
            Some(last) => last.provider_ids.extend(provider_ids),
            None => self.receipts.push(Receipts { seen, at_ms, provider_ids }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasup_store::id::{AccountNo, MessageKey};
    use wasup_store::jid::Jid;
    use wasup_store::records::{Phase, Reason};

    fn ack(provider_id: &str, error: Option<u16>) -> LinkEvent {
        LinkEvent::ServerAck { provider_id: provider_id.into(), error }
    }

    fn folded(events: Vec<LinkEvent>) -> Batch {
        let mut flights = Flights::default();
        for n in 1..=2 {
            let record = super::super::inflight::test_record(n, 1);
            flights.hand_over(MessageId { account: AccountNo(1), key: MessageKey::new(n, n) }, &record);
        }
        fold(&AccountState::default(), &flights, events, &AccountsSettings::default(), 9)
    }

    #[test]
    fn acknowledgements_settle_what_is_in_flight_and_prove_what_is_not() {
        let batch = folded(vec![
            ack("3EB01", None),
            ack("3EB01", Some(500)),
            ack("3EB02", Some(463)),
            ack("old", None),
            ack("older", None),
            ack("oldest", Some(400)),
        ]);
        let settled: Vec<_> = batch.settlements.iter().map(|(id, s)| (id.key.ts_ms, *s)).collect();
        assert_eq!(settled, [(1, Settlement::Sent), (2, Settlement::Held(463))]);
        let proof = Receipts { seen: MessageState::Sent, at_ms: 9, provider_ids: vec!["old".into(), "older".into()] };
        assert_eq!(batch.receipts, [proof]);
    }

    #[test]
    fn a_late_acknowledgement_overrules_the_refusal_of_a_repeat() {
        let batch = folded(vec![ack("3EB01", Some(500)), ack("3EB01", None)]);
        assert_eq!(batch.settlements.len(), 1);
        assert_eq!(batch.settlements[0].1, Settlement::Sent);
    }

    #[test]
    fn every_state_on_the_way_is_told() {
        let identity = Identity { jid: Jid::phone("628111"), lid: None, push_name: None };
        let batch = folded(vec![
            LinkEvent::Connected { identity: identity.clone() },
            LinkEvent::Disconnected { reason: DisconnectReason::ConnectionLost },
            LinkEvent::Connected { identity },
        ]);
        let phases: Vec<_> = batch.states.iter().map(|s| (s.phase, s.reason)).collect();
        assert_eq!(
            phases,
            [
                (Phase::Connected, Reason::Requested),
                (Phase::Reconnecting, Reason::ConnectionLost),
                (Phase::Connected, Reason::Requested),
            ]
        );
        assert_eq!((batch.connected, batch.fresh_connection, batch.lost.len()), (Some(true), true, 1));
    }
}
