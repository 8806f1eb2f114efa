//! The history that the phone sends: on disk first, then imported, bounded and in small commits, also after a restart.
//!
//! The library tells the phone that a piece arrived before it has downloaded it (0.7.0, `history_sync.rs`), and hands it
//! over without the name of the message that announced it. So announcements are counted: one that is open when the
//! next link begins is a piece that is lost.

mod marks;
mod old;
mod selection;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{Mutex, Notify, Semaphore};
use wacore::history_sync::HistorySyncStream;
use wacore::types::events::LazyHistorySync;
use waproto::whatsapp::Conversation;
use wasup_store::id::{AccountNo, Epoch, MessageKey};
use wasup_store::records::{HistoryChunk, HistoryKind, HistoryTally};
use wasup_store::repo::history::{self, ChunkKey, Next, OldBatch};
use wasup_store::repo::persistence;
use wasup_store::repo::wa::WaScope;
use wasup_store::{Durability, Store, StoreError, WriteTx};

use self::selection::Selection;
use super::inbound::inbox::Committed;
use super::own::OwnAddresses;
use crate::trouble::Trouble;

/// How much of the history is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HistoryBounds {
    /// Whether any is.
    pub keep: bool,
    /// Messages of so many days before now.
    pub days: u32,
    /// So many chats.
    pub chats: u64,
    /// So many messages of a chat, the newest of each piece.
    pub messages_per_chat: usize,
    /// So many bytes of what messages say.
    pub bytes: u64,
    /// The largest piece, packed.
    pub piece_bytes: usize,
    /// Pieces that are being imported at once, in the process.
    pub at_once: usize,
    /// How long a piece may take to come after it was announced, before it counts as lost.
    pub patience: Duration,
}

impl Default for HistoryBounds {
    fn default() -> Self {
        Self {
            keep: true,
            days: 365,
            chats: 10_000,
            messages_per_chat: 1_000,
            bytes: 256 << 20,
            piece_bytes: 64 << 20,
            at_once: 2,
            patience: Duration::from_secs(900),
        }
    }
}

/// A piece as the library handed it over: packed.
pub(super) struct Arrived {
    packed: Bytes,
    size: usize,
    kind: HistoryKind,
    order: Option<u32>,
    progress: Option<u32>,
}

impl Arrived {
    pub(super) fn of(sync: &LazyHistorySync) -> Self {
        Self {
            packed: sync.compressed_bytes().clone(),
            size: sync.decompressed_size(),
            kind: HistoryKind::of_number(sync.sync_type()),
            order: sync.chunk_order(),
            progress: sync.progress(),
        }
    }
}

/// The history of one link.
pub(crate) struct History {
    store: Store,
    scope: WaScope,
    bounds: HistoryBounds,
    own: Arc<OwnAddresses>,
    committed: Committed,
    trouble: Arc<Trouble>,
    turns: Arc<Semaphore>,
    arrived: Notify,
    /// Pieces that were here before their announcement was noted.
    early: AtomicU64,
    /// Announcements that were given up on this link: their pieces may still come.
    given_up: AtomicU64,
    /// Held while a piece is written: until then its rows look like those of one that never was whole.
    writing: Mutex<()>,
}

/// Takes one from a count; `false` where it is none.
fn take_one(count: &AtomicU64) -> bool {
    count.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |count| count.checked_sub(1)).is_ok()
}

