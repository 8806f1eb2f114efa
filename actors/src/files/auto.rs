//! Received files that are fetched before anybody asks. The durable to-do is the event log itself: a place in it is kept,
//! and whatever came after it and has a file of a wanted kind is fetched.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use tokio::time::sleep;
use wasup_store::id::{MessageId, Position};
use wasup_store::records::{Direction, EventData};
use wasup_store::repo::{event, media};
use wasup_store::{Durability, StoreError, WriteTx};

use super::of_message::{FileError, of_message};
use crate::context::Context;

/// Events looked at in one step.
const STEP: usize = 200;

/// Files fetched at once.
const AT_ONCE: usize = 4;

/// Time between two looks where nothing came.
const LOOK: Duration = Duration::from_secs(1);

/// Tries of one file while its account is not connected, and the wait between them. Afterwards it is fetched when somebody
/// asks for it.
const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_secs(5);

/// Fetches what came, until the process ends. Ends at once where nothing is to be fetched.
pub(crate) async fn fetch_what_came(ctx: Arc<Context>) {
    let Some(auto) = ctx.files.as_ref().map(|ports| ports.auto.clone()).filter(|auto| !auto.kinds.is_empty()) else {
        return;
    };
    let mut durable = ctx.store.durable_position();
    loop {
        match step(&ctx, &auto).await {
            Ok(true) => {}
            // A new event may hold a file; a lost wake-up costs a second.
            Ok(false) => drop(tokio::time::timeout(LOOK, durable.changed()).await),
            Err(error) => {
                tracing::warn!(%error, "received files are not fetched for now");
                sleep(LOOK).await;
            }
        }
    }
}

/// One step; answers whether there was anything to look at.
async fn step(ctx: &Arc<Context>, auto: &super::AutoFetch) -> Result<bool, StoreError> {
    let read = |tx: &wasup_store::ReadTx<'_>| {
        // Where nothing was fetched yet it begins with what comes from now on.
        let from = match media::fetched_to(tx)? {
            Some(from) => from,
            None => event::last(tx)?,
        };
        Ok::<_, StoreError>((from, event::page(tx, from, STEP)?))
    };
    let (from, page) = ctx.store.read_durable(read).await?;
    let to = page.last().map_or(from, |(position, _)| *position);
    let wanted: Vec<MessageId> = page
        .into_iter()
        .filter_map(|(_, event)| match event.data {
            EventData::Message(message) if message.direction == Direction::Inbound => {
                let media = message.content.media()?;
                let wanted = auto.kinds.iter().any(|kind| kind == "all" || kind == message.content.kind());
                (wanted && media.size <= auto.max && media.remote.is_some()).then_some(message.id)
            }
            _ => None,
        })
        .collect();
    let found = to != from;
    futures_util::stream::iter(wanted).for_each_concurrent(AT_ONCE, |id| fetch(ctx, id)).await;
    note(ctx, to).await?;
    Ok(found)
}

async fn note(ctx: &Context, to: Position) -> Result<(), StoreError> {
    let note = move |tx: &mut WriteTx<'_>| media::note_fetched_to(tx, to);
    ctx.store.write::<_, StoreError, _>(Durability::Relaxed, note).await
}

async fn fetch(ctx: &Context, id: MessageId) {
    for _ in 0..TRIES {
        match of_message(ctx, None, id).await {
            Err(FileError::Ask(error)) => {
                tracing::debug!(%error, "a received file is not fetched yet");
                sleep(PAUSE).await;
            }
            Err(error) => {
                tracing::info!(%error, "a received file was not fetched");
                return;
            }
            Ok(_) => return,
        }
    }
}
