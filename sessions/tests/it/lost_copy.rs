//! A crash between the decryption of a message and the row that keeps its copy.

use std::sync::Arc;

use wasup_sandbox::{Config, Phone};
use wasup_sessions::FailPoint;
use wasup_store::id::Position;
use wasup_store::records::{AccountRecord, Content};
use wasup_store::repo::event;
use wasup_store::repo::wa::{self, WaKind, WaScope};
use wasup_store::{Direction, StoreError, Tree};

use crate::world::{PATIENCE, World, body};

const OURS: &str = "6281234567801";
const THEIRS: &str = "6281234567802";
const OTHER: &str = "6281234567803";

/// Whether the Signal session with a phone is stored.
async fn has_session(world: &World, account: &AccountRecord, with: &Phone) -> bool {
    let scope = WaScope { no: account.no, link: account.link, epoch: account.epoch };
    let prefix = wa::key(scope, WaKind::Session);
    let rows = world.store.read::<_, StoreError>(|tx| tx.prefix(Tree::Wa, &prefix, Direction::Forward, 100)).await;
    let lid = with.lid();
    let names = [with.number(), lid.split('@').next().unwrap()];
    let with_phone = |key: &[u8]| {
        let address = String::from_utf8_lossy(&key[prefix.as_slice().len()..]).into_owned();
        names.iter().any(|name| address.starts_with(name))
    };
    rows.unwrap().iter().any(|(key, _)| with_phone(key))
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
    world.wait_messages(account.no, 1).await;
    world.network.wait_settled(OURS, device, PATIENCE).await.unwrap();

    // Nothing is on its way to the disk any more.
    world.wait("the first ratchet on disk", async || has_session(&world, &account, &theirs).await.then_some(())).await;

    // The message is decrypted and stops there. The first message of another chat makes all ratchets durable with its
    // own: its session is there only when they are.
    fail_point.arm(THEIRS);
    let lost = theirs.send_text(OURS, "lost").await.unwrap();
    fail_point.reached().await;
    assert!(!has_session(&world, &account, &other).await);
    other.send_text(OURS, "second").await.unwrap();
    let known = world.wait_messages(account.no, 2).await;
    assert!(known.iter().all(|(_, message)| body(message) != "lost"), "the fail point stopped another message");
    world.wait("the ratchets on disk", async || has_session(&world, &account, &other).await.then_some(())).await;
    // The crash: nothing is closed, everything stops.
    drop(line);
    world.network.wait_disconnected(OURS, PATIENCE).await.unwrap();
    assert!(!world.network.acked_by(OURS, device).unwrap().contains(&lost));

    // The account's phone is asked for it again, and can't answer for now.
    phone.go_offline();
    let mut line = world.open(&account).await;
    line.connected().await;
    let stored = world.wait_messages(account.no, 3).await;
    world.network.wait_settled(OURS, device, PATIENCE).await.unwrap();
    let (id, message) = stored.iter().find(|(_, message)| message.provider_id == lost).expect("the message is known");
    assert_eq!(message.content, Content::Unavailable, "{}", body(message));
    assert_eq!(message.chat.phone.as_deref(), Some(THEIRS));
    assert_eq!(world.links.stats().copies_lost, 1);
    let events = world.store.read::<_, StoreError>(|tx| event::page(tx, Position(0), 1_000)).await.unwrap();
    let about = events.iter().filter(|(_, event)| format!("{event:?}").contains(&format!("{id:?}"))).count();
    assert!(about >= 1, "no event tells of it");

    // What the phone then sends again fills the message.
    phone.go_online();
    world
        .wait("the message itself", async || {
            let stored = world.messages(account.no).await;
            stored.iter().any(|(_, message)| message.provider_id == lost && body(message) == "lost").then_some(())
        })
        .await;
    assert_eq!(world.messages(account.no).await.len(), 3);
    line.link.close().await;
}
