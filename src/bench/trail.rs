//! The way of each message, read from the event log after the run, so that reading it costs the run nothing.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use wasup_store::StoreError;
use wasup_store::id::Position;
use wasup_store::records::{Content, EventData, EventKind, EventRecord, MessageState};
use wasup_store::repo::event;

use super::figures::Times;
use super::stage::Stage;

/// Events of one look at the log.
const PAGE: usize = 1_000;

/// What the log says of a run.
#[derive(Default)]
pub(super) struct Trail {
    /// Different messages of the run that the hook committed.
    pub(super) received: u64,
    /// From the first acceptance to the last commit of the hook.
    pub(super) took: Option<Duration>,
    /// When the last one was committed.
    pub(super) last: Option<Instant>,
    /// From the commit of the 202 to the commit of the hook.
    pub(super) send_to_decrypt: Times,
    /// From the commit of the event to the first byte at the receiver.
    pub(super) commit_to_webhook: Times,
}

/// What is kept while the log is read.
#[derive(Default)]
struct Reading {
    trail: Trail,
    /// By the network's id: the same at both ends.
    accepted: HashMap<String, Instant>,
    first: Option<Instant>,
    seen: HashSet<String>,
}

impl Trail {
    /// Reads the log after a position; messages of the run begin with `prefix`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(super) async fn read(stage: &Stage, after: Position, prefix: &str) -> Result<Self, StoreError> {
        let (mut reading, mut after) = (Reading::default(), after);
        loop {
            let page = stage.gateway.store().read(|tx| event::page(tx, after, PAGE)).await?;
            let Some((last, _)) = page.last() else { break };
            after = *last;
            for (position, record) in &page {
                reading.note(stage, *position, record, prefix);
            }
        }
        let Reading { mut trail, first, .. } = reading;
        trail.took = first.zip(trail.last).map(|(first, last)| last.duration_since(first));
        Ok(trail)
    }
}

impl Reading {
    fn note(&mut self, stage: &Stage, position: Position, record: &EventRecord, prefix: &str) {
        // Everything the run waited for is on disk; what is not yet does not belong to it.
        let Some(at) = stage.commits.at(position) else { return };
        match &record.data {
            EventData::Status(status) if status.state == MessageState::Queued => {
                self.first = Some(self.first.map_or(at, |first| first.min(at)));
                self.accepted.insert(status.provider_id.clone(), at);
            }
            EventData::Message(message) if record.kind == EventKind::MessageReceived => {
                let of_run = matches!(&message.content, Content::Text { body, .. } if body.starts_with(prefix));
                if !of_run || !self.seen.insert(message.provider_id.clone()) {
                    return;
                }
                self.trail.received += 1;
                self.trail.last = self.trail.last.max(Some(at));
                if let Some(accepted) = self.accepted.get(&message.provider_id) {
                    self.trail.send_to_decrypt.note(at.saturating_duration_since(*accepted));
                }
                if let Some(told) = stage.receiver.told(&message.id.to_string()) {
                    self.trail.commit_to_webhook.note(told.at.saturating_duration_since(at));
                }
            }
            _ => {}
        }
    }
}
