//! Received files that are fetched before anybody asks. The durable to-do is the event log up to a place that is kept, and from
//! there on the due index: a file stands in it until it is here or can't be had.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use tokio::time::sleep;
use wasup_store::id::{MessageId, Millis, Position};
use wasup_store::records::{Direction, EventData};
use wasup_store::repo::due::{self, DueKind};
use wasup_store::repo::{event, media};
use wasup_store::{Durability, StoreError, WriteTx};

use super::AutoFetch;
use super::of_message::{FileError, of_message};
use crate::context::Context;

/// Events looked at in one step.
const STEP: usize = 200;

/// Files fetched at once.
const AT_ONCE: usize = 4;

/// Time between two looks where nothing came.
const LOOK: Duration = Duration::from_secs(1);

/// The shortest and the longest wait before a file is tried again while its account is not connected or the network says to
/// come back: as long as the message is old, so that waits double.
const WAITS: (Millis, Millis) = (5_000, 3_600_000);

/// A message so old is not tried again by itself. The file is fetched when somebody asks for it.
const GIVEN_UP: Millis = 7 * 86_400_000;

/// Fetches what came, until it is aborted.
pub(crate) async fn fetch_what_came(ctx: Arc<Context>, auto: AutoFetch) {
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

/// One step; answers whether there was anything to do.
async fn step(ctx: &Arc<Context>, auto: &AutoFetch) -> Result<bool, StoreError> {
    let came = take_in(ctx, auto).await?;
    let now_ms = ctx.store.now_ms();
    let ripe = ctx.store.read(|tx| due::ripe(tx, DueKind::Fetch, now_ms, AT_ONCE)).await?;
    let any = !ripe.is_empty();
    let tried = futures_util::stream::iter(ripe).map(|(at_ms, id)| attempt(ctx, at_ms, id)).buffer_unordered(AT_ONCE);
    for tried in tried.collect::<Vec<_>>().await {
        tried?;
    }
    Ok(came || any)
}

/// Notes what came and is wanted; answers whether anything came.
async fn take_in(ctx: &Context, auto: &AutoFetch) -> Result<bool, StoreError> {
    let read = |tx: &wasup_store::ReadTx<'_>| {
        // Where nothing was fetched yet it begins with what comes from now on.
        let from = match media::fetched_to(tx)? {
            Some(from) => from,
            None => event::last(tx)?,
        };
        Ok::<_, StoreError>((from, event::page(tx, from, STEP)?, media::fetched_to(tx)?.is_some()))
    };
    let (from, page, begun) = ctx.store.read_durable(read).await?;
    let to = page.last().map_or(from, |(position, _)| *position);
    if to == from && begun {
        return Ok(false);
    }
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
    note(ctx, wanted, to).await?;
    Ok(true)
}

async fn note(ctx: &Context, wanted: Vec<MessageId>, to: Position) -> Result<(), StoreError> {
    let now_ms = ctx.store.now_ms();
    let job = move |tx: &mut WriteTx<'_>| {
        for id in &wanted {
            due::reset(tx, DueKind::Fetch, &id.to_bytes(), None, Some(now_ms))?;
        }
        media::note_fetched_to(tx, to)
    };
    ctx.store.write::<_, StoreError, _>(Durability::Relaxed, job).await
}

/// Tries one file, and notes when it is to be tried again.
async fn attempt(ctx: &Context, at_ms: Millis, key: Vec<u8>) -> Result<(), StoreError> {
    let again = match MessageId::from_bytes(&key) {
        Some(id) => fetch(ctx, id).await,
        None => None,
    };
    let job = move |tx: &mut WriteTx<'_>| due::reset(tx, DueKind::Fetch, &key, Some(at_ms), again);
    ctx.store.write::<_, StoreError, _>(Durability::Relaxed, job).await
}

/// Fetches a file; answers when it is to be tried again, where it is.
async fn fetch(ctx: &Context, id: MessageId) -> Option<Millis> {
    match of_message(ctx, None, id).await {
        Ok(_) => None,
        Err(FileError::Ask(error)) => {
            tracing::debug!(%error, "a received file is not fetched yet");
            try_again(id.key.ts_ms, ctx.store.now_ms())
        }
        Err(error) => {
            tracing::info!(%error, "a received file was not fetched");
            None
        }
    }
}

/// When a file of a message of some age is tried again, where it is.
fn try_again(written_ms: Millis, now_ms: Millis) -> Option<Millis> {
    let age = now_ms.saturating_sub(written_ms);
    (age < GIVEN_UP).then(|| now_ms.saturating_add(age.clamp(WAITS.0, WAITS.1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_with_age_and_end() {
        let day = 86_400_000;
        for (age, wait) in [(0, Some(5_000)), (60_000, Some(60_000)), (day, Some(3_600_000)), (8 * day, None)] {
            assert_eq!(try_again(100 * day, 100 * day + age).map(|at| at - 100 * day - age), wait, "{age}");
        }
    }
}
