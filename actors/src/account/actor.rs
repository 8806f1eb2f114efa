//! The account's actor: moves messages, decides nothing.

use std::sync::Arc;

use ractor::{Actor, ActorProcessingErr, ActorRef, SupervisionEvent};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;
use wasup_sessions::ports::Link;
use wasup_store::StoreError;
use wasup_store::id::{AccountId, AccountNo};
use wasup_store::repo::account;

use super::incarnation::Incarnation;
use super::lease::EventBatch;
use crate::accounts::SupervisorMsg;
use crate::context::Context;
use crate::principal::Asker;
use crate::supervision::{Crash, StopReason};

/// What an account's actor is told. How many of each can wait is said with each.
pub(crate) enum AccountMsg {
    /// Take the account over and open its link. Once.
    Begin,
    /// The link is open. Once a link.
    LinkOpened(Arc<dyn Link>),
    /// The link could not be opened. Once a link.
    LinkFailed(Crash),
    /// What the link reported. Four batches, by permit.
    Events(EventBatch),
    /// The link is closed and its lease is free. Once a link.
    LinkGone,
    /// Results of sends lie in the tray. One.
    Reports,
    /// The sending task ended. Once a link.
    PumpGone(u64),
    /// There may be work. One.
    Nudge,
    /// Something was changed about the account. One an ask.
    Settings,
    /// Somebody wants a pairing code. One.
    CodeWanted,
    /// Time to look at deadlines. One.
    Alarm,
    /// The supervisor asks for a sign of life. One.
    Ping(u64),
    /// Stop in good order. Once from each of the few who may.
    Close(Close),
    /// Break.
    #[cfg(any(test, feature = "fault-injection"))]
    Fault(crate::accounts::Fault),
}

/// How to stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Close {
    pub(crate) reason: StopReason,
    /// Remove the device at the network too.
    pub(crate) log_out: bool,
    /// Who asked for it.
    pub(crate) by: Option<Asker>,
}

impl Close {
    /// A stop that no request asked for.
    pub(crate) fn because(reason: StopReason) -> Self {
        let log_out = matches!(reason, StopReason::LogOut | StopReason::Deleted | StopReason::SamePhone);
        Self { reason, log_out, by: None }
    }

    /// ... that somebody asked for.
    pub(crate) fn asked(reason: StopReason, by: Option<Asker>) -> Self {
        Self { by, ..Self::because(reason) }
    }
}

/// What an incarnation is started with.
pub(crate) struct AccountArgs {
    pub(crate) ctx: Arc<Context>,
    pub(crate) supervisor: ActorRef<SupervisorMsg>,
    pub(crate) id: AccountId,
    pub(crate) no: AccountNo,
    pub(crate) generation: u64,
    /// Cancelled by the supervisor when this incarnation is over, so that its link closes in any case.
    pub(crate) token: CancellationToken,
    /// Who asked for the start.
    pub(crate) by: Option<Asker>,
}

/// The actor of one account.
pub(crate) struct AccountActor;

impl Actor for AccountActor {
    type Msg = AccountMsg;
    type State = Incarnation;
    type Arguments = AccountArgs;

    async fn pre_start(
        &self,
        myself: ActorRef<AccountMsg>,
        args: AccountArgs,
    ) -> Result<Incarnation, ActorProcessingErr> {
        let id = args.id.clone();
        let known = args.ctx.store.read(|tx| account::get(tx, &id)).await.map_err(Crash::Rows)?;
        known.filter(|record| record.no == args.no).ok_or(Crash::Rows(StoreError::StaleEpoch))?;
        Ok(Incarnation::new(args, myself))
    }

    async fn post_start(&self, myself: ActorRef<AccountMsg>, _: &mut Incarnation) -> Result<(), ActorProcessingErr> {
        Ok(myself.cast(AccountMsg::Begin)?)
    }

    async fn handle(
        &self,
        _: ActorRef<AccountMsg>,
        message: AccountMsg,
        state: &mut Incarnation,
    ) -> Result<(), ActorProcessingErr> {
        let span = tracing::info_span!("account", account.id = %state.id, generation = state.generation);
        let handled = match message {
            AccountMsg::Begin => state.begin().instrument(span).await,
            AccountMsg::LinkOpened(link) => {
                state.on_link_opened(link);
                Ok(())
            }
            AccountMsg::LinkFailed(crash) => Err(crash),
            AccountMsg::Events(batch) => state.on_events(batch).instrument(span).await,
            AccountMsg::LinkGone => state.on_link_gone().instrument(span).await,
            AccountMsg::Reports => state.on_reports().instrument(span).await,
            AccountMsg::PumpGone(number) => state.on_pump_gone(number),
            AccountMsg::Nudge => state.on_nudge().instrument(span).await,
            AccountMsg::Settings => state.on_settings().instrument(span).await,
            AccountMsg::CodeWanted => {
                state.ask_for_code();
                Ok(())
            }
            AccountMsg::Alarm => state.on_alarm().instrument(span).await,
            AccountMsg::Ping(generation) => {
                state.pong(generation);
                Ok(())
            }
            AccountMsg::Close(close) => state.on_close(close).instrument(span).await,
            #[cfg(any(test, feature = "fault-injection"))]
            AccountMsg::Fault(fault) => fault.strike().await,
        };
        // The one place where an error ends the actor, and it can only be a `Crash`.
        Ok(handled?)
    }

    async fn handle_supervisor_evt(
        &self,
        _: ActorRef<AccountMsg>,
        _: SupervisionEvent,
        _: &mut Incarnation,
    ) -> Result<(), ActorProcessingErr> {
        // It has no children; the default would stop it when a stranger's child ends.
        Ok(())
    }
}
