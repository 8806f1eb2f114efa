//! What live streams count with.

use metrics::{Counter, Gauge};
use wasup_sessions::meters::Counters;

use super::catalogue::{STREAM_EVENTS, STREAMS, STREAMS_ENDED};
use super::recorder::Metrics;

/// How a stream is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StreamKind {
    /// As server-sent events.
    Sse,
    /// Over a WebSocket.
    WebSocket,
}

impl StreamKind {
    const ALL: [Self; 2] = [Self::Sse, Self::WebSocket];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Sse => "sse",
            Self::WebSocket => "websocket",
        }
    }
}

/// How a stream ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StreamEnd {
    /// The client went away.
    Left,
    /// The client took nothing for too long.
    Lagged,
    /// Its place was gone.
    CursorGone,
    /// The server stops.
    Bye,
    /// The store could not be read.
    Broken,
}

impl StreamEnd {
    const ALL: [Self; 5] = [Self::Left, Self::Lagged, Self::CursorGone, Self::Bye, Self::Broken];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Left => "left",
            Self::Lagged => "lagged",
            Self::CursorGone => "cursor_gone",
            Self::Bye => "bye",
            Self::Broken => "broken",
        }
    }
}

/// The handles of one kind.
#[derive(Clone)]
struct OfKind {
    open: Gauge,
    events: Counter,
    ended: Counters<StreamEnd>,
}

/// The handles of all kinds. Clones are the same.
#[derive(Clone)]
pub(crate) struct StreamMeters([OfKind; 2]);

impl StreamMeters {
    pub(super) fn new(metrics: &Metrics) -> Self {
        Self(StreamKind::ALL.map(|kind| OfKind {
            open: metrics.gauge(&STREAMS, &[kind.as_str()]),
            events: metrics.counter(&STREAM_EVENTS, &[kind.as_str()]),
            ended: Counters::new(StreamEnd::ALL, |end| metrics.counter(&STREAMS_ENDED, &[kind.as_str(), end.as_str()])),
        }))
    }

    /// Counts a stream as open for as long as the answer lives.
    pub(crate) fn open(&self, kind: StreamKind) -> OpenStream {
        let [sse, websocket] = &self.0;
        let of = match kind {
            StreamKind::Sse => sse,
            StreamKind::WebSocket => websocket,
        };
        of.open.increment(1.0);
        OpenStream(of.clone())
    }
}

/// A stream that is open.
pub(crate) struct OpenStream(OfKind);

impl OpenStream {
    /// Counts events that were handed over.
    pub(crate) fn sent(&self, events: usize) {
        self.0.events.increment(events as u64);
    }

    /// Counts how it ends.
    pub(crate) fn ends(&self, how: StreamEnd) {
        self.0.ended.count(how);
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.0.open.decrement(1.0);
    }
}
