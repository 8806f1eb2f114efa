//! What the receivers were told, beside what the phones wrote, what was accepted, and the event log.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::deliveries::Subscribed;
use crate::hooks::Arrival;
use crate::load::Books;
use crate::world::World;

/// How long the receivers may take to get everything after the last restart.
const PATIENCE: Duration = Duration::from_secs(200);
/// Most broken promises that are named.
const NAMED: usize = 20;

/// Counts, and everything that is wrong.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    /// Messages that the network accepted from phones for accounts of the gateway, and sends that got a 202.
    pub(crate) written: usize,
    pub(crate) accepted: usize,
    /// Events of the log that endpoints listen to.
    pub(crate) events: usize,
    /// Different events at receivers, requests that brought them, and those that were not taken.
    pub(crate) told: usize,
    pub(crate) requests: usize,
    pub(crate) not_taken: usize,
    /// Events that receivers took more than once.
    pub(crate) taken_again: usize,
    /// Chats whose order was looked at.
    pub(crate) lanes: usize,
    /// Where order was not asked for: how often a later event of a chat came before an earlier one.
    pub(crate) overtaken: usize,
    /// How many promises were broken, and the first of them.
    pub(crate) broken: usize,
    pub(crate) named: Vec<String>,
}

impl Verdict {
    pub(crate) fn assert_clean(&self) {
        assert!(self.written > 0 && self.accepted > 0 && self.events > 0, "there was no load: {self:#?}");
        assert!(self.not_taken > 0 && self.taken_again > 0, "the receivers were no trouble: {self:#?}");
        assert!(self.overtaken > 0, "order would have come about by itself: {self:#?}");
        assert_eq!(self.broken, 0, "promises were broken: {:#?}", self.named);
    }

    fn breaks(&mut self, promise: String) {
        self.broken += 1;
        if self.named.len() < NAMED {
            self.named.push(promise);
        }
    }
}

