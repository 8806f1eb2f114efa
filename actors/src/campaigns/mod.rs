//! The supervisor over campaigns. Bulk sending is not there yet, so it has no children; its place in the tree, its policy
//! and its heartbeat are those that it will have.

use std::sync::Arc;

use ractor::{Actor, ActorProcessingErr, ActorRef, SupervisionEvent};

use crate::context::Context;
use crate::root::Beat;

/// What the supervisor over campaigns is told.
pub(crate) enum CampaignsMsg {
    /// The root asks for a sign of life. One.
    Ping(Beat),
    /// Break.
    #[cfg(test)]
    Fault(crate::accounts::Fault),
}

/// The supervisor over campaigns.
pub(crate) struct CampaignsSupervisor;

impl Actor for CampaignsSupervisor {
    type Msg = CampaignsMsg;
    type State = ();
    type Arguments = Arc<Context>;

    async fn pre_start(&self, _: ActorRef<CampaignsMsg>, _: Arc<Context>) -> Result<(), ActorProcessingErr> {
        Ok(())
    }

    async fn handle(
        &self,
        _: ActorRef<CampaignsMsg>,
        message: CampaignsMsg,
        (): &mut (),
    ) -> Result<(), ActorProcessingErr> {
        match message {
            CampaignsMsg::Ping(beat) => beat.answer(),
            #[cfg(test)]
            CampaignsMsg::Fault(fault) => fault.strike().await?,
        }
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        _: ActorRef<CampaignsMsg>,
        _: SupervisionEvent,
        (): &mut (),
    ) -> Result<(), ActorProcessingErr> {
        // The default would stop it when a child ends.
        Ok(())
    }
}
