//! What the run comes to.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use wasup::demo::client::Message;

use crate::load::Books;
use crate::world::World;

/// How long everything may take to settle after the last restart.
const PATIENCE: Duration = Duration::from_secs(240);

/// Counts, and everything that is wrong.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    /// Sends that got a 202.
    pub(crate) accepted: usize,
    /// Messages that the network accepted from phones for accounts of the gateway.
    pub(crate) written: usize,
    /// How the sends ended.
    pub(crate) ended: HashMap<String, usize>,
    /// Messages that devices of the gateway acknowledged to the network.
    pub(crate) acknowledged: usize,
    /// Repeated ids that phones dropped.
    pub(crate) repeats_dropped: u64,
    /// Different events that arrived at the receiver, and how many of them more than once.
    pub(crate) events: usize,
    pub(crate) events_repeated: usize,
    /// Messages that could not be read at first and came again: told as unavailable, then with their text.
    pub(crate) unreadable_first: usize,
    /// Malformed stanzas that the network refused.
    pub(crate) violations: u64,
    /// Broken promises.
    pub(crate) broken: Vec<String>,
}

impl Verdict {
    pub(crate) fn assert_clean(&self) {
        assert!(self.accepted > 0 && self.written > 0, "there was no load: {self:#?}");
        assert!(self.broken.is_empty(), "{} promises were broken: {:#?}", self.broken.len(), self.broken);
    }

    fn breaks(&mut self, promise: String) {
        self.broken.push(promise);
    }
}

type Stored = HashMap<String, Vec<Message>>;