/// Judges again and again until every promise is kept, or as things are when the patience ends.
pub(crate) async fn reach(
    world: &World,
    books: &Books,
    endpoints: &[Subscribed],
    begin: &str,
    kinds: &[&str],
) -> Verdict {
    let (mut log, mut cursor, begun) = (Vec::<Value>::new(), begin.to_owned(), Instant::now());
    loop {
        let (piece, next) = world.api.events(Some(&cursor), kinds).await.unwrap();
        // That a send was accepted says its answer; endpoints hear of it from `sent` on.
        let heard = piece.into_iter().filter(|event| event["data"]["state"] != "queued");
        log.extend(heard);
        cursor = next;
        let verdict = judge(books, endpoints, &log);
        if verdict.broken == 0 || begun.elapsed() > PATIENCE {
            if verdict.broken > 0 {
                eprintln!("{}", world.log());
            }
            return verdict;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

fn judge(books: &Books, endpoints: &[Subscribed], log: &[Value]) -> Verdict {
    let (written, accepted) = (books.written.lock().unwrap().len(), books.accepted.lock().unwrap().len());
    let mut verdict = Verdict { written, accepted, events: log.len(), ..Verdict::default() };
    for endpoint in endpoints {
        let arrivals = endpoint.hook.arrivals();
        verdict.requests += arrivals.len();
        verdict.not_taken += arrivals.iter().filter(|arrival| !arrival.taken).count();
        one_id_each(&arrivals, &mut verdict);
        nothing_missing(endpoint, &arrivals, log, &mut verdict);
        books_told(endpoint, &arrivals, books, &mut verdict);
        order(endpoint, &arrivals, &mut verdict);
    }
    verdict
}

/// A repeat has the id and the content of the first time; an event has one id.
fn one_id_each(arrivals: &[Arrival], verdict: &mut Verdict) {
    let (mut ids, mut places) = (HashMap::<&str, (&Value, usize)>::new(), HashMap::new());
    for arrival in arrivals {
        let (first, taken) = ids.entry(&arrival.id).or_insert((&arrival.event, 0));
        *taken += usize::from(arrival.taken);
        if **first != arrival.event || arrival.text_of("id") != arrival.id {
            verdict.breaks(format!("{} came with other content: {} and {first}", arrival.id, arrival.event));
        }
        let place = (arrival.text_of("account"), arrival.seq());
        let other = places.insert(place, &arrival.id).filter(|other| **other != arrival.id);
        if let Some(other) = other {
            verdict.breaks(format!("{place:?} came under {other} and {}", arrival.id));
        }
    }
    verdict.told += ids.len();
    verdict.taken_again += ids.values().filter(|(_, taken)| *taken > 1).count();
}

impl Subscribed {
    fn hears(&self, account: &str) -> bool {
        self.account.as_deref().is_none_or(|own| own == account)
    }
}

/// Every event of the log was taken, and nothing came that is not in it.
fn nothing_missing(endpoint: &Subscribed, arrivals: &[Arrival], log: &[Value], verdict: &mut Verdict) {
    let taken: HashSet<&str> = arrivals.iter().filter(|arrival| arrival.taken).map(|a| a.id.as_str()).collect();
    let text = |event: &Value, name: &str| event[name].as_str().unwrap_or_default().to_owned();
    let mut known = HashSet::new();
    for event in log.iter().filter(|event| endpoint.hears(&text(event, "account"))) {
        let id = text(event, "id");
        if !taken.contains(id.as_str()) {
            verdict.breaks(format!("missing at the receiver of {:?}: {event}", endpoint.account));
        }
        known.insert(id);
    }
    for arrival in arrivals.iter().filter(|arrival| !known.contains(&arrival.id)) {
        verdict.breaks(format!("not in the log: {arrival:?}"));
    }
}

/// What phones wrote and what was accepted was told, whatever the log says: a message once, an outcome of each send.
fn books_told(endpoint: &Subscribed, arrivals: &[Arrival], books: &Books, verdict: &mut Verdict) {
    let mut messages: HashMap<(&str, &str), HashSet<&str>> = HashMap::new();
    let mut ended: HashSet<&str> = HashSet::new();
    for arrival in arrivals.iter().filter(|arrival| arrival.taken) {
        let data = |name: &str| arrival.event["data"][name].as_str().unwrap_or_default();
        match arrival.text_of("type") {
            // Told again as unreadable is lawful: its text follows.
            "message.received" if data("type") == "text" => {
                messages.entry((arrival.text_of("account"), data("text"))).or_default().insert(&arrival.id);
            }
            "message.status" if !matches!(data("state"), "queued" | "sending" | "held") => {
                ended.insert(data("id"));
            }
            _ => {}
        }
    }
    for message in books.written.lock().unwrap().iter().filter(|message| endpoint.hears(&message.account)) {
        let ids = messages.get(&(message.account.as_str(), message.text.as_str())).map_or(0, HashSet::len);
        if ids != 1 {
            verdict.breaks(format!("{message:?} was told under {ids} ids to {:?}", endpoint.account));
        }
    }
    for send in books.accepted.lock().unwrap().iter().filter(|send| endpoint.hears(&send.account)) {
        if !ended.contains(send.id.as_str()) {
            verdict.breaks(format!("the outcome of {} was not told to {:?}", send.id, endpoint.account));
        }
    }
}

/// Within a chat nothing comes after something later did.
fn order(endpoint: &Subscribed, arrivals: &[Arrival], verdict: &mut Verdict) {
    let mut newest: HashMap<(&str, &str), u64> = HashMap::new();
    for arrival in arrivals {
        let chat = arrival.event["data"]["chat"]["jid"].as_str().unwrap_or_default();
        let newest = newest.entry((arrival.text_of("account"), chat)).or_default();
        if arrival.seq() < *newest {
            match endpoint.ordered {
                true => verdict.breaks(format!("{} of {chat} came after {newest}: {arrival:?}", arrival.seq())),
                false => verdict.overtaken += 1,
            }
        }
        *newest = arrival.seq().max(*newest);
    }
    if endpoint.ordered {
        verdict.lanes += newest.len();
    }
}
