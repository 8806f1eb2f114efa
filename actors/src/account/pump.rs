//! The tracked tasks that put an account's messages on the wire: a chat's one after the other, several chats at once, so
//! that a first contact, whose keys have to be fetched, holds up only its own lane.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
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
use super::lane::{Lane, chat_of};
use crate::supervision::Crash;
use crate::tray::Tray;

/// How an attempt to put a message on the wire ended.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) id: MessageId,
    pub(super) result: Result<(), SendError>,
}

/// Chats that are sent to at once. Encrypting is short; what a lane waits for is the network.
const LANES: u64 = 4;

/// The sending tasks of one link. They end with this handle.
pub(super) struct Pump {
    number: u64,
    link: Arc<dyn Link>,
    lanes: Vec<Way>,
}

/// A task, and the way to it.
struct Way {
    queue: mpsc::Sender<Vec<Outgoing>>,
    _task: AbortOnDropHandle<()>,
}

/// Tells the actor when a task ends by itself, which only a panic below makes it do.
pub(super) struct Farewell {
    pub(super) actor: ActorRef<AccountMsg>,
    number: u64,
}

impl Drop for Farewell {
    fn drop(&mut self) {
        let _ = self.actor.cast(AccountMsg::PumpGone(self.number));
    }
}

impl Pump {
    /// Starts the tasks. Each message may take `timeout`; results lie in `tray`.
    pub(super) fn start(
        number: u64,
        link: &Arc<dyn Link>,
        tray: &Arc<Tray<Report>>,
        actor: &ActorRef<AccountMsg>,
        timeout: Duration,
    ) -> Self {
        let lane = |_| {
            // Every message in it is one in flight, so this many places are enough.
            let (queue, batches) = mpsc::channel::<Vec<Outgoing>>(2 * MAX_IN_FLIGHT);
            let farewell = Farewell { actor: actor.clone(), number };
            let lane = Lane { link: Arc::clone(link), tray: Arc::clone(tray), farewell, timeout };
            let task = tokio::spawn(lane.run(batches));
            Way { queue, _task: AbortOnDropHandle::new(task) }
        };
        Self { number, link: Arc::clone(link), lanes: (0..LANES).map(lane).collect() }
    }

    /// Asks the network what it restricts.
    pub(super) fn ask_restriction(&self) {
        self.link.ask_restriction();
    }

    /// Whether these are the tasks with that number.
    pub(super) const fn is(&self, number: u64) -> bool {
        self.number == number
    }

    /// Hands messages over; those of a chat go out in this order.
    pub(super) fn hand_over(&self, batch: Vec<(MessageId, MessageRecord)>) -> Result<(), Crash> {
        let mut parts: Vec<Vec<Outgoing>> = self.lanes.iter().map(|_| Vec::new()).collect();
        for message in batch {
            let message = outgoing(message);
            let lane = lane(chat_of(&message));
            parts[usize::try_from(lane).unwrap_or_default()].push(message);
        }
        for (lane, part) in self.lanes.iter().zip(parts).filter(|(_, part)| !part.is_empty()) {
            lane.queue.try_send(part).map_err(|_| Crash::Invariant("a sending task takes no message"))?;
        }
        Ok(())
    }
}

/// Which lane a chat's messages take.
fn lane(chat: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    chat.hash(&mut hasher);
    hasher.finish() % LANES
}

fn outgoing((id, record): (MessageId, MessageRecord)) -> Outgoing {
    let MessageRecord { provider_id, chat, content, context, secret, ts_ms, .. } = record;
    Outgoing { id, provider_id, chat, content, context, secret, ts_ms }
}
