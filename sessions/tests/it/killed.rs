//! Links that are cut off in the middle of everything, again and again.

use std::collections::BTreeSet;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use wasup_sessions::ports::LinkEvent;
use wasup_store::records::{AccountRecord, Content, Direction};
use wasup_store::repo::account;
use wasup_store::{Durability, StoreError};

use crate::world::{Line, PATIENCE, World, text};

const OURS: &str = "6281234567801";
const THEIRS: &str = "6281234567802";
const ROUNDS: u8 = 12;

/// The next incarnation of an account, as a restarted owner takes it.
async fn take_over(world: &World, account: &AccountRecord) -> AccountRecord {
    let id = account.id.clone();
    let taken = world.store.write::<_, StoreError, _>(Durability::Durable, move |tx| account::take_over(tx, &id)).await;
    taken.unwrap().unwrap()
}

/// Sends until the server has it.
async fn send(line: &mut Line, account: &AccountRecord, n: u8) {
    let message = text(account.no, THEIRS, &format!("out {n}"), n);
    loop {
        if line.link.send(&message).await.is_err() {
            line.up().await;
            continue;
        }
        let acked = tokio::time::timeout(
            Duration::from_secs(2),
            line.until("an ack", |event| match event {
                LinkEvent::ServerAck { provider_id, error: None } if *provider_id == message.provider_id => Some(()),
                _ => None,
            }),
        );
        if acked.await.is_ok() {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_cut_off_at_any_moment_loses_and_doubles_nothing() {
    let world = World::new().await;
    let (mut account, mut line, phone) = world.linked("shop", OURS).await;
    let device = phone.devices()[0];
    let other = world.network.phone(THEIRS);
    let mut rng = StdRng::seed_from_u64(7);
    let mut written = BTreeSet::new();
    for round in 0..ROUNDS {
        let writer = other.clone();
        let writing = tokio::spawn(async move {
            let mut ids = Vec::new();
            for n in 0..20 {
                ids.push(writer.send_text(OURS, &format!("in {round} {n}")).await.unwrap());
                tokio::task::yield_now().await;
            }
            ids
        });
        // A random moment is the point here, not a way to wait for something.
        tokio::time::sleep(Duration::from_micros(rng.random_range(0..30_000))).await;
        // Every task of it stops where it is; nothing is flushed, nothing is closed.
        drop(line);
        account = take_over(&world, &account).await;
        line = world.open(&account).await;
        send(&mut line, &account, round).await;
        written.extend(writing.await.unwrap());
    }
    world.network.wait_settled(OURS, device, PATIENCE).await.unwrap();
    let stored = world.messages(account.no).await;
    let received: Vec<_> = stored.iter().filter(|(_, m)| m.direction == Direction::Inbound).collect();
    let known: BTreeSet<_> = received.iter().map(|(_, message)| message.provider_id.clone()).collect();
    assert_eq!(known, written, "lost");
    assert_eq!(received.len(), written.len(), "doubled");
    let unavailable = received.iter().filter(|(_, m)| m.content == Content::Unavailable).count();
    assert_eq!(unavailable as u64, world.links.stats().copies_lost);
    for n in 0..ROUNDS {
        let shown = other.inbox().iter().filter(|shown| shown.text.as_deref() == Some(&format!("out {n}"))).count();
        assert_eq!(shown, 1, "out {n}");
    }
    line.link.close().await;
}