/// Why an import stops.
enum Stop {
    /// The store failed, or a newer incarnation owns the account.
    Store(StoreError),
    /// The piece can't be read.
    Unreadable,
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl History {
    pub(super) fn new(
        (store, scope, bounds): (Store, WaScope, HistoryBounds),
        own: Arc<OwnAddresses>,
        (committed, trouble): (Committed, Arc<Trouble>),
        turns: Arc<Semaphore>,
    ) -> Self {
        let (arrived, early, given_up) = (Notify::new(), AtomicU64::new(0), AtomicU64::new(0));
        let writing = Mutex::default();
        Self { store, scope, bounds, own, committed, trouble, turns, arrived, early, given_up, writing }
    }

    const fn fence(&self) -> (AccountNo, Epoch) {
        (self.scope.no, self.scope.epoch)
    }

    async fn write<T: Send + 'static>(
        &self,
        job: impl Fn(&mut WriteTx<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.store.write(Durability::Durable, job).await
    }

    /// Whether what the phone sends is kept: by the installation, and by what is set for the account.
    async fn keeps(&self) -> Result<bool, StoreError> {
        if !self.bounds.keep {
            return Ok(false);
        }
        Ok(self.store.read(|tx| persistence::standing(tx, self.scope.no)).await?.keeps())
    }

    /// The phone announced a piece.
    pub(super) async fn announced(&self) -> Result<(), StoreError> {
        if take_one(&self.early) || !self.keeps().await? {
            return Ok(());
        }
        let (fence, at) = (self.fence(), MessageKey::new(self.store.now_ms(), rand::random()));
        self.write(move |tx| history::announce(tx, fence, at)).await
    }

    /// A piece is here: it is on disk when this answers.
    pub(super) async fn keep(&self, piece: Arrived) {
        let kept = match self.keeps().await {
            Ok(true) => self.keep_whole(piece).await,
            // The library took what sending needs out of it before it handed it over.
            Ok(false) => {
                let fence = self.fence();
                self.write(move |tx| history::discard(tx, fence)).await
            }
            Err(error) => Err(error),
        };
        match kept {
            Ok(()) => self.arrived.notify_one(),
            Err(error) => self.trouble.report(&error),
        }
    }

    async fn keep_whole(&self, piece: Arrived) -> Result<(), StoreError> {
        let _writing = self.writing.lock().await;
        let (fence, chunk) = (self.fence(), ChunkKey::new(self.store.now_ms(), rand::random()));
        let Arrived { packed, size, kind, order, progress } = piece;
        // One that is too large is told as lost, so that nobody believes that all is there.
        let packed = if packed.len() > self.bounds.piece_bytes { Bytes::new() } else { packed };
        let mut rows = 0;
        for part in packed.chunks(history::ROW_BYTES) {
            let (part, n) = (packed.slice_ref(part), rows);
            self.write(move |tx| history::keep_row(tx, fence, (chunk, n), &part)).await?;
            rows += 1;
        }
        let size = u64::try_from(size).unwrap_or(u64::MAX);
        let record = HistoryChunk {
            kind,
            order,
            progress,
            size,
            rows,
            chats_done: 0,
            passed: 0,
            tally: HistoryTally::default(),
        };
        let announced = self.write(move |tx| history::keep(tx, fence, chunk, &record)).await?;
        if !announced && !take_one(&self.given_up) {
            self.early.fetch_add(1, Ordering::SeqCst);
        }
        Ok(())
    }

    /// Imports what is on disk, and what comes, until the link ends.
    pub(super) async fn run(self: Arc<Self>) {
        let (fence, now_ms) = (self.fence(), self.store.now_ms());
        if let Err(error) = self.write(move |tx| history::lose(tx, fence, now_ms, now_ms)).await {
            self.trouble.report(&error);
            return;
        }
        loop {
            let done = match self.import_next().await {
                Ok(true) => Ok(()),
                Ok(false) => self.wait().await,
                Err(error) => Err(error),
            };
            if let Err(error) = done {
                self.trouble.report(&error);
                return;
            }
        }
    }

    /// Waits for the next piece, and gives up those that do not come: the library tells nobody when a download fails.
    async fn wait(&self) -> Result<(), StoreError> {
        let looks = (self.bounds.patience / 4).max(Duration::from_millis(50));
        if tokio::time::timeout(looks, self.arrived.notified()).await.is_ok() {
            return Ok(());
        }
        let (fence, now_ms) = (self.fence(), self.store.now_ms());
        let before_ms = now_ms.saturating_sub(u64::try_from(self.bounds.patience.as_millis()).unwrap_or(u64::MAX));
        if self.store.read(|tx| history::is_late(tx, self.scope.no, before_ms)).await? {
            let lost = self.write(move |tx| history::lose(tx, fence, before_ms, now_ms)).await?;
            self.given_up.fetch_add(lost as u64, Ordering::SeqCst);
            (self.committed)(self.scope.no);
        }
        Ok(())
    }

    /// `false` when there is nothing to import.
    async fn import_next(&self) -> Result<bool, StoreError> {
        let fence = self.fence();
        match self.store.read(|tx| history::next(tx, self.scope.no)).await? {
            Next::Nothing => Ok(false),
            Next::Clear(chunk) => {
                let _writing = self.writing.lock().await;
                if self.store.read(|tx| history::next(tx, self.scope.no)).await? != Next::Clear(chunk) {
                    return Ok(true);
                }
                while self.write(move |tx| history::clear(tx, fence, chunk)).await? {}
                Ok(true)
            }
            Next::Import(chunk, record) => {
                let Ok(_turn) = self.turns.acquire().await else { return Ok(false) };
                let lost = match self.import(chunk, &record).await {
                    Ok(()) => false,
                    Err(Stop::Unreadable) => true,
                    Err(Stop::Store(error)) => return Err(error),
                };
                let now_ms = self.store.now_ms();
                self.write(move |tx| history::finish(tx, fence, chunk, lost, now_ms)).await?;
                (self.committed)(self.scope.no);
                Ok(true)
            }
        }
    }

    async fn packed(&self, chunk: ChunkKey, record: &HistoryChunk) -> Result<Vec<u8>, Stop> {
        let mut packed = Vec::new();
        for n in 0..record.rows {
            let part = self.store.read(|tx| history::bytes(tx, self.scope.no, chunk, n)).await?;
            packed.extend_from_slice(&part.ok_or(Stop::Unreadable)?);
        }
        if packed.is_empty() { Err(Stop::Unreadable) } else { Ok(packed) }
    }

    async fn import(&self, chunk: ChunkKey, record: &HistoryChunk) -> Result<(), Stop> {
        let packed = self.packed(chunk, record).await?;
        let before = self.store.read(|tx| history::tally(tx, self.scope.no)).await?;
        let mut sum = before.plus(record.tally);
        let mut stream = HistorySyncStream::new(&packed, record.size);
        let (mut chats, mut passed) = (0, record.passed);
        let asked_for = record.kind == HistoryKind::OnDemand;
        // Counted from when the piece came, so that a restart finds the same.
        let kept_ms = u64::from(self.bounds.days) * 86_400_000;
        while let Some(conversation) = stream.next_conversation().map_err(|_| Stop::Unreadable)? {
            chats += 1;
            if chats <= record.chats_done {
                continue;
            }
            let left = self.left(&conversation, sum, asked_for).await?;
            let since_ms = if asked_for { 0 } else { chunk.ts_ms.saturating_sub(kept_ms) };
            let is_own = |jid: &wacore_binary::Jid| self.own.contains(jid);
            let mut some = Selection::of(conversation, &is_own, (since_ms, self.bounds.messages_per_chat));
            let known = self.known(&some, left).await?;
            some.bound(&known, left);
            some.skip(std::mem::take(&mut passed));
            for batch in some.batches((chats, asked_for)) {
                sum = before.plus(self.commit(chunk, batch).await?);
            }
        }
        let rest = stream.remainder().map_err(|_| Stop::Unreadable)?;
        let (fence, names) = (self.fence(), old::names(&rest.pushnames));
        for some in names.chunks(history::MAX_BATCH) {
            let some = some.to_vec();
            self.write(move |tx| history::names(tx, fence, &some)).await?;
        }
        Ok(())
    }

    /// How many messages of a chat are to be imported that are not here. What was asked for is bounded by its bytes, and by
    /// what a chat may have, in each piece.
    async fn left(&self, conversation: &Conversation, sum: HistoryTally, asked_for: bool) -> Result<usize, StoreError> {
        let HistoryBounds { chats, messages_per_chat, bytes, .. } = self.bounds;
        if sum.bytes >= bytes {
            return Ok(0);
        }
        if asked_for {
            return Ok(messages_per_chat);
        }
        let imported = match old::participant(conversation) {
            Some((of, ..)) => self.store.read(|tx| history::imported(tx, self.scope.no, &of)).await?,
            None => None,
        };
        Ok(match imported {
            None if sum.chats >= chats => 0,
            imported => messages_per_chat.saturating_sub(usize::try_from(imported.unwrap_or(0)).unwrap_or(usize::MAX)),
        })
    }

    /// Which of some messages are here, where that matters.
    async fn known(&self, some: &Selection, left: usize) -> Result<Vec<bool>, StoreError> {
        if some.messages.len() <= left {
            return Ok(vec![false; some.messages.len()]);
        }
        let mut known = Vec::with_capacity(some.messages.len());
        for messages in some.messages.chunks(history::MAX_BATCH) {
            let look = |tx: &wasup_store::ReadTx<'_>| {
                messages.iter().map(|old| history::is_known(tx, self.scope.no, &old.new)).collect::<Result<Vec<_>, _>>()
            };
            known.extend(self.store.read(look).await?);
        }
        Ok(known)
    }

    async fn commit(&self, chunk: ChunkKey, batch: OldBatch) -> Result<HistoryTally, StoreError> {
        let (fence, now_ms) = (self.fence(), self.store.now_ms());
        self.write(move |tx| history::import(tx, fence, chunk, &batch, now_ms)).await
    }
}
