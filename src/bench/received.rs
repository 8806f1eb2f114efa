//! Received messages of a run, read from the event log.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use wasup_store::StoreError;
use wasup_store::id::Position;
use wasup_store::records::{Content, EventData, EventKind, EventRecord};
use wasup_store::repo::event;

use super::stage::Stage;

/// Events of one look at the log.
const PAGE: usize = 1_000;
/// Time between two looks.
const LOOK: Duration = Duration::from_millis(50);
/// How long nothing may come before the rest counts as lost.
const PATIENCE: Duration = Duration::from_secs(30);

/// A received message.
#[derive(Debug, Clone)]
pub(super) struct Received {
    /// Our id of it.
    pub message: String,
    /// Its event.
    pub position: Position,
    /// The place of its account.
    pub place: u16,
}

/// The messages of a run after a position, by the network's id, once there are so many or no more come.
///
/// # Errors
/// [`StoreError`].
pub(super) async fn received(
    stage: &Stage,
    after: Position,
    prefix: &str,
    expected: u64,
) -> Result<HashMap<String, Received>, StoreError> {
    let (mut found, mut after, mut changed) = (HashMap::new(), after, Instant::now());
    while (found.len() as u64) < expected && changed.elapsed() < PATIENCE {
        let from = after;
        let page = stage.gateway.store().read(move |tx| event::page(tx, from, PAGE)).await?;
        let Some((last, _)) = page.last() else {
            tokio::time::sleep(LOOK).await;
            continue;
        };
        (after, changed) = (*last, Instant::now());
        found.extend(page.iter().filter_map(|(position, record)| of_run(stage, *position, record, prefix)));
    }
    Ok(found)
}

fn of_run(stage: &Stage, position: Position, record: &EventRecord, prefix: &str) -> Option<(String, Received)> {
    let EventData::Message(message) = &record.data else { return None };
    let of_run = matches!(&message.content, Content::Text { body, .. } if body.starts_with(prefix));
    if record.kind != EventKind::MessageReceived || !of_run {
        return None;
    }
    let account = record.account.as_ref()?.as_str();
    let place = stage.players.iter().position(|player| player.account == account)?;
    let place = u16::try_from(place).ok()?;
    Some((message.provider_id.clone(), Received { message: message.id.to_string(), position, place }))
}
