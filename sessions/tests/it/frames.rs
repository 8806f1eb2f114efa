//! No frame overtakes the disk: what the account noted of a send, and the commit that an acknowledgement follows from,
//! are there first. And while the disk is slow everything else goes on.

use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};

use bytes::Bytes;
use wasup_sandbox::Config;
use wasup_store::engine::{Batch, Engine, MemoryEngine, Rows, Walk};
use wasup_store::repo::message;
use wasup_store::{Durability, EngineError, Store, StoreError, SystemClock, Tree, WriteTx};

use crate::world::{PATIENCE, World, text};

const OURS: &str = "6281234567801";
const THEIRS: &str = "6281234567802";
const OTHERS: &str = "6281234567803";

/// A disk whose syncs can be held up.
#[derive(Default)]
struct SlowDisk {
    rows: MemoryEngine,
    held: Mutex<bool>,
    released: Condvar,
}

impl SlowDisk {
    fn release(&self) {
        *self.held.lock().unwrap() = false;
        self.released.notify_all();
    }

    /// Holds up every sync until it is released, at the end of a failed test at the latest.
    fn hold(self: &Arc<Self>) -> Held {
        *self.held.lock().unwrap() = true;
        Held(Arc::clone(self))
    }
}

struct Held(Arc<SlowDisk>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.release();
    }
}

impl Engine for SlowDisk {
    fn get(&self, tree: Tree, key: &[u8]) -> Result<Option<Bytes>, EngineError> {
        self.rows.get(tree, key)
    }

    fn range(&self, tree: Tree, from: &[u8], to: Option<&[u8]>, walk: Walk, limit: usize) -> Result<Rows, EngineError> {
        self.rows.range(tree, from, to, walk, limit)
    }

    fn apply(&self, batch: &Batch) -> Result<(), EngineError> {
        self.rows.apply(batch)
    }

    fn sync(&self) -> Result<(), EngineError> {
        let _held = self.released.wait_while(self.held.lock().unwrap(), |held| *held).unwrap();
        Ok(())
    }
}

async fn world() -> (World, Arc<SlowDisk>) {
    let disk = Arc::<SlowDisk>::default();
    let engine = Arc::clone(&disk);
    let store = Store::over(engine, Arc::new(SystemClock), Path::new("memory")).unwrap();
    (World::over(store, Config::default(), |_| {}).await, disk)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_leaves_when_what_was_noted_of_it_is_on_disk() {
    let (world, disk) = world().await;
    let (account, mut line, _phone) = world.linked("shop", OURS).await;
    let (peer, other) = (world.network.phone(THEIRS), world.network.phone(OTHERS));
    line.send(&text(account.no, THEIRS, "first", 1)).await;
    peer.wait_for_text("first", PATIENCE).await.unwrap();

    let held = disk.hold();
    let note = |tx: &mut WriteTx<'_>| tx.put_fixed(Tree::Audit, [1], &[]);
    world.store.write::<_, StoreError, _>(Durability::Under(&line.mark), note).await.unwrap();
    let link = Arc::clone(&line.link);
    let sending = tokio::spawn(async move { link.send(&text(account.no, THEIRS, "second", 2)).await });
    // The network is not held up: whatever had left by now would arrive before this.
    other.send_text(THEIRS, "meanwhile").await.unwrap();
    peer.wait_for_text("meanwhile", PATIENCE).await.unwrap();
    assert!(peer.wait_for_text("second", std::time::Duration::ZERO).await.is_err(), "it overtook the disk");
    drop(held);
    peer.wait_for_text("second", PATIENCE).await.unwrap();
    sending.await.unwrap().unwrap();
    assert_eq!(world.network.violations(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_received_message_is_acknowledged_when_it_is_on_disk() {
    let (world, disk) = world().await;
    let (account, _line, phone) = world.linked("shop", OURS).await;
    let (device, peer) = (phone.devices()[0], world.network.phone(THEIRS));
    peer.send_text(OURS, "first").await.unwrap();
    world.wait_messages(account.no, 1).await;
    world.network.wait_settled(OURS, device, PATIENCE).await.unwrap();

    let held = disk.hold();
    let id = peer.send_text(OURS, "second").await.unwrap();
    let in_store = async || {
        let list = |tx: &wasup_store::ReadTx<'_>| message::list(tx, account.no, None, None, 10);
        let seen = world.store.read::<_, StoreError>(list).await.unwrap();
        (seen.len() == 2).then_some(())
    };
    // Whoever reads sees it, and nobody outside has heard of it.
    world.wait("the message in the store", in_store).await;
    phone.wait_for_text("second", PATIENCE).await.unwrap();
    assert!(!world.network.acked_by(OURS, device).unwrap().contains(&id), "acknowledged before it was on disk");
    drop(held);
    world.network.wait_settled(OURS, device, PATIENCE).await.unwrap();
    assert!(world.network.acked_by(OURS, device).unwrap().contains(&id));
    assert_eq!(world.network.violations(), []);
}
