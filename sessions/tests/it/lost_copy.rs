//! A crash between the decryption of a message and the row that keeps its copy.

use std::collections::BTreeMap;
use std::sync::Arc;

use wasup_sandbox::Config;
use wasup_sessions::FailPoint;
use wasup_store::records::{AccountRecord, Content};
use wasup_store::repo::event;
use wasup_store::repo::wa::{self, WaKind, WaScope};
use wasup_store::id::Position;
use wasup_store::{Direction, StoreError, Tree};

use crate::world::{PATIENCE, World, body};

const OURS: &str = "6281234567801";
const THEIRS: &str = "6281234567802";
const OTHER: &str = "6281234567803";

/// The Signal sessions that are stored, by their address.
async fn sessions(world: &World, account: &AccountRecord) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let scope = WaScope { no: account.no, link: account.link, epoch: account.epoch };
    let prefix = wa::key(scope, WaKind::Session);
    let rows = world.store.read::<_, StoreError>(|tx| tx.prefix(Tree::Wa, &prefix, Direction::Forward, 100)).await.unwrap();
    rows.into_iter().map(|(key, value)| (key.to_vec(), value.to_vec())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_whose_copy_is_lost_becomes_unavailable_and_is_never_acknowledged_unseen() {
    let fail_point = Arc::new(FailPoint::default());
    let settings = Arc::clone(&fail_point);
    let world = World::with(Config::default(), |s| s.before_pending_row = Some(settings)).await;
    let (account, line, phone) = world.linked("shop", OURS).await;
    let device = phone.devices()[0];
    let (theirs, other) = (world.network.phone(THEIRS), world.network.phone(OTHER));
    theirs.send_text(OURS, "first").await.unwrap();
    other.send_text(OURS, "also first").await.unwrap();
    world.wait_messages(account.no, 2).await;
    world.network.wait_settled(OURS, device, PATIENCE).await.unwrap();
    let before = world
        .wait("settled sessions", async || {
            let now = sessions(&world, &account).await;
            (now.len() >= 2).then_some(now)
        })
        .await;

    // The message is decrypted and stops there; another chat's message makes the ratchets durable.
    fail_point.arm();
    let lost = theirs.send_text(OURS, "lost").await.unwrap();
    fail_point.reached().await;
    other.send_text(OURS, "second").await.unwrap();
    world.wait_messages(account.no, 3).await;
    world
        .wait("both ratchets on disk", async || {
            let now = sessions(&world, &account).await;
            let moved = before.iter().filter(|(address, session)| now.get(*address) != Some(*session)).count();
            (moved >= 2).then_some(())
        })
        .await;
    // The crash: nothing is closed, everything stops.
    drop(line);
    world.network.wait_disconnected(OURS, PATIENCE).await.unwrap();
    assert!(!world.network.acked_by(OURS, device).unwrap().contains(&lost));

    let mut line = world.open(&account).await;
    line.connected().await;
    let stored = world.wait_messages(account.no, 4).await;
    world.network.wait_settled(OURS, device, PATIENCE).await.unwrap();
    let (id, message) = stored.iter().find(|(_, message)| message.provider_id == lost).expect("the message is known");
    assert_eq!(message.content, Content::Unavailable, "{}", body(message));
    assert_eq!(message.chat.phone.as_deref(), Some(THEIRS));
    assert_eq!(world.links.stats().copies_lost, 1);
    let events = world.store.read::<_, StoreError>(|tx| event::page(tx, Position(0), 1_000)).await.unwrap();
    let about = events.iter().filter(|(_, event)| format!("{event:?}").contains(&format!("{id:?}"))).count();
    assert!(about >= 1, "no event tells of it");
    line.link.close().await;
}
