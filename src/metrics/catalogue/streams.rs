//! Live streams of the event log.

use super::{Family, Label, counter, gauge, label};

const KIND: Label = label("kind", &["sse", "websocket"]);

pub(crate) static STREAMS: Family = gauge("wasup_streams", "Live streams that are open, by kind.", &[KIND]);

pub(crate) static STREAM_EVENTS: Family =
    counter("wasup_stream_events_total", "Events handed to live streams, by kind.", &[KIND]);

pub(crate) static STREAMS_ENDED: Family = counter(
    "wasup_streams_ended_total",
    "Live streams that ended, by kind and by how. lagged: the client took nothing for too long and was hung up on.",
    &[KIND, label("how", &["left", "lagged", "cursor_gone", "bye", "broken"])],
);

pub(super) const ALL: &[&Family] = &[&STREAMS, &STREAM_EVENTS, &STREAMS_ENDED];
