//! The store of a process that is dead, looked at row by row: whether what should be gone is gone, and whether what should
//! stay is found.
//!
//! Every message of these tests has a word that nothing else has, [`word`]: wherever it stands, it can be seen.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use wasup_store::id::{AccountNo, MessageId};
use wasup_store::repo::message_list::{self, MessageFilter, MessagePlace};
use wasup_store::repo::words::Words;
use wasup_store::repo::{account, search};
use wasup_store::{Direction, Store, Tree};

use crate::gateway::{Gateway, wasup};
use crate::world::World;

/// What all the words begin with.
const MARK: &[u8] = b"zqxw";
/// Digits behind it.
const DIGITS: usize = 7;
/// Rows read at once.
const PAGE: usize = 1_000;
/// Longest time for the index to catch up.
const PATIENCE: Duration = Duration::from_secs(120);
/// Bytes of the store's page cache.
const CACHE: u64 = 16 << 20;

/// The word of the nth message.
pub(crate) fn word(n: u64) -> String {
    format!("zqxw{n:07}")
}

/// The number of the first word in a text.
pub(crate) fn number(text: &[u8]) -> Option<u64> {
    numbers(text).next()
}

fn numbers(text: &[u8]) -> impl Iterator<Item = u64> + '_ {
    let at = (0..text.len().saturating_sub(MARK.len() + DIGITS - 1)).filter(|at| text[*at..].starts_with(MARK));
    at.filter_map(|at| {
        let digits = text.get(at + MARK.len()..at + MARK.len() + DIGITS)?;
        std::str::from_utf8(digits).ok()?.parse().ok()
    })
}

/// The store's own look at every row; nothing may run over it.
pub(crate) fn verify(world: &World) {
    let output = wasup(world.folder.path(), world.address).arg("verify").output().unwrap();
    assert!(output.status.success(), "{}\n{}", String::from_utf8_lossy(&output.stdout), world.log());
}

/// See the module. While it is there no process can have the store.
pub(crate) struct Rows(Store);

impl Rows {
    pub(crate) fn of(world: &World) -> Self {
        Self(Store::open(&world.folder.path().join("data"), CACHE).unwrap())
    }

    /// In which trees the words of which messages stand.
    pub(crate) async fn words(&self) -> BTreeMap<u64, BTreeSet<Tree>> {
        let mut found: BTreeMap<u64, BTreeSet<Tree>> = BTreeMap::new();
        for tree in Tree::ALL {
            let mut from = Vec::new();
            loop {
                let rows = self.0.read(|tx| tx.range(*tree, &from, None, Direction::Forward, PAGE)).await.unwrap();
                for (key, value) in &rows {
                    for n in numbers(key).chain(numbers(value)) {
                        found.entry(n).or_default().insert(*tree);
                    }
                }
                let Some((last, _)) = rows.last().filter(|_| rows.len() == PAGE) else { break };
                from = [last.as_ref(), &[0]].concat();
            }
        }
        found
    }

    /// Whether the index of words is built, and nothing waits to be looked at anew.
    pub(crate) async fn is_indexed(&self) -> bool {
        let (lag, todo) = self
            .0
            .read(|tx| {
                let todo = tx.range(Tree::TextTodo, &[], None, Direction::Forward, 1)?;
                Ok::<_, wasup_store::StoreError>((search::lag(tx)?, todo))
            })
            .await
            .unwrap();
        todo.is_empty() && lag.is_some_and(|lag| !lag.building)
    }

    /// The words of an account's messages that are found by one word, and how many messages there are.
    async fn found(&self, no: AccountNo, asked: &str) -> Vec<Option<u64>> {
        let filter = MessageFilter { words: Words::of(asked), ..MessageFilter::default() };
        let place = MessagePlace { order: Direction::Forward, after: None, limit: 10 };
        let page = self.0.read(|tx| message_list::page(tx, no, &filter, place)).await.unwrap();
        page.found.iter().map(|(_, record)| number(record.content.words().unwrap_or_default().as_bytes())).collect()
    }

    /// Holds the whole of an account against what should be there: each message is stored once and found once by its word,
    /// and nothing else is there.
    pub(crate) async fn hold(&self, account: &str, expected: &BTreeSet<u64>) {
        let id = account.parse().unwrap();
        let no = self.0.read(|tx| account::get(tx, &id)).await.unwrap().unwrap().no;
        let mut stored = Vec::new();
        let mut after = None;
        loop {
            let place = MessagePlace { order: Direction::Forward, after, limit: PAGE };
            let filter = MessageFilter::default();
            let page = self.0.read(|tx| message_list::page(tx, no, &filter, place)).await.unwrap();
            let words = |(id, record): &(MessageId, wasup_store::records::MessageRecord)| {
                let n = number(record.content.words().unwrap_or_default().as_bytes());
                n.unwrap_or_else(|| panic!("{id} of {account} has no word: {}", record.content.kind()))
            };
            stored.extend(page.found.iter().map(words));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        let once: BTreeSet<u64> = stored.iter().copied().collect();
        assert_eq!(stored.len(), once.len(), "{account} has something twice");
        let missing: Vec<_> = expected.difference(&once).collect();
        let beyond: Vec<_> = once.difference(expected).collect();
        assert!(missing.is_empty() && beyond.is_empty(), "{account}: missing {missing:?}, beyond {beyond:?}");
        for n in expected {
            assert_eq!(self.found(no, &format!("{} ", word(*n))).await, [Some(*n)], "{account}: {n} by the index");
        }
    }
}

/// Waits until the index of words has caught up, and looks at the store then.
pub(crate) async fn at_rest(
    world: &World,
    mut gateway: Gateway,
    start: &dyn Fn() -> Gateway,
    stay: &BTreeSet<u64>,
) -> Rows {
    let begun = Instant::now();
    loop {
        gateway.wait_ready(world).await;
        while !world.api.metric("wasup_search_lag_events", "").await.is_ok_and(|lag| lag == 0.0) {
            assert!(begun.elapsed() < PATIENCE, "the index does not catch up\n{}", world.log());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        gateway.kill();
        verify(world);
        let rows = Rows::of(world);
        let indexed = |found: &BTreeMap<u64, BTreeSet<Tree>>| {
            stay.iter().all(|n| found.get(n).is_some_and(|trees| trees.contains(&Tree::MsgText)))
        };
        if rows.is_indexed().await && indexed(&rows.words().await) {
            return rows;
        }
        assert!(begun.elapsed() < PATIENCE, "the index is not complete\n{}", world.log());
        drop(rows);
        gateway = start();
    }
}
