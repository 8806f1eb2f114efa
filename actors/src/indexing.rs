//! The indexer: keeps the index of words up to date, where there is to be one, and clears it away where there is to be none
//! any more. The durable to-do is in the store: the event log with a place in it, and rows for what no event tells; so losing
//! everything in here costs time, never a word. One store job a message, so that it never stands in anybody's way.

use std::sync::Arc;
use std::time::Duration;

use ractor::{Actor, ActorProcessingErr, ActorRef, SupervisionEvent};
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;
use wasup_store::id::Position;
use wasup_store::repo::search::{self, Indexed};
use wasup_store::{Durability, StoreError, WriteTx};

use crate::context::Context;
use crate::root::Beat;
use crate::supervision::{Crash, StoreTrouble};

/// Time between two looks where nothing came.
const LOOK: Duration = Duration::from_secs(1);

/// What the indexer is told.
pub(crate) enum IndexerMsg {
    /// Do some of what there is to do. One.
    Step,
    /// The root asks for a sign of life. One.
    Ping(Beat),
    /// Break.
    #[cfg(test)]
    Fault(crate::accounts::Fault),
}

/// The indexer.
pub(crate) struct Indexer;

/// What it remembers.
pub(crate) struct Indexing {
    ctx: Arc<Context>,
    myself: ActorRef<IndexerMsg>,
    /// How far the event log is on disk.
    durable: watch::Receiver<Position>,
    /// What wakes it for the next step.
    waker: Option<AbortOnDropHandle<()>>,
}

impl Actor for Indexer {
    type Msg = IndexerMsg;
    type State = Indexing;
    type Arguments = Arc<Context>;

    async fn pre_start(&self, myself: ActorRef<IndexerMsg>, ctx: Arc<Context>) -> Result<Indexing, ActorProcessingErr> {
        let durable = ctx.store.durable_position();
        Ok(Indexing { ctx, myself, durable, waker: None })
    }

    async fn post_start(&self, myself: ActorRef<IndexerMsg>, _: &mut Indexing) -> Result<(), ActorProcessingErr> {
        Ok(myself.cast(IndexerMsg::Step)?)
    }

    async fn handle(
        &self,
        _: ActorRef<IndexerMsg>,
        message: IndexerMsg,
        state: &mut Indexing,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            IndexerMsg::Step => state.round().await?,
            IndexerMsg::Ping(beat) => beat.answer(),
            #[cfg(test)]
            IndexerMsg::Fault(fault) => fault.strike().await?,
        }
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        _: ActorRef<IndexerMsg>,
        _: SupervisionEvent,
        _: &mut Indexing,
    ) -> Result<(), ActorProcessingErr> {
        Ok(())
    }
}

impl Indexing {
    /// A step, and what makes for the next one. There is no next one where no index is wanted and nothing is left of it.
    async fn round(&mut self) -> Result<(), Crash> {
        self.durable.mark_unchanged();
        match self.step().await {
            Ok(Indexed { more: true, .. }) => drop(self.myself.cast(IndexerMsg::Step)),
            Ok(_) if !self.ctx.settings.search_index => {}
            Ok(_) => {
                self.gauge().await;
                self.wake();
            }
            Err(error) => {
                let told = error.to_string();
                match StoreTrouble::from(error) {
                    StoreTrouble::Crash(crash) => return Err(crash),
                    StoreTrouble::Stale | StoreTrouble::Outage => {
                        tracing::error!(error = told, "the store does not work; the index of words waits");
                        drop(self.myself.send_after(LOOK, || IndexerMsg::Step));
                    }
                }
            }
        }
        Ok(())
    }

    async fn step(&self) -> Result<Indexed, StoreError> {
        let Context { store, settings, meters, .. } = &*self.ctx;
        let on = settings.search_index;
        // Durable: after a power cut the place may not be further than what is indexed.
        let step = move |tx: &mut WriteTx<'_>| search::step(tx, on);
        let done = store.write::<_, StoreError, _>(Durability::Durable, step).await?;
        meters.indexed.increment(done.messages);
        Ok(done)
    }

    /// The next step is due when an event comes, and after a while in any case: for rows that no event tells. What comes at
    /// once is indexed at once, not one by one.
    fn wake(&mut self) {
        let (myself, mut durable) = (self.myself.clone(), self.durable.clone());
        self.waker = Some(AbortOnDropHandle::new(tokio::spawn(async move {
            drop(timeout(LOOK, durable.changed()).await);
            let _ = myself.cast(IndexerMsg::Step);
        })));
    }

    async fn gauge(&self) {
        if let Ok(Some(lag)) = self.ctx.store.read(search::lag).await {
            #[expect(clippy::cast_precision_loss, reason = "a gauge")]
            self.ctx.meters.index_lag.set(lag.events as f64);
        }
    }
}
