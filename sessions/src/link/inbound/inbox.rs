//! The commit: messages of one account, in order, a few at a time, before the frame that acknowledges them.

use std::sync::Arc;
use std::time::Instant;

use wacore::types::events::InboundMessage;
use wacore_binary::Jid;
use wasup_store::id::AccountNo;
use wasup_store::key::Key;
use wasup_store::repo::inbound::{self, InboundBatch, InboundOutcome, MAX_BATCH, NewInbound};
use wasup_store::repo::wa::WaScope;
use wasup_store::{Durability, Store, StoreError, Tree, Watermark, WriteTx};

use super::sealed::Sealed;
use super::{Mapped, opening};
use crate::keystore::pending_key;
use crate::link::own::OwnAddresses;
use crate::meters::{Arrived, LinkMeters};
use crate::trouble::Trouble;

/// Called after received messages were committed, with their account: wakes whoever delivers events.
pub type Committed = Arc<dyn Fn(AccountNo) + Send + Sync>;

/// A message and the row where its decrypted copy waits for the commit.
struct Arrival {
    new: NewInbound,
    sealed: Option<Sealed>,
    waiting: Option<Key>,
}

/// Where an account's received messages are committed.
pub(crate) struct Inbox {
    store: Store,
    scope: WaScope,
    committed: Committed,
    trouble: Arc<Trouble>,
    meters: Arc<LinkMeters>,
    mark: Watermark,
    own: Arc<OwnAddresses>,
}

impl Inbox {
    pub(crate) fn new(store: Store, scope: WaScope, committed: Committed, trouble: Arc<Trouble>) -> Self {
        let (meters, mark, own) = (Arc::default(), Watermark::default(), Arc::default());
        Self { store, scope, committed, trouble, meters, mark, own }
    }

    /// ... that knows the account's own addresses.
    pub(crate) fn knowing(self, own: Arc<OwnAddresses>) -> Self {
        Self { own, ..self }
    }

    /// ... that counts with these handles.
    pub(crate) fn counting(self, meters: Arc<LinkMeters>) -> Self {
        Self { meters, ..self }
    }

    /// ... whose commits are waited for by the frames under this mark.
    pub(crate) fn under(self, mark: Watermark) -> Self {
        Self { mark, ..self }
    }

    /// Commits what the messages say to a human. Answers when the last is in the store and under the mark: the frame
    /// that acknowledges them waits until it is on disk. A part that was committed before an error is skipped when it
    /// comes again.
    ///
    /// # Errors
    /// [`StoreError`]. The connection has to end then: within one connection the library never asks again.
    pub(crate) async fn take(&self, messages: &[InboundMessage]) -> Result<(), StoreError> {
        let is_own = |jid: &Jid| self.own.contains(jid);
        let arrival = |message: &InboundMessage| {
            let Mapped { new, sealed } = super::map(&message.message, &message.info, &is_own, rand::random())?;
            let (chat, sender) = (message.info.source.chat.to_string(), message.info.source.sender.to_string());
            // With the message in the ledger its copy is not needed any more: one commit for both.
            Some(Arrival { new, sealed, waiting: Some(pending_key(self.scope, &chat, &sender, &message.info.id)) })
        };
        let mut arrivals: Vec<_> = messages.iter().filter_map(arrival).collect();
        self.open(&mut arrivals).await?;
        self.commit_all(arrivals).await
    }

    /// Opens what is sealed with the secret of an earlier message.
    async fn open(&self, arrivals: &mut [Arrival]) -> Result<(), StoreError> {
        for at in 0..arrivals.len() {
            let (before, rest) = arrivals.split_at_mut(at);
            let Some(Arrival { new, sealed: Some(sealed), .. }) = rest.first_mut() else { continue };
            let before: Vec<_> = before.iter().map(|arrival| &arrival.new).collect();
            let place = (&self.store, self.scope.no);
            if let Err(error) = opening::open(place, &self.own, sealed, new, &before).await {
                self.trouble.report(&error);
                return Err(error);
            }
        }
        Ok(())
    }

    /// As [`Inbox::take`], for a message mapped already that has no copy waiting.
    pub(crate) async fn commit(&self, new: NewInbound) -> Result<(), StoreError> {
        self.commit_all(vec![Arrival { new, sealed: None, waiting: None }]).await
    }

    async fn commit_all(&self, arrivals: Vec<Arrival>) -> Result<(), StoreError> {
        if arrivals.is_empty() {
            return Ok(());
        }
        let (begun, commits) = (Instant::now(), Watermark::default());
        let mut arrivals = arrivals.into_iter().peekable();
        while arrivals.peek().is_some() {
            let (messages, waiting): (Vec<_>, Vec<_>) =
                arrivals.by_ref().take(MAX_BATCH).map(|arrival| (arrival.new, arrival.waiting)).unzip();
            let kinds: Vec<_> = messages.iter().map(|new| (new.from_me, new.content.kind())).collect();
            let batch =
                InboundBatch { no: self.scope.no, epoch: self.scope.epoch, now_ms: self.store.now_ms(), messages };
            let job = move |tx: &mut WriteTx<'_>| {
                let outcomes = inbound::commit(tx, &batch)?;
                waiting.iter().flatten().try_for_each(|key| tx.delete(Tree::Wa, key))?;
                Ok(outcomes)
            };
            match self.store.write(Durability::Under(&commits), job).await {
                Ok(outcomes) => {
                    self.mark.include(&commits);
                    self.count(&kinds, &outcomes);
                }
                Err(error) => {
                    self.trouble.report(&error);
                    return Err(error);
                }
            }
            (self.committed)(self.scope.no);
        }
        self.time(begun, commits);
        Ok(())
    }

    /// Measures how long commits took to be on disk, while the link goes on.
    fn time(&self, begun: Instant, commits: Watermark) {
        let (store, meters) = (self.store.clone(), Arc::clone(&self.meters));
        tokio::spawn(async move {
            if store.until_durable(&commits).await.is_ok() {
                meters.commit_seconds.record(begun.elapsed());
            }
        });
    }

    fn count(&self, kinds: &[(bool, &'static str)], outcomes: &[InboundOutcome]) {
        for ((from_me, kind), outcome) in kinds.iter().zip(outcomes) {
            let arrived = match outcome {
                InboundOutcome::Stored(_) => Arrived::Stored,
                InboundOutcome::Filled(_) => Arrived::Filled,
                InboundOutcome::Repeat(_) => Arrived::Repeat,
            };
            self.meters.arrived.count(arrived);
            if arrived == Arrived::Stored {
                let by_kind = if *from_me { &self.meters.sent_elsewhere } else { &self.meters.received };
                by_kind.count(kind);
            }
        }
    }
}
