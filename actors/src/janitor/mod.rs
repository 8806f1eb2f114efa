//! The janitor: clears what deleted accounts, ended links and removed endpoints left behind, and rows whose time is
//! over. One store job a message, so that it never stands in anybody's way.

mod campaigns;
mod clearing;
mod jobs;
mod keeping;
mod retention;

use std::sync::Arc;
use std::time::Duration;

use ractor::{Actor, ActorProcessingErr, ActorRef, SupervisionEvent};
use wasup_store::repo::{account, expiry};
use wasup_store::shelf::ShelfError;
use wasup_store::{Durability, StoreError};

use crate::context::Context;
use crate::root::Beat;
use crate::supervision::{Crash, StoreTrouble};

use campaigns::OldCampaigns;
use clearing::Unfinished;
use jobs::OldJobs;
use keeping::{Keeping, erase, erase_pause};
use retention::{Left, Retention};

/// Time between two rounds.
const ROUND: Duration = Duration::from_secs(60);
/// Rows cleared in one job.
const STEP: usize = 500;
/// What the janitor is told.
pub(crate) enum JanitorMsg {
    /// There may be something to clear. One.
    Nudge,
    /// Time for a round. One.
    Round,
    /// Go on with what could not be done in one job. One.
    Purge,
    /// As [`Self::Purge`], for rows whose time is over.
    Expire,
    /// As [`Self::Purge`], for rows that are kept for a time of the config.
    Retain,
    /// As [`Self::Purge`], for files.
    Shelve,
    /// As [`Self::Purge`], for messages that were kept long enough.
    Forget,
    /// Time to erase what is not kept. One.
    Erase,
    /// Go on with chats that were being cleared when somebody died. One.
    Clear,
    /// The root asks for a sign of life. One.
    Ping(Beat),
    /// Break.
    #[cfg(test)]
    Fault(crate::accounts::Fault),
}

/// The janitor.
pub(crate) struct Janitor;

/// What it remembers.
pub(crate) struct Rounds {
    ctx: Arc<Context>,
    myself: ActorRef<JanitorMsg>,
    retention: Retention,
    keeping: Keeping,
    clearing: Unfinished,
    jobs: OldJobs,
    campaigns: OldCampaigns,
}

impl Actor for Janitor {
    type Msg = JanitorMsg;
    type State = Rounds;
    type Arguments = Arc<Context>;

    async fn pre_start(&self, myself: ActorRef<JanitorMsg>, ctx: Arc<Context>) -> Result<Rounds, ActorProcessingErr> {
        ctx.nudges.doors.janitor.open(myself.clone());
        Ok(Rounds {
            ctx,
            myself,
            retention: Retention::default(),
            keeping: Keeping::default(),
            clearing: Unfinished::default(),
            jobs: OldJobs::default(),
            campaigns: OldCampaigns::default(),
        })
    }

    async fn post_start(&self, myself: ActorRef<JanitorMsg>, _: &mut Rounds) -> Result<(), ActorProcessingErr> {
        myself.cast(JanitorMsg::Erase)?;
        Ok(myself.cast(JanitorMsg::Round)?)
    }

    async fn handle(
        &self,
        myself: ActorRef<JanitorMsg>,
        message: JanitorMsg,
        state: &mut Rounds,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            JanitorMsg::Nudge => {
                state.ctx.nudges.doors.janitor.answered();
                state.purge().await?;
                state.keeping.begin_anew();
                state.forget().await?;
            }
            JanitorMsg::Purge => state.purge().await?,
            JanitorMsg::Expire => state.expire().await?,
            JanitorMsg::Retain => state.retain().await?,
            JanitorMsg::Shelve => state.shelve().await?,
            JanitorMsg::Forget => state.forget().await?,
            JanitorMsg::Erase => state.erase().await?,
            JanitorMsg::Clear => state.clear().await?,
            JanitorMsg::Ping(beat) => beat.answer(),
            #[cfg(test)]
            JanitorMsg::Fault(fault) => fault.strike().await?,
            JanitorMsg::Round => {
                state.purge().await?;
                state.expire().await?;
                state.retain().await?;
                state.shelve().await?;
                state.forget().await?;
                state.clear().await?;
                myself.send_after(ROUND, || JanitorMsg::Round);
            }
        }
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        _: ActorRef<JanitorMsg>,
        _: SupervisionEvent,
        _: &mut Rounds,
    ) -> Result<(), ActorProcessingErr> {
        Ok(())
    }

    async fn post_stop(&self, myself: ActorRef<JanitorMsg>, state: &mut Rounds) -> Result<(), ActorProcessingErr> {
        state.ctx.nudges.doors.janitor.close(myself.get_id());
        Ok(())
    }
}

impl Rounds {
    async fn purge(&self) -> Result<(), Crash> {
        match self.ctx.store.write(Durability::Durable, |tx| account::purge_step(tx, STEP)).await {
            Ok(true) => {
                // Sends of an ended link may have been settled by it.
                self.ctx.nudges.deliveries();
                let _ = self.myself.cast(JanitorMsg::Purge);
                Ok(())
            }
            Ok(false) => Ok(()),
            Err(error) => weather(error),
        }
    }

