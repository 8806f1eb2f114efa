//! Live streams of the event log: how many there may be, what they have to tell next, and how they end.
//!
//! Each stream reads the log by itself, at its own place. What its client does not take stays in the log: a client that
//! is slow is told where it was and hung up on, and nobody else notices.

mod frame;
pub(super) mod sse;
pub(super) mod websocket;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use wasup_actors::{Batch, Bounds, Events, EventsError, Tail};
use wasup_store::cursor::EventCursor;

use super::problem::{ErrorCode, Problem};
use crate::metrics::{OpenStream, StreamEnd, StreamKind, StreamMeters};

/// What a stream reads at once. A client that is slow keeps a few such pieces in memory.
const PIECE: Bounds = Bounds { events: 100, looks: 500, bytes: 64 << 10 };
/// When a client that found no place should come again.
const COME_AGAIN: Duration = Duration::from_secs(5);

/// What of the config concerns streams.
#[derive(Debug, Clone)]
pub struct StreamSettings {
    /// Streams at once.
    pub max: usize,
    /// How often one without news says that it is alive.
    pub heartbeat: Duration,
    /// How long a client may take nothing.
    pub patience: Duration,
    /// Ends them all.
    pub ending: CancellationToken,
}

/// The live streams. Clones are the same.
#[derive(Clone)]
pub struct Streams {
    shared: Arc<Shared>,
}

struct Shared {
    events: Events,
    settings: StreamSettings,
    places: Arc<Semaphore>,
    tasks: TaskTracker,
    meters: StreamMeters,
}

/// A stream's place among those that may be open. Given back when it is dropped.
struct Place {
    _permit: OwnedSemaphorePermit,
    meter: OpenStream,
}

/// What a stream has to tell.
enum News {
    /// Events.
    Events(Batch),
    /// Nothing happened for a while that this reader wants to see; it has seen everything up to here.
    Quiet(EventCursor),
    /// What came next was pruned before it was read.
    Gone(EventCursor),
    /// The server stops.
    Ending,
    /// The store can't be read.
    Broken,
}

impl std::fmt::Debug for Streams {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Streams").field("settings", &self.shared.settings).finish_non_exhaustive()
    }
}

impl Streams {
    pub(crate) fn new(events: Events, settings: StreamSettings, meters: StreamMeters) -> Self {
        let places = Arc::new(Semaphore::new(settings.max));
        let tasks = TaskTracker::new();
        tasks.close();
        Self { shared: Arc::new(Shared { events, settings, places, tasks, meters }) }
    }

    /// The log that they stream.
    pub(super) fn events(&self) -> &Events {
        &self.shared.events
    }

    /// Resolves when no stream is open. To be asked after they were told to end.
    pub async fn ended(&self) {
        self.shared.tasks.wait().await;
    }

    fn place(&self, kind: StreamKind) -> Result<Place, Problem> {
        let permit = Arc::clone(&self.shared.places).try_acquire_owned().map_err(|_| {
            let detail = "as many live streams are open as server.streams_max allows";
            Problem::new(ErrorCode::TooManyStreams, detail).after(COME_AGAIN)
        })?;
        Ok(Place { _permit: permit, meter: self.shared.meters.open(kind) })
    }

    /// What a reader has to tell next. May be dropped and asked anew at any time.
    async fn news(&self, tail: &mut Tail) -> News {
        let StreamSettings { heartbeat, ending, .. } = &self.shared.settings;
        let deadline = Instant::now() + *heartbeat;
        loop {
            tokio::select! {
                biased;
                () = ending.cancelled() => return News::Ending,
                more = timeout_at(deadline, tail.more()) => if more.is_err() {
                    return News::Quiet(tail.cursor());
                },
            }
            match tail.read(PIECE).await {
                Ok(batch) if !batch.events.is_empty() => return News::Events(batch),
                // Its filter left all of it out.
                Ok(_) => tokio::task::yield_now().await,
                Err(EventsError::CursorGone { oldest }) => return News::Gone(oldest),
                Err(error) => {
                    tracing::warn!(%error, "a live stream can't read the event log");
                    return News::Broken;
                }
            }
        }
    }
}

impl Place {
    /// Notes how the stream ends.
    fn ends(&self, how: StreamEnd) {
        self.meter.ends(how);
    }
}
