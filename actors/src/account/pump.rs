//! The tracked task that puts an account's messages on the wire, one after the other.

use std::sync::Arc;
use std::time::Duration;

use ractor::ActorRef;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;
use wasup_sessions::ports::{Link, Outgoing, SendError};
use wasup_store::id::MessageId;
use wasup_store::records::MessageRecord;
use wasup_store::repo::send::MAX_IN_FLIGHT;

use super::actor::AccountMsg;
use crate::supervision::Crash;
use crate::tray::Tray;

/// How an attempt to put a message on the wire ended.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) id: MessageId,
    pub(super) result: Result<(), SendError>,
}

/// The sending task of one link. Ends with this handle.
pub(super) struct Pump {
    number: u64,
    queue: mpsc::Sender<Vec<Outgoing>>,
    _task: AbortOnDropHandle<()>,
}

/// Tells the actor when the task ends by itself, which only a panic below makes it do.
struct Farewell {
    actor: ActorRef<AccountMsg>,
    number: u64,
}

impl Drop for Farewell {
    fn drop(&mut self) {
        let _ = self.actor.cast(AccountMsg::PumpGone(self.number));
    }
}

impl Pump {
    /// Starts the task. Each message may take `timeout`; results lie in `tray`.
    pub(super) fn start(
        number: u64,
        link: Arc<dyn Link>,
        tray: Arc<Tray<Report>>,
        actor: ActorRef<AccountMsg>,
        timeout: Duration,
    ) -> Self {
        // Every message in it is one in flight, so this many places are enough.
        let (queue, mut batches) = mpsc::channel::<Vec<Outgoing>>(2 * MAX_IN_FLIGHT);
        let farewell = Farewell { actor: actor.clone(), number };
        let task = tokio::spawn(async move {
            let _farewell = farewell;
            while let Some(batch) = batches.recv().await {
                for message in batch {
                    let sent = tokio::time::timeout(timeout, link.send(&message)).await;
                    let result = sent.unwrap_or(Err(SendError::TimedOut));
                    if tray.put(Report { id: message.id, result }) {
                        let _ = actor.cast(AccountMsg::Reports);
                    }
                }
            }
        });
        Self { number, queue, _task: AbortOnDropHandle::new(task) }
    }

    /// Whether this is the task with that number.
    pub(super) const fn is(&self, number: u64) -> bool {
        self.number == number
    }

    /// Hands messages over; they go out in this order.
    pub(super) fn hand_over(&self, batch: Vec<(MessageId, MessageRecord)>) -> Result<(), Crash> {
        if batch.is_empty() {
            return Ok(());
        }
        let outgoing = batch.into_iter().map(outgoing).collect();
        self.queue.try_send(outgoing).map_err(|_| Crash::Invariant("the sending task takes no message"))
    }
}

fn outgoing((id, record): (MessageId, MessageRecord)) -> Outgoing {
    Outgoing { id, provider_id: record.provider_id, chat: record.chat, content: record.content }
}
