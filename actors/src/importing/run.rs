//! The actor of an import: keeps its work going, and breaks with it.

use std::sync::Arc;
use std::time::Duration;

use ractor::{Actor, ActorProcessingErr, ActorRef};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::AbortOnDropHandle;

use super::{ImportFiles, ImportPlace};
use crate::context::Context;
use crate::lists::Lists;
use crate::principal::Principal;
use crate::supervision::{Crash, StopReason};

/// How long the work may take to come to a commit's end when it is asked to stop.
const STOP_PATIENCE: Duration = Duration::from_secs(5);

/// What an import's actor is told.
pub(crate) enum RunMsg {
    /// The work is over.
    Over,
    /// The work panicked.
    Broke,
}

/// What it is started with.
pub(crate) struct RunArgs {
    pub(crate) ctx: Arc<Context>,
    pub(crate) files: Arc<dyn ImportFiles>,
    pub(crate) principal: Principal,
    pub(crate) place: ImportPlace,
}

/// An import's actor.
pub(crate) struct Run;

/// What it remembers.
pub(crate) struct Working {
    /// Ends what blocks in threads of its own as well, also when the actor is killed.
    stopping: DropGuard,
    work: Option<AbortOnDropHandle<()>>,
}

impl Actor for Run {
    type Msg = RunMsg;
    type State = Working;
    type Arguments = RunArgs;

    async fn pre_start(&self, myself: ActorRef<RunMsg>, args: RunArgs) -> Result<Working, ActorProcessingErr> {
        let RunArgs { ctx, files, principal, place } = args;
        let stopping = CancellationToken::new();
        let token = stopping.clone();
        let work = tokio::spawn(async move { files.run(&Lists::new(ctx), &principal, place, &token).await });
        let work = AbortOnDropHandle::new(work);
        let watched = tokio::spawn(async move {
            let told = if work.await.is_ok() { RunMsg::Over } else { RunMsg::Broke };
            // One that is gone needs no telling.
            let _ = myself.cast(told);
        });
        Ok(Working { stopping: stopping.drop_guard(), work: Some(AbortOnDropHandle::new(watched)) })
    }

    async fn handle(
        &self,
        myself: ActorRef<RunMsg>,
        message: RunMsg,
        _: &mut Working,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            RunMsg::Over => myself.stop(Some(StopReason::Done.as_str().to_owned())),
            RunMsg::Broke => return Err(Crash::Invariant("an import panicked").into()),
        }
        Ok(())
    }

    async fn post_stop(&self, _: ActorRef<RunMsg>, state: &mut Working) -> Result<(), ActorProcessingErr> {
        state.stopping.token().cancel();
        if let Some(work) = state.work.take() {
            // What is late is dropped with the actor.
            let _ = tokio::time::timeout(STOP_PATIENCE, work).await;
        }
        Ok(())
    }
}
