//! No frame overtakes the disk: what the account noted of a send, and the commit that an acknowledgement follows from,
//! are there first. And while the disk is slow everything else goes on.

use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};

use bytes::Bytes;
use wasup_sandbox::Config;
use wasup_store::engine::{Batch, Engine, MemoryEngine, Rows, Walk};
use wasup_store::repo::message;
use wasup_store::{Durability, EngineError, ReadTx, Store, StoreError, SystemClock, Tree, WriteTx};

use crate::world::{PATIENCE, World, text};

const OURS: &str = "6281234567801";
const THEIRS: &str = "6281234567802";
const OTHERS: &str = "6281234567803";

/// A disk whose syncs can be held up.
#[derive(Default)]
struct SlowDisk {
    rows: MemoryEngine,
    gate: Mutex<Gate>,
    opened: Condvar,
}

#[derive(Default)]
struct Gate {
    held: bool,
    /// Syncs asked for, and how many of them may go on although the others are held.
    asked: u64,
    passed: u64,
}

impl SlowDisk {
    fn release(&self) {
        self.gate.lock().unwrap().held = false;
        self.opened.notify_all();
    }

    /// Holds up every sync until it is released, at the end of a failed test at the latest.
    fn hold(self: &Arc<Self>) -> Held {
        let mut gate = self.gate.lock().unwrap();
        gate.held = true;
        gate.passed = gate.asked;
        Held(Arc::clone(self))
    }

    /// Waits until something shows in the store. What the link wrote of its own before that (it has just been made: history,
    /// settings, keys) gets its sync, for one writer commits all in their order; the sync of the awaited itself does not.
    async fn until(&self, world: &World, what: &str, mut shows: impl AsyncFnMut() -> bool) {
        let look = async || {
            let asked = self.gate.lock().unwrap().asked;
            if shows().await {
                return Some(());
            }
            // A batch is applied before its sync is asked for: what does not show is in none of these.
            let mut gate = self.gate.lock().unwrap();
            gate.passed = gate.passed.max(asked);
            drop(gate);
            self.opened.notify_all();
            None
        };
        world.wait(what, look).await;
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
        let mut gate = self.gate.lock().unwrap();
        gate.asked += 1;
        let mine = gate.asked;
        let _gate = self.opened.wait_while(gate, |gate| gate.held && gate.passed < mine).unwrap();
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
    let (store, mark) = (world.store.clone(), line.mark.clone());
    let noting =
        tokio::spawn(async move { store.write::<_, StoreError, _>(Durability::Under(&mark), note).await.unwrap() });
    let noted = async || {
        let look = |tx: &ReadTx<'_>| tx.fixed(Tree::Audit, [1]);
        world.store.read::<_, StoreError>(look).await.unwrap().is_some()
    };
    disk.until(&world, "the note in the store", noted).await;
    noting.await.unwrap();
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
        let list = |tx: &ReadTx<'_>| message::list(tx, account.no, None, None, 10);
        world.store.read::<_, StoreError>(list).await.unwrap().len() == 2
    };
    // Whoever reads sees it, and nobody outside has heard of it.
    disk.until(&world, "the message in the store", in_store).await;
    phone.wait_for_text("second", PATIENCE).await.unwrap();
    assert!(!world.network.acked_by(OURS, device).unwrap().contains(&id), "acknowledged before it was on disk");
    drop(held);
    world.network.wait_settled(OURS, device, PATIENCE).await.unwrap();
    assert!(world.network.acked_by(OURS, device).unwrap().contains(&id));
    assert_eq!(world.network.violations(), []);
}
