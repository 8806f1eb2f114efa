//! Sends that have begun and are not settled. Pure: time comes in.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use tokio::time::Instant;
use wasup_store::id::{MessageId, Millis};
use wasup_store::records::{MessageRecord, RunId};

use crate::settings::SendSettings;

/// Where an unsettled send is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// With the sending task.
    Handed,
    /// On the wire; the server has until then to acknowledge it.
    OnWire(Instant),
    /// To be sent again at this time, or when the link is connected.
    Waiting(Option<Instant>),
}

#[derive(Debug)]
struct Flight {
    provider_id: String,
    tries: u32,
    since_ms: Millis,
    place: Place,
    /// It goes to somebody who never wrote.
    cold: bool,
    /// What it is an item of.
    of_run: Option<RunId>,
}

/// What becomes of a send that was not acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Resend {
    /// Once more, with the same id.
    Again,
    /// Given up.
    GiveUp,
}

/// Decides by count and age.
fn resend(tries: u32, age: Duration, settings: &SendSettings) -> Resend {
    if tries >= settings.tries_max || age >= settings.age_max { Resend::GiveUp } else { Resend::Again }
}

/// The unsettled sends of an account, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Flights {
    flights: BTreeMap<MessageId, Flight>,
    by_provider: HashMap<String, MessageId>,
}

impl Flights {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.flights.len()
    }

    /// How many may still come to the wire's other end in a moment.
    pub(super) fn moving(&self) -> usize {
        self.flights.values().filter(|flight| !matches!(flight.place, Place::Waiting(_))).count()
    }

    fn insert(&mut self, id: MessageId, record: &MessageRecord, place: Place) {
        let since_ms = record.times.sending_ms.unwrap_or(record.ts_ms);
        let (provider_id, tries, of_run) = (record.provider_id.clone(), record.tries, record.run.map(|of| of.run));
        let flight = Flight { provider_id, tries, since_ms, place, cold: false, of_run };
        self.by_provider.insert(record.provider_id.clone(), id);
        self.flights.insert(id, flight);
    }

    /// Goes to the sending task, for the first time or again.
    pub(super) fn hand_over(&mut self, id: MessageId, record: &MessageRecord) {
        let cold = self.is_cold(id);
        self.insert(id, record, Place::Handed);
        if cold {
            self.mark_cold(id);
        }
    }

    /// Goes to somebody who never wrote.
    pub(super) fn mark_cold(&mut self, id: MessageId) {
        if let Some(flight) = self.flights.get_mut(&id) {
            flight.cold = true;
        }
    }

    /// Whether it is known to go to somebody who never wrote.
    pub(super) fn is_cold(&self, id: MessageId) -> bool {
        self.flights.get(&id).is_some_and(|flight| flight.cold)
    }

    /// What it is an item of.
    pub(super) fn run_of(&self, id: MessageId) -> Option<RunId> {
        self.flights.get(&id).and_then(|flight| flight.of_run)
    }

    /// How many are known to go to somebody who never wrote.
    pub(super) fn cold(&self) -> usize {
        self.flights.values().filter(|flight| flight.cold).count()
    }

    /// Was begun by an earlier incarnation.
    pub(super) fn restore(&mut self, id: MessageId, record: &MessageRecord) {
        self.insert(id, record, Place::Waiting(None));
    }

    /// Left for the wire.
    pub(super) fn left(&mut self, id: MessageId, deadline: Instant) {
        self.put(id, Place::OnWire(deadline));
    }

    /// Did not leave. With a time it is tried again then, else at the next connection.
    pub(super) fn stayed(&mut self, id: MessageId, again_at: Option<Instant>) {
        self.put(id, Place::Waiting(again_at));
    }

    fn put(&mut self, id: MessageId, place: Place) {
        if let Some(flight) = self.flights.get_mut(&id) {
            flight.place = place;
        }
    }

    /// The unsettled send with this id of the network.
    pub(super) fn find(&self, provider_id: &str) -> Option<MessageId> {
        self.by_provider.get(provider_id).copied()
    }

    /// How often it was tried.
    pub(super) fn tries(&self, id: MessageId) -> u32 {
        self.flights.get(&id).map_or(0, |flight| flight.tries)
    }

    /// Settled.
    pub(super) fn remove(&mut self, id: MessageId) -> bool {
        let Some(flight) = self.flights.remove(&id) else { return false };
        self.by_provider.remove(&flight.provider_id);
        true
    }

    /// The sending task is gone, and with it whatever it still had.
    pub(super) fn sender_gone(&mut self) {
        for flight in self.flights.values_mut() {
            flight.place = Place::Waiting(None);
        }
    }

    /// A new connection: whatever was out is sent again, since its acknowledgement may have gone down with the old one.
    /// What the sending task still has goes over the new connection anyway.
    pub(super) fn after_reconnect(&self) -> Vec<MessageId> {
        self.all(|place| place != Place::Handed)
    }

    /// Those whose time has come while the connection stands.
    pub(super) fn due(&self, now: Instant) -> Vec<MessageId> {
        self.all(|place| matches!(place, Place::OnWire(at) | Place::Waiting(Some(at)) if at <= now))
    }

    fn all(&self, which: impl Fn(Place) -> bool) -> Vec<MessageId> {
        self.flights.iter().filter(|(_, flight)| which(flight.place)).map(|(id, _)| *id).collect()
    }

    /// Parts those that are sent again from those that are given up.
    pub(super) fn judge(
        &self,
        ids: Vec<MessageId>,
        settings: &SendSettings,
        now_ms: Millis,
    ) -> (Vec<MessageId>, Vec<MessageId>) {
        let again = |id: &MessageId| self.flights.get(id).is_some_and(|f| f.resend(settings, now_ms) == Resend::Again);
        ids.into_iter().partition(again)
    }

    /// Those that are too old, connected or not. What the sending task has is left to it.
    pub(super) fn expired(&self, settings: &SendSettings, now_ms: Millis) -> Vec<MessageId> {
        let old = |flight: &Flight| flight.age(now_ms) >= settings.age_max && flight.place != Place::Handed;
        self.flights.iter().filter(|(_, flight)| old(flight)).map(|(id, _)| *id).collect()
    }

    /// When the next one needs attention, while the connection stands.
    pub(super) fn next_due(&self) -> Option<Instant> {
        let at = |flight: &Flight| match flight.place {
            Place::OnWire(at) | Place::Waiting(Some(at)) => Some(at),
            Place::Handed | Place::Waiting(None) => None,
        };
        self.flights.values().filter_map(at).min()
    }
}

impl Flight {
    fn age(&self, now_ms: Millis) -> Duration {
        Duration::from_millis(now_ms.saturating_sub(self.since_ms))
    }

    fn resend(&self, settings: &SendSettings, now_ms: Millis) -> Resend {
        resend(self.tries, self.age(now_ms), settings)
    }
}

#[cfg(test)]
pub(super) use tests::record as test_record;

#[cfg(test)]
#[path = "inflight_tests.rs"]
mod tests;