/// Judges again and again until every promise is kept, or as things are when the patience ends: sends settle, phones
/// answer and webhooks are retried for a while after the last restart.
pub(crate) async fn reach(world: &World, books: &Books) -> Verdict {
    let begun = Instant::now();
    loop {
        let mut stored = Stored::new();
        for (account, _) in &world.accounts {
            stored.insert(account.clone(), world.api.messages(account).await.unwrap_or_default());
        }
        let verdict = judge(world, books, &stored);
        if verdict.broken.is_empty() || begun.elapsed() > PATIENCE {
            if !verdict.broken.is_empty() {
                eprintln!("{}", world.log());
            }
            return verdict;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

fn judge(world: &World, books: &Books, stored: &Stored) -> Verdict {
    let mut verdict = Verdict::default();
    sends(world, books, stored, &mut verdict);
    receptions(world, books, stored, &mut verdict);
    acknowledgements(world, stored, &mut verdict);
    webhooks(world, books, stored, &mut verdict);
    verdict.repeats_dropped = world.network.phones().iter().map(wasup_sandbox::Phone::repeats).sum();
    verdict.violations = world.network.violation_count();
    if verdict.violations > 0 {
        verdict.breaks(format!("the network refused stanzas: {:?}", world.network.violations()));
    }
    verdict
}

fn owner<'a>(world: &'a World, number: &str) -> Option<&'a str> {
    world.accounts.iter().find(|(_, phone)| phone.number() == number).map(|(id, _)| id.as_str())
}

/// Every 202 ends in one outcome, and each phone shows each message once.
fn sends(world: &World, books: &Books, stored: &Stored, verdict: &mut Verdict) {
    let mut shown: HashMap<(String, String), usize> = HashMap::new();
    for phone in world.network.phones() {
        for message in phone.inbox() {
            *shown.entry((phone.number().to_owned(), message.text.unwrap_or_default())).or_default() += 1;
        }
    }
    let place = |account: &str, id: &str| stored[account].iter().find(|message| message.id == id);
    let accepted = books.accepted.lock().unwrap();
    verdict.accepted = accepted.len();
    for send in accepted.iter() {
        let Some(message) = place(&send.account, &send.id) else {
            verdict.breaks(format!("a 202 is not in the store: {send:?}"));
            continue;
        };
        *verdict.ended.entry(message.state.clone()).or_default() += 1;
        if !message.is_settled() {
            verdict.breaks(format!("a send has no outcome: {message:?}"));
        }
        let times = shown.get(&(send.to.clone(), send.text.clone())).copied().unwrap_or(0);
        let reached = matches!(message.state.as_str(), "sent" | "delivered" | "read" | "played");
        if times > 1 || (reached && times == 0) {
            verdict.breaks(format!("the phone shows {:?} {times} times, it is {}", send.text, message.state));
        }
    }
}

/// Everything that the network accepted for an account is in its store, once.
fn receptions(world: &World, books: &Books, stored: &Stored, verdict: &mut Verdict) {
    let written = books.written.lock().unwrap();
    let accepted = books.accepted.lock().unwrap();
    verdict.written = written.len();
    let among = accepted.iter().filter_map(|send| Some((owner(world, &send.to)?.to_owned(), send.text.clone())));
    let expected = written.iter().map(|message| (message.account.clone(), message.text.clone())).chain(among);
    let mut counts: HashMap<(&str, &str), usize> = HashMap::new();
    for (account, messages) in stored {
        for message in messages.iter().filter(|message| message.direction == "inbound") {
            *counts.entry((account, message.text.as_deref().unwrap_or("(unreadable)"))).or_default() += 1;
        }
    }
    for message in written.iter() {
        let under_its_id = |stored: &&Message| stored.provider_message_id == message.id;
        if stored[&message.account].iter().filter(under_its_id).count() != 1 {
            verdict.breaks(format!("{} is not stored once under its id", message.text));
        }
    }
    for (account, text) in expected {
        let times = counts.get(&(account.as_str(), text.as_str())).copied().unwrap_or(0);
        if times != 1 {
            verdict.breaks(format!("{account} has {text:?} {times} times"));
        }
    }
}

/// Everything that a device of the gateway acknowledged to the network is in the store.
fn acknowledgements(world: &World, stored: &Stored, verdict: &mut Verdict) {
    for (account, phone) in &world.accounts {
        let known: HashSet<&str> = stored[account].iter().map(|message| message.provider_message_id.as_str()).collect();
        for device in phone.devices().into_iter().filter(|device| *device != 0) {
            for id in world.network.acked_by(phone.number(), device).unwrap() {
                verdict.acknowledged += 1;
                // The phone also sends things that are no messages (keys, history); they carry no content to keep.
                if !known.contains(id.as_str()) && was_a_message(world, &id) {
                    verdict.breaks(format!("{account} acknowledged {id} and does not have it"));
                }
            }
        }
    }
}

fn was_a_message(world: &World, id: &str) -> bool {
    let in_an_inbox = |phone: wasup_sandbox::Phone| phone.inbox().iter().any(|message| message.id == id);
    world.network.phones().into_iter().any(in_an_inbox)
}

/// Every received message was told under one id.
fn webhooks(world: &World, books: &Books, stored: &Stored, verdict: &mut Verdict) {
    let events = world.receiver.events();
    verdict.events = events.len();
    verdict.events_repeated = events.values().filter(|event| event.times > 1).count();
    let mut told: HashMap<&str, usize> = HashMap::new();
    for event in events.values().filter(|event| event.kind == "message.received") {
        if event.data["type"] == "unavailable" {
            verdict.unreadable_first += 1;
            continue;
        }
        *told.entry(event.data["id"].as_str().unwrap_or_default()).or_default() += 1;
    }
    for message in stored.values().flatten().filter(|message| message.direction == "inbound") {
        let times = told.get(message.id.as_str()).copied().unwrap_or(0);
        if times != 1 {
            let same_id = stored.values().flatten().filter(|m| m.provider_message_id == message.provider_message_id);
            let same_id: Vec<_> = same_id.map(|m| (&m.id, &m.direction, &m.text)).collect();
            verdict.breaks(format!("{message:?} was told under {times} ids; under its network's id: {same_id:?}"));
        }
    }
    let ended: HashSet<&str> = events
        .values()
        .filter(|event| event.kind == "message.status" && event.data["state"] != "sending")
        .filter_map(|event| event.data["id"].as_str())
        .collect();
    for send in books.accepted.lock().unwrap().iter().filter(|send| !ended.contains(send.id.as_str())) {
        verdict.breaks(format!("the outcome of {} was not told", send.id));
    }
}
