//! One lane of an account's pump: messages go out one after the other, those with files beside it. A file takes as long as
//! its bytes, and holds up nobody but its own chat, whose messages stay in their order.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinSet};
use wasup_sessions::ports::{Link, Outgoing, SendError};

use super::actor::AccountMsg;
use super::pump::{Farewell, Report};
use crate::tray::Tray;

/// Slowest pace at which an upload is waited for, in bytes a second, and what it may take beside its bytes.
const SLOWEST: u64 = 64 * 1024;
const BESIDES: Duration = Duration::from_secs(90);

/// What a lane works with.
pub(super) struct Lane {
    pub(super) link: Arc<dyn Link>,
    pub(super) tray: Arc<Tray<Report>>,
    pub(super) farewell: Farewell,
    /// Longest that one message may take, beside its file.
    pub(super) timeout: Duration,
}

/// A lane at work.
struct Running {
    lane: Lane,
    /// What waits in chats of which a message with a file is on its way.
    waiting: HashMap<String, VecDeque<Outgoing>>,
    trips: JoinSet<(String, Report)>,
}

impl Lane {
    /// Sends until nobody hands over any more.
    pub(super) async fn run(self, mut batches: mpsc::Receiver<Vec<Outgoing>>) {
        let mut running = Running { lane: self, waiting: HashMap::new(), trips: JoinSet::new() };
        loop {
            tokio::select! {
                batch = batches.recv() => match batch {
                    Some(batch) => running.take(batch).await,
                    None => return,
                },
                Some(back) = running.trips.join_next(), if !running.trips.is_empty() => running.back(back).await,
            }
        }
    }

    fn tell(&self, report: Report) {
        if self.tray.put(report) {
            let _ = self.farewell.actor.cast(AccountMsg::Reports);
        }
    }
}

/// How long one message may take.
fn limit(message: &Outgoing, timeout: Duration) -> Duration {
    match message.content.media() {
        Some(media) => timeout + BESIDES + Duration::from_secs(media.size / SLOWEST),
        None => timeout,
    }
}

async fn send(link: &Arc<dyn Link>, message: &Outgoing, timeout: Duration) -> Report {
    let sent = tokio::time::timeout(limit(message, timeout), link.send(message)).await;
    Report { id: message.id, result: sent.unwrap_or(Err(SendError::TimedOut)) }
}

/// What keeps a chat's messages in their order. A human keeps the number when the LID becomes known.
pub(super) fn chat_of(message: &Outgoing) -> &str {
    message.chat.phone.as_deref().unwrap_or(message.chat.jid.as_str())
}

impl Running {
    async fn take(&mut self, batch: Vec<Outgoing>) {
        for message in batch {
            match self.waiting.get_mut(chat_of(&message)) {
                Some(waiting) => waiting.push_back(message),
                None => drop(self.go(message).await),
            }
        }
    }

    /// Sends a message, or sends it on its way. Answers whether its chat has to wait.
    async fn go(&mut self, message: Outgoing) -> bool {
        if message.content.media().is_none() {
            self.lane.tell(send(&self.lane.link, &message, self.lane.timeout).await);
            return false;
        }
        let (link, timeout, chat) = (Arc::clone(&self.lane.link), self.lane.timeout, chat_of(&message).to_owned());
        self.waiting.entry(chat.clone()).or_default();
        self.trips.spawn(async move { (chat, send(&link, &message, timeout).await) });
        true
    }

    async fn back(&mut self, back: Result<(String, Report), JoinError>) {
        let (chat, report) = match back {
            Ok(back) => back,
            Err(error) => match error.try_into_panic() {
                // The actor is told, as for a panic in the lane itself.
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => return,
            },
        };
        self.lane.tell(report);
        while let Some(next) = self.waiting.get_mut(&chat).and_then(VecDeque::pop_front) {
            if self.go(next).await {
                return;
            }
        }
        self.waiting.remove(&chat);
    }
}
