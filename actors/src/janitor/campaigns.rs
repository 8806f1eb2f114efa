//! Campaigns that were over long enough, and the files of those that are not over.

use std::time::Duration;

use tokio::time::Instant;
use wasup_store::id::{CampaignId, Millis};
use wasup_store::repo::campaign;
use wasup_store::{Durability, StoreError, WriteTx};

use super::retention::{Left, before};
use crate::context::Context;
use crate::meters::PrunedRows;

/// Campaigns looked at in one step.
const LOOKS: usize = 64;
/// Time between two walks over the campaigns.
const WALK: Duration = Duration::from_secs(600);

/// What is kept of it between two steps.
#[derive(Debug, Default)]
pub(super) struct OldCampaigns {
    after: Option<CampaignId>,
    walked: Option<Instant>,
}

impl OldCampaigns {
    /// One step.
    pub(super) async fn step(&mut self, ctx: &Context, keep: Duration, now_ms: Millis) -> Result<Left, StoreError> {
        let now = Instant::now();
        if self.after.is_none() {
            if self.walked.is_some_and(|walked| now.duration_since(walked) < WALK) {
                return Ok(Left::Nothing);
            }
            self.walked = Some(now);
        }
        let (after, before_ms) = (self.after, before(now_ms, keep));
        let walked = ctx.store.read(|tx| campaign::walk(tx, after, before_ms, LOOKS)).await?;
        if !walked.over.is_empty() {
            let (over, count) = (walked.over, u64::try_from(LOOKS).unwrap_or_default());
            let count = count.min(over.len() as u64);
            let drop =
                move |tx: &mut WriteTx<'_>| over.iter().try_for_each(|id| campaign::delete(tx, *id, now_ms).map(drop));
            ctx.store.write::<_, StoreError, _>(Durability::Durable, drop).await?;
            ctx.meters.pruned.add(PrunedRows::Campaigns, count);
        }
        // What is still to be sent must be there when it is.
        if let Some(files) = &ctx.files {
            for id in walked.files {
                if let Err(error) = files.shelf.prolong(id).await {
                    tracing::warn!(file = %id, %error, "the file of a campaign is not kept for longer");
                }
            }
        }
        self.after = walked.next;
        Ok(if walked.next.is_some() { Left::More } else { Left::Nothing })
    }
}
