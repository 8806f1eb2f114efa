//! Keeps the index of words up to date, where there is to be one, and clears it away where there is to be none any more.
//! The durable to-do is in the store: the event log with a place in it, and rows for what no event tells.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{sleep, timeout};
use wasup_store::repo::search;
use wasup_store::{Durability, StoreError, WriteTx};

use crate::context::Context;

/// Time between two looks where nothing came.
const LOOK: Duration = Duration::from_secs(1);

/// Indexes what comes, until the process ends; ends by itself where there is no index and nothing is left of one.
pub(crate) async fn index_what_came(ctx: Arc<Context>) {
    let on = ctx.settings.search_index;
    let mut durable = ctx.store.durable_position();
    loop {
        // Durable: after a power cut the place may not be further than what is indexed.
        let step = move |tx: &mut WriteTx<'_>| search::step(tx, on);
        match ctx.store.write::<_, StoreError, _>(Durability::Durable, step).await {
            Ok(done) => {
                ctx.meters.indexed.increment(done.messages);
                if done.more {
                    tokio::task::yield_now().await;
                    continue;
                }
                if !on {
                    return;
                }
                gauge(&ctx).await;
            }
            Err(error) => {
                tracing::warn!(%error, "the index of words waits");
                sleep(LOOK).await;
            }
        }
        // What comes at once is indexed at once, not one by one; a lost wake-up costs a second.
        drop(timeout(LOOK, durable.changed()).await);
    }
}

async fn gauge(ctx: &Context) {
    if let Ok(Some(lag)) = ctx.store.read(search::lag).await {
        #[expect(clippy::cast_precision_loss, reason = "a gauge")]
        ctx.meters.index_lag.set(lag.events as f64);
    }
}
