//! The dispatcher: claims due deliveries, sends workers, commits what they bring home. Deliveries live in the store;
//! losing everything in here costs time, never a delivery.

use std::sync::Arc;

use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort, SupervisionEvent};
use rand::rngs::StdRng;
use tokio::task::JoinSet;
use wasup_store::StoreError;
use wasup_store::id::EndpointId;
use wasup_store::repo::schema;

use super::lane::Lanes;
use super::worker::Attempted;
use crate::alarm::Alarm;
use crate::context::Context;
use crate::root::Beat;
use crate::supervision::{Crash, StoreTrouble};
use crate::tray::Tray;

/// What the dispatcher is told.
pub(crate) enum DispatcherMsg {
    /// There may be work. One.
    Nudge,
    /// Time to look for work. One.
    Alarm,
    /// Workers came home. One.
    Attempted,
    /// Somebody resumed an endpoint or replays something of it: the breaker's wait is over. One for each request.
    Forgive(EndpointId),
    /// A replay of many runs. One.
    Replay,
    /// The root asks for a sign of life. One.
    Ping(Beat),
    /// Break.
    #[cfg(test)]
    Fault(crate::accounts::Fault),
    /// Claim nothing any more; answered when no worker is out. One.
    Drain(RpcReplyPort<()>),
}

/// The dispatcher.
pub(crate) struct Dispatcher;

/// What it remembers.
pub(crate) struct Dispatching {
    pub(super) ctx: Arc<Context>,
    pub(super) myself: ActorRef<DispatcherMsg>,
    pub(super) incarnation: u64,
    pub(super) lanes: Lanes,
    pub(super) out: usize,
    pub(super) workers: JoinSet<()>,
    pub(super) tray: Arc<Tray<Attempted>>,
    pub(super) alarm: Alarm,
    pub(super) draining: bool,
    pub(super) drained: Option<RpcReplyPort<()>>,
    pub(super) rng: StdRng,
}

impl Actor for Dispatcher {
    type Msg = DispatcherMsg;
    type State = Dispatching;
    type Arguments = Arc<Context>;

    async fn pre_start(
        &self,
        myself: ActorRef<DispatcherMsg>,
        ctx: Arc<Context>,
    ) -> Result<Dispatching, ActorProcessingErr> {
        let identity = ctx.store.read(schema::identity).await.map_err(Crash::Rows)?;
        ctx.nudges.doors.dispatcher.open(myself.clone());
        // The breakers' memory begins anew.
        ctx.meters.endpoints_probed.set(0.0);
        let breaker = ctx.settings.webhooks.breaker;
        Ok(Dispatching {
            ctx,
            myself,
            incarnation: identity.incarnation,
            lanes: Lanes::new(breaker),
            out: 0,
            workers: JoinSet::new(),
            tray: Arc::new(Tray::new()),
            alarm: Alarm::default(),
            draining: false,
            drained: None,
            rng: rand::make_rng(),
        })
    }

    async fn post_start(&self, myself: ActorRef<DispatcherMsg>, _: &mut Dispatching) -> Result<(), ActorProcessingErr> {
        // Also takes back the deliveries of a former life whose leases have ended, and goes on with its replays.
        myself.cast(DispatcherMsg::Nudge)?;
        Ok(myself.cast(DispatcherMsg::Replay)?)
    }

    async fn handle(
        &self,
        _: ActorRef<DispatcherMsg>,
        message: DispatcherMsg,
        state: &mut Dispatching,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            DispatcherMsg::Nudge => {
                state.ctx.nudges.doors.dispatcher.answered();
                state.dispatch().await?;
            }
            DispatcherMsg::Alarm => {
                state.alarm.rang();
                state.dispatch().await?;
            }
            DispatcherMsg::Attempted => {
                state.settle().await?;
                state.dispatch().await?;
            }
            DispatcherMsg::Forgive(endpoint) => {
                state.forgive(endpoint);
                state.dispatch().await?;
            }
            DispatcherMsg::Replay => {
                state.replay().await?;
                state.dispatch().await?;
            }
            DispatcherMsg::Ping(beat) => beat.answer(),
            #[cfg(test)]
            DispatcherMsg::Fault(fault) => fault.strike().await?,
            DispatcherMsg::Drain(done) => {
                state.draining = true;
                state.drained = Some(done);
            }
        }
        state.end_drain();
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        _: ActorRef<DispatcherMsg>,
        _: SupervisionEvent,
        _: &mut Dispatching,
    ) -> Result<(), ActorProcessingErr> {
        Ok(())
    }

    async fn post_stop(
        &self,
        myself: ActorRef<DispatcherMsg>,
        state: &mut Dispatching,
    ) -> Result<(), ActorProcessingErr> {
        state.ctx.nudges.doors.dispatcher.close(myself.get_id());
        Ok(())
    }
}

/// A store error inside a turn: only what makes the actor's memory worthless ends it.
pub(super) fn weather(error: StoreError) -> Result<(), Crash> {
    let told = error.to_string();
    match StoreTrouble::from(error) {
        StoreTrouble::Crash(crash) => Err(crash),
        StoreTrouble::Stale | StoreTrouble::Outage => {
            tracing::error!(error = told, "the store does not work; deliveries wait");
            Ok(())
        }
    }
}
