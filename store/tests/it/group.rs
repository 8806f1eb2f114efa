//! Many writers at once: nothing lost between them, positions and sequences without gaps.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use wasup_store::id::{Position, Seq};
use wasup_store::records::{AccountState, Phase};
use wasup_store::repo::{account, event};
use wasup_store::{Durability, Store, StoreError, Tree};

use crate::support::{NOW, open, owned, read, write};

const WRITERS: u64 = 64;
const ROUNDS: u64 = 20;

fn on_disk() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), 16 << 20).unwrap();
    (folder, store)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_counter_equals_the_answers() {
    let (_folder, store) = on_disk();
    let before = store.stats();
    let writers = (0..WRITERS).map(|writer| {
        let store = store.clone();
        tokio::spawn(async move {
            for round in 0..ROUNDS {
                let class = if (writer + round) % 4 == 0 { Durability::Relaxed } else { Durability::Durable };
                let count = |tx: &mut wasup_store::WriteTx<'_>| {
                    let old = tx.fixed(Tree::Pace, b"count")?.and_then(|b| b.as_ref().try_into().ok());
                    let new = old.map_or(0, u64::from_be_bytes) + 1;
                    tx.put_fixed(Tree::Pace, b"count", &new.to_be_bytes())?;
                    Ok::<_, StoreError>(())
                };
                store.write(class, count).await.unwrap();
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    let count = read(&store, |tx| tx.fixed(Tree::Pace, b"count")).await.unwrap();
    assert_eq!(u64::from_be_bytes(count.as_ref().try_into().unwrap()), WRITERS * ROUNDS);
    let after = store.stats();
    assert_eq!(after.jobs - before.jobs, WRITERS * ROUNDS);
    let groups = after.groups - before.groups;
    assert!(groups < WRITERS * ROUNDS / 2, "{groups} groups: nothing was shared");
    assert_eq!(after.waiting, 0);
}

/// Reads on until `until` is set and nothing is left, throwing its cursor's page size and place about.
async fn follow(store: Store, until: Arc<AtomicBool>) -> Vec<(Position, u32, Seq)> {
    let mut seen: Vec<(Position, u32, Seq)> = Vec::new();
    let mut commits = store.durable_commits();
    loop {
        let last_look = until.load(Ordering::SeqCst);
        let after = seen.last().map_or(Position(0), |(position, ..)| *position);
        let limit = 1 + usize::from(rand::random::<u8>());
        let page: Result<_, StoreError> = store.read_durable(|tx| event::page(tx, after, limit)).await;
        let page = page.unwrap();
        // A reader that reconnects goes on at its cursor: what it had of the page beyond is read again.
        let keep = if page.len() > 1 { 1 + rand::random_range(0..page.len()) } else { page.len() };
        let empty = page.is_empty();
        seen.extend(page.into_iter().take(keep).map(|(position, event)| (position, event.no.0, event.seq)));
        if empty && last_look {
            return seen;
        }
        if empty {
            let _ = tokio::time::timeout(std::time::Duration::from_millis(50), commits.changed()).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_of_the_log_sees_no_gap_and_no_repeat() {
    let (_folder, store) = on_disk();
    let mut accounts = Vec::new();
    for n in 0..8 {
        accounts.push(owned(&store, &format!("account-{n}")).await.no);
    }
    let done = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = (0..2).map(|_| tokio::spawn(follow(store.clone(), Arc::clone(&done)))).collect();
    let writers = (0..WRITERS).map(|writer| {
        let (store, no) = (store.clone(), accounts[usize::try_from(writer).unwrap() % accounts.len()]);
        tokio::spawn(async move {
            for round in 0..ROUNDS {
                let phase = if round % 2 == 0 { Phase::Connected } else { Phase::Reconnecting };
                // A retry time of its own makes every state another one.
                let retry_at_ms = Some(NOW + writer * 1_000 + round);
                let state = AccountState { phase, retry_at_ms, ..AccountState::default() };
                let class = if round % 3 == 0 { Durability::Relaxed } else { Durability::Durable };
                let told = store.write(class, move |tx| account::set_state(tx, no, None, &state, NOW)).await;
                assert!(told.unwrap());
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    done.store(true, Ordering::SeqCst);
    for reader in readers {
        let seen = reader.await.unwrap();
        let positions: Vec<u64> = seen.iter().map(|(position, ..)| position.0).collect();
        assert_eq!(positions, (1..=WRITERS * ROUNDS).collect::<Vec<_>>());
        for no in &accounts {
            let seqs: Vec<u64> = seen.iter().filter(|(_, of, _)| *of == no.0).map(|(_, _, seq)| seq.0).collect();
            assert_eq!(seqs, (1..=WRITERS * ROUNDS / 8).collect::<Vec<_>>());
        }
    }
}

#[tokio::test]
async fn a_job_that_panics_leaves_nothing_and_hurts_nobody() {
    let (_folder, store) = on_disk();
    let broken = store
        .write(Durability::Durable, |tx| {
            tx.put_fixed(Tree::Pace, b"half", &[])?;
            if tx.contains(Tree::Pace, b"half")? {
                panic!("a bug in a job");
            }
            Ok::<_, StoreError>(())
        })
        .await;
    assert!(matches!(broken, Err(StoreError::JobPanicked)));
    assert!(store.is_writable());
    assert!(!write(&store, |tx| tx.contains(Tree::Pace, b"half")).await);
}

#[tokio::test]
async fn a_store_closes_with_its_last_handle_and_opens_again() {
    let folder = tempfile::tempdir().unwrap();
    for round in 0..5_u8 {
        let store = open(folder.path(), 16 << 20).unwrap();
        let found = read(&store, |tx| tx.prefix(Tree::Pace, [], wasup_store::Direction::Forward, 99)).await.len();
        assert_eq!(found, usize::from(round));
        // A relaxed write is on disk after an orderly close.
        store.write(Durability::Relaxed, move |tx| tx.put_fixed(Tree::Pace, [round], &[])).await.unwrap();
        // The last handle may be the one inside a job.
        if round % 2 == 0 {
            let inside = store.clone();
            let job = store.write(Durability::Durable, move |_| {
                let _kept = &inside;
                Ok::<_, StoreError>(())
            });
            job.await.unwrap();
        }
    }
}
