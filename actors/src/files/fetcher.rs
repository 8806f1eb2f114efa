//! The branch of the tree that fetches received files before anybody asks: it keeps the work going and breaks with it, so that
//! the root starts it again.

use std::sync::Arc;

use ractor::{Actor, ActorProcessingErr, ActorRef, SupervisionEvent};
use tokio_util::task::AbortOnDropHandle;

use super::auto::fetch_what_came;
use crate::context::Context;
use crate::root::Beat;
use crate::supervision::Crash;

/// What the fetcher is told.
pub(crate) enum FetcherMsg {
    /// The work ended by itself, which it does only when it panics. One.
    Broke,
    /// The root asks for a sign of life. One.
    Ping(Beat),
    /// Break.
    #[cfg(test)]
    Fault(crate::accounts::Fault),
}

/// The fetcher.
pub(crate) struct Fetcher;

impl Actor for Fetcher {
    type Msg = FetcherMsg;
    /// The work, which ends with the actor.
    type State = Option<AbortOnDropHandle<()>>;
    type Arguments = Arc<Context>;

    async fn pre_start(
        &self,
        myself: ActorRef<FetcherMsg>,
        ctx: Arc<Context>,
    ) -> Result<Self::State, ActorProcessingErr> {
        let auto = ctx.files.as_ref().map(|ports| ports.auto.clone()).filter(|auto| !auto.kinds.is_empty());
        let Some(auto) = auto else { return Ok(None) };
        // Downloads take minutes, and a sign of life must not: they run beside the mailbox.
        let work = AbortOnDropHandle::new(tokio::spawn(fetch_what_came(ctx, auto)));
        Ok(Some(AbortOnDropHandle::new(tokio::spawn(async move {
            let _ended = work.await;
            let _ = myself.cast(FetcherMsg::Broke);
        }))))
    }

    async fn handle(
        &self,
        _: ActorRef<FetcherMsg>,
        message: FetcherMsg,
        _: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            FetcherMsg::Broke => return Err(Crash::Invariant("the fetching of files ended").into()),
            FetcherMsg::Ping(beat) => beat.answer(),
            #[cfg(test)]
            FetcherMsg::Fault(fault) => fault.strike().await?,
        }
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        _: ActorRef<FetcherMsg>,
        _: SupervisionEvent,
        _: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        // The default would stop it when a child ends.
        Ok(())
    }
}
