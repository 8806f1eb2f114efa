//! The commit: messages of one account, in order, durable, a few at a time.

use std::sync::Arc;

use wacore::types::events::InboundMessage;
use wasup_store::id::AccountNo;
use wasup_store::repo::inbound::{self, InboundBatch, MAX_BATCH, NewInbound};
use wasup_store::repo::wa::WaScope;
use wasup_store::{Durability, Store, StoreError};

use crate::trouble::Trouble;

/// Called after received messages were committed, with their account: wakes whoever delivers events.
pub type Committed = Arc<dyn Fn(AccountNo) + Send + Sync>;

/// Where an account's received messages are committed.
pub(crate) struct Inbox {
    store: Store,
    scope: WaScope,
    committed: Committed,
    trouble: Arc<Trouble>,
}

impl Inbox {
    pub(crate) fn new(store: Store, scope: WaScope, committed: Committed, trouble: Arc<Trouble>) -> Self {
        Self { store, scope, committed, trouble }
    }

    /// Commits what the messages say to a human. Answers when the last is durable; a part that was committed before an
    /// error is skipped when it comes again.
    ///
    /// # Errors
    /// [`StoreError`]. The connection has to end then: within one connection the library never asks again.
    pub(crate) async fn take(&self, messages: &[InboundMessage]) -> Result<(), StoreError> {
        let news = messages.iter().filter_map(|m| super::map(&m.message, &m.info, rand::random())).collect();
        self.commit(news).await
    }

    /// As [`Inbox::take`], for messages mapped already.
    pub(crate) async fn commit(&self, news: Vec<NewInbound>) -> Result<(), StoreError> {
        let mut news = news.into_iter().peekable();
        while news.peek().is_some() {
            let batch = InboundBatch {
                no: self.scope.no,
                epoch: self.scope.epoch,
                now_ms: self.store.now_ms(),
                messages: news.by_ref().take(MAX_BATCH).collect(),
            };
            let job = move |tx: &mut wasup_store::WriteTx<'_>| inbound::commit(tx, &batch).map(|_| ());
            if let Err(error) = self.store.write(Durability::Durable, job).await {
                self.trouble.report(&error);
                return Err(error);
            }
            (self.committed)(self.scope.no);
        }
        Ok(())
    }
}
