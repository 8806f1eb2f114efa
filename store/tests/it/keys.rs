//! What the protocol library writes around the messages: rows of its own, durable and relaxed, as the key store of
//! `sessions` does.

use wasup_store::id::{AccountNo, Epoch, LinkNo};
use wasup_store::key::Key;
use wasup_store::repo::wa::{self, WaKind, WaScope};
use wasup_store::{Durability, Store, StoreError, Tree, WriteTx};

fn scope(no: AccountNo, epoch: Epoch) -> WaScope {
    WaScope { no, link: LinkNo(1), epoch }
}

fn pending(no: AccountNo, epoch: Epoch, writer: u64, n: u64) -> Key {
    wa::key(scope(no, epoch), WaKind::PendingInbound).u64(writer).u64(n)
}

async fn put(
    store: &Store,
    class: Durability<'_>,
    of: WaScope,
    rows: Vec<(Key, Option<Vec<u8>>)>,
) -> Result<(), StoreError> {
    let job = move |tx: &mut WriteTx<'_>| {
        wa::fence(tx, of)?;
        rows.iter().try_for_each(|(key, body)| match body {
            Some(body) => tx.put_raw(Tree::Wa, key, body),
            None => tx.delete(Tree::Wa, key),
        })
    };
    store.write(class, job).await
}

/// A message was decrypted: the ratchet's step is flushed at times, the copy waits for its commit.
pub(crate) async fn decrypted(
    store: &Store,
    no: AccountNo,
    epoch: Epoch,
    writer: u64,
    n: u64,
) -> Result<(), StoreError> {
    let of = scope(no, epoch);
    let copy = (pending(no, epoch, writer, n), Some(vec![1; usize::try_from(n % 900).unwrap()]));
    put(store, Durability::Relaxed, of, vec![copy]).await?;
    if n.is_multiple_of(3) {
        // A session with many skipped keys is a large one.
        let length = if n.is_multiple_of(40) { 100_000 } else { 1_500 };
        let session = wa::key(of, WaKind::Session).u64(writer);
        put(store, Durability::Durable, of, vec![(session, Some(vec![7; length]))]).await?;
    }
    if n.is_multiple_of(50) {
        let key = |id: u64| wa::key(of, WaKind::PreKey).u32(u32::try_from(writer << 16 | id).unwrap());
        let fresh = (0..30).map(|id| (key(n * 30 % 5_000 + id), Some(vec![3; 80]))).collect();
        put(store, Durability::Durable, of, fresh).await?;
        put(store, Durability::Relaxed, of, vec![(key(n * 30 % 5_000), None)]).await?;
    }
    Ok(())
}

/// The commit of a message deletes its copy.
pub(crate) fn committed(
    tx: &mut WriteTx<'_>,
    no: AccountNo,
    epoch: Epoch,
    writer: u64,
    n: u64,
) -> Result<(), StoreError> {
    tx.delete(Tree::Wa, pending(no, epoch, writer, n))
}

/// A message was encrypted: it is kept for a while, and a group's devices are noted both ways.
pub(crate) async fn encrypted(
    store: &Store,
    no: AccountNo,
    epoch: Epoch,
    writer: u64,
    n: u64,
) -> Result<(), StoreError> {
    let of = scope(no, epoch);
    let sent = wa::key(of, WaKind::SentMessage).u64(writer).u64(n % 64);
    put(store, Durability::Relaxed, of, vec![(sent, Some(vec![2; 300]))]).await?;
    let pair = [(WaKind::SenderKeyDevice, [writer, n % 20]), (WaKind::SenderKeyGroup, [n % 20, writer])];
    let rows = pair.map(|(kind, [a, b])| (wa::key(of, kind).u64(a).u64(b), Some(vec![1]))).to_vec();
    put(store, Durability::Durable, of, rows).await
}
