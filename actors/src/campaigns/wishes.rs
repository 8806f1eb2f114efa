//! What can be done to a campaign, by somebody or by its time.

use wasup_store::id::{CampaignId, Millis};
use wasup_store::repo::campaign::{self, Wished};
use wasup_store::{Durability, StoreError, WriteTx};

pub use wasup_store::repo::campaign::Wish as CampaignWish;

use super::{CampaignError, CampaignSeen, Campaigns};
use crate::context::Context;
use crate::principal::Principal;

/// Campaigns that are started at once.
const STARTED_AT_ONCE: usize = 64;

impl Campaigns {
    /// Starts, pauses, resumes or stops a campaign.
    ///
    /// # Errors
    /// [`CampaignError::Stands`] where that can't be done.
    pub async fn wish(
        &self,
        principal: &Principal,
        id: CampaignId,
        wish: CampaignWish,
    ) -> Result<CampaignSeen, CampaignError> {
        self.get(principal, id).await?;
        let now_ms = self.ctx.store.now_ms();
        let wished = self.write(principal, move |tx| campaign::wish(tx, id, wish, now_ms)).await?;
        self.ctx.nudges.campaign(id);
        self.ctx.nudges.scheduler();
        self.ctx.nudges.deliveries();
        match wished {
            Wished::Done(_) => self.get(principal, id).await,
            Wished::Cant(state) => Err(CampaignError::Stands(state)),
            Wished::NoSender => Err(CampaignError::NoSender),
            Wished::Unknown => Err(CampaignError::NotFound),
        }
    }
}

/// Starts the campaigns whose time has come; those that are late only while the clock is believed. Answers whether there may be
/// more of them.
pub(crate) async fn start_due(ctx: &Context, now_ms: Millis) -> Result<bool, StoreError> {
    let due = ctx.store.read(|tx| campaign::due(tx, now_ms, STARTED_AT_ONCE)).await?;
    if due.is_empty() {
        return Ok(false);
    }
    let grace_ms = u64::try_from(ctx.settings.schedules.grace.as_millis()).unwrap_or(u64::MAX);
    let oldest_ms = match ctx.time.look(&ctx.store).await? {
        Some(_) => 0,
        None => now_ms.saturating_sub(grace_ms),
    };
    for (_, id) in due.iter().filter(|(at_ms, _)| *at_ms >= oldest_ms) {
        let id = *id;
        let start = move |tx: &mut WriteTx<'_>| campaign::start_due(tx, id, now_ms);
        if ctx.store.write::<_, StoreError, _>(Durability::Durable, start).await? {
            ctx.nudges.campaign(id);
        }
    }
    ctx.nudges.deliveries();
    Ok(true)
}