    async fn expire(&self) -> Result<(), Crash> {
        let until_ms = match self.ctx.time.look(&self.ctx.store).await {
            Ok(Some(until_ms)) => until_ms,
            Ok(None) => return Ok(()),
            Err(error) => return weather(error),
        };
        match self.ctx.store.write(Durability::Durable, move |tx| expiry::prune(tx, until_ms, STEP)).await {
            Ok(STEP) => drop(self.myself.cast(JanitorMsg::Expire)),
            Ok(_) => {}
            Err(error) => return weather(error),
        }
        Ok(())
    }
}

impl Rounds {
    /// Files whose time is over, and those that are too many.
    async fn shelve(&self) -> Result<(), Crash> {
        let Some(files) = &self.ctx.files else { return Ok(()) };
        let until_ms = match self.ctx.time.look(&self.ctx.store).await {
            Ok(until_ms) => until_ms,
            Err(error) => return weather(error),
        };
        match files.shelf.expire(until_ms).await {
            Ok((0, _)) => Ok(()),
            Ok((files, bytes)) => {
                tracing::debug!(files, bytes, "files whose time is over were taken away");
                let _ = self.myself.cast(JanitorMsg::Shelve);
                Ok(())
            }
            Err(ShelfError::Store(error)) => weather(error),
            Err(error) => {
                tracing::error!(%error, "files whose time is over can't be taken away");
                Ok(())
            }
        }
    }

    /// Messages that were kept long enough, and those that are too many.
    async fn forget(&mut self) -> Result<(), Crash> {
        let Context { store, settings, meters, time, .. } = &*self.ctx;
        let until_ms = match time.look(store).await {
            Ok(Some(until_ms)) => until_ms,
            Ok(None) => return Ok(()),
            Err(error) => return weather(error),
        };
        match self.keeping.step(store, &settings.retention, until_ms, meters).await {
            Ok(Left::More) => drop(self.myself.cast(JanitorMsg::Forget)),
            Ok(Left::Nothing) => {}
            Err(error) => return weather(error),
        }
        Ok(())
    }

    /// Chats that whoever began to clear them did not come to the end of.
    async fn clear(&mut self) -> Result<(), Crash> {
        match self.clearing.step(&self.ctx.store).await {
            Ok(Left::More) => drop(self.myself.cast(JanitorMsg::Clear)),
            Ok(Left::Nothing) => {}
            Err(error) => return weather(error),
        }
        Ok(())
    }

    /// What messages said that are not kept, after it was delivered.
    async fn erase(&mut self) -> Result<(), Crash> {
        let Context { store, settings, meters, time, .. } = &*self.ctx;
        let step = match time.look(store).await {
            Ok(Some(until_ms)) => erase(store, until_ms, meters).await,
            Ok(None) => Ok(Left::Nothing),
            Err(error) => Err(error),
        };
        match step {
            Ok(Left::More) => drop(self.myself.cast(JanitorMsg::Erase)),
            Ok(Left::Nothing) | Err(_) => {
                self.myself.send_after(erase_pause(&settings.retention), || JanitorMsg::Erase);
            }
        }
        step.map_or_else(weather, |_| Ok(()))
    }

    async fn retain(&mut self) -> Result<(), Crash> {
        let Context { store, settings, meters, time, .. } = &*self.ctx;
        let until_ms = match time.look(store).await {
            Ok(until_ms) => until_ms,
            Err(error) => return weather(error),
        };
        match self.retention.step(store, &settings.retention, until_ms, meters).await {
            Ok(Left::More) => drop(self.myself.cast(JanitorMsg::Retain)),
            Ok(Left::Nothing) => {}
            Err(error) => return weather(error),
        }
        let Some(until_ms) = until_ms else { return Ok(()) };
        match self.jobs.step(store, settings.retention.jobs, until_ms, meters).await {
            // What hangs on them is cleared away by the same actor.
            Ok(Left::More) => drop(self.myself.cast(JanitorMsg::Retain)),
            Ok(Left::Nothing) => drop(self.myself.cast(JanitorMsg::Purge)),
            Err(error) => return weather(error),
        }
        match self.campaigns.step(&self.ctx, settings.retention.campaigns, until_ms).await {
            Ok(Left::More) => drop(self.myself.cast(JanitorMsg::Retain)),
            Ok(Left::Nothing) => drop(self.myself.cast(JanitorMsg::Purge)),
            Err(error) => return weather(error),
        }
        Ok(())
    }
}

fn weather(error: StoreError) -> Result<(), Crash> {
    let told = error.to_string();
    match StoreTrouble::from(error) {
        StoreTrouble::Crash(crash) => Err(crash),
        StoreTrouble::Stale | StoreTrouble::Outage => {
            tracing::error!(error = told, "the store does not work; clearing waits");
            Ok(())
        }
    }
}
