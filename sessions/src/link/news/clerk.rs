//! Writes down what the account's other devices do to chats.

use std::sync::Arc;

use wasup_store::repo::account;
use wasup_store::repo::wa::WaScope;
use wasup_store::{Durability, Store, StoreError, WriteTx};

use super::super::history::{Arrived, History};
use super::super::inbound::inbox::Committed;
use super::ChatNews;
use crate::trouble::Trouble;

/// Writes down what is told, under the link's epoch.
pub(crate) struct Clerk {
    pub(super) store: Store,
    pub(super) scope: WaScope,
    committed: Committed,
    trouble: Arc<Trouble>,
    history: Arc<History>,
}

impl Clerk {
    pub(crate) fn new(
        (store, scope): (Store, WaScope),
        committed: Committed,
        trouble: Arc<Trouble>,
        history: Arc<History>,
    ) -> Self {
        Self { store, scope, committed, trouble, history }
    }

    /// Writes down what was done to a chat. What can't be written is told again by the network at the next login, or is
    /// lost as other news is while nobody is connected; the link hears of the store's trouble.
    pub(super) async fn take(&self, news: ChatNews) {
        match self.take_chat(news).await {
            Ok(()) => (self.committed)(self.scope.no),
            Err(error) => self.trouble.report(&error),
        }
    }

    /// Keeps a piece of the history.
    pub(super) async fn keep(&self, piece: Arrived) {
        self.history.keep(piece).await;
    }

    /// A durable write of the link's incarnation.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        job: impl Fn(&mut WriteTx<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (no, epoch) = (self.scope.no, self.scope.epoch);
        let fenced = move |tx: &mut WriteTx<'_>| {
            account::fence(tx, no, epoch)?;
            job(tx)
        };
        self.store.write(Durability::Durable, fenced).await
    }
}
