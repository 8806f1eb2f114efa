//! Writes chats as an imported history is written: the same commits, several at a time.

use anyhow::Context as _;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use indicatif::ProgressBar;
use wasup_store::id::{AccountNo, DEFAULT_TENANT, Epoch, Millis};
use wasup_store::records::{
    AccountSettings, AccountSource, ChatSettings, Content, Desired, HistoryChunk, HistoryKind, HistoryTally,
    MessageState, Participant,
};
use wasup_store::repo::account::{self, NewAccount};
use wasup_store::repo::history::{self, ChunkKey, MAX_BATCH, OldBatch, OldChat, OldMessage};
use wasup_store::repo::inbound::NewInbound;
use wasup_store::{Durability, Store, StoreError};

/// Messages of each of many chats.
pub(super) const OF_EACH: u64 = 3;

/// Commits that wait for their turn.
const AT_ONCE: usize = 16;

/// Time between two messages of the large chat, in milliseconds: a year is full.
const STEP: Millis = 30_000;

/// The network's id of a message.
pub(super) fn provider_id(n: u64) -> String {
    format!("3EB0{n:016X}")
}

/// Whose the large chat is.
pub(super) const NUMBER: &str = "6281200000000";

/// An account that nobody starts.
pub(super) async fn account(store: &Store, id: &str) -> anyhow::Result<()> {
    let new = NewAccount {
        id: id.parse()?,
        tenant: DEFAULT_TENANT,
        name: String::new(),
        note: None,
        desired: Desired::Stopped,
        default_region: None,
        autostart: false,
        metadata: None,
        settings: AccountSettings::default(),
        source: AccountSource::Api,
        now_ms: store.now_ms(),
    };
    store.write(Durability::Durable, move |tx| account::create(tx, &new)).await?;
    Ok(())
}

/// Where the rows of an account go.
struct Place<'a> {
    store: &'a Store,
    fence: (AccountNo, Epoch),
    chunk: ChunkKey,
    now_ms: Millis,
}

impl<'a> Place<'a> {
    /// Opens a piece of history that is never finished from outside.
    async fn begin(store: &'a Store, account: &str) -> anyhow::Result<Self> {
        let id = account.parse()?;
        let owner = store.read(|tx| account::get(tx, &id)).await?.context("there is no such account")?;
        let (fence, now_ms) = ((owner.no, owner.epoch), store.now_ms());
        let chunk = ChunkKey::new(now_ms, 1);
        let record = HistoryChunk {
            kind: HistoryKind::Full,
            order: None,
            progress: None,
            size: 0,
            rows: 0,
            chats_done: 0,
            passed: 0,
            tally: HistoryTally::default(),
        };
        store.write(Durability::Durable, move |tx| history::keep(tx, fence, chunk, &record)).await?;
        Ok(Self { store, fence, chunk, now_ms })
    }

    async fn fill(&self, batches: impl Iterator<Item = OldBatch>, bar: &ProgressBar) -> Result<(), StoreError> {
        let (fence, chunk, now_ms) = (self.fence, self.chunk, self.now_ms);
        let writes = stream::iter(batches).map(|batch| async move {
            let count = batch.messages.len() as u64;
            self.store.write(Durability::Relaxed, move |tx| history::import(tx, fence, chunk, &batch, now_ms)).await?;
            Ok::<_, StoreError>(count)
        });
        let written = writes.buffered(AT_ONCE).try_for_each(|count| {
            bar.inc(count);
            std::future::ready(Ok(()))
        });
        written.await?;
        self.store.write(Durability::Durable, move |tx| history::finish(tx, fence, chunk, false, now_ms)).await
    }
}

fn human(number: String) -> Participant {
    Participant { jid: wasup_store::jid::Jid::phone(&number), phone: Some(number), lid: None }
}

fn message(of: &Participant, n: u64, ts_ms: Millis) -> OldMessage {
    let from_me = n.is_multiple_of(3);
    let new = NewInbound {
        provider_id: provider_id(n),
        chat: of.clone(),
        sender: (!from_me).then(|| of.clone()),
        from_me,
        group: false,
        ts_ms,
        rand: n,
        content: Content::text(format!("{n} is a message of an ordinary length, as people write them all day")),
        context: None,
        secret: None,
        push_name: None,
    };
    let (edited_ms, revoked_ms, marks) = (None, None, Vec::new());
    OldMessage { new, state: MessageState::Read, starred: false, edited_ms, revoked_ms, marks }
}

fn batch(of: &Participant, messages: Vec<OldMessage>, first: bool) -> OldBatch {
    let chat = first.then(|| OldChat { chat: of.clone(), name: None, settings: ChatSettings::default() });
    OldBatch { chat, messages, left_out: 0, chats_done: 0, asked_for: false }
}

/// One chat with so many messages.
pub(super) async fn one_chat(store: &Store, account: &str, messages: u64, bar: &ProgressBar) -> anyhow::Result<()> {
    let place = Place::begin(store, account).await?;
    let (of, begin) = (human(NUMBER.into()), place.now_ms.saturating_sub(messages * STEP));
    let batches = (0..messages).step_by(MAX_BATCH).map(|first| {
        let these = first..(first + MAX_BATCH as u64).min(messages);
        batch(&of, these.map(|n| message(&of, n, begin + n * STEP)).collect(), first == 0)
    });
    Ok(place.fill(batches, bar).await?)
}

/// So many chats, each with [`OF_EACH`] messages.
pub(super) async fn many_chats(store: &Store, account: &str, chats: u64, bar: &ProgressBar) -> anyhow::Result<()> {
    let place = Place::begin(store, account).await?;
    let begin = place.now_ms.saturating_sub(chats * STEP);
    let batches = (0..chats).map(|chat| {
        let of = human(format!("62813{chat:08}"));
        let these = (0..OF_EACH).map(|n| message(&of, chat * OF_EACH + n, begin + chat * STEP + n * 1_000));
        batch(&of, these.collect(), true)
    });
    Ok(place.fill(batches, bar).await?)
}
