//! What goes over the wire: events in the envelope that webhooks have, and a few words about the stream itself.

use bytes::Bytes;
use serde_json::json;
use wasup_actors::webhook::EventEncoder as _;
use wasup_store::cursor::EventCursor;
use wasup_store::id::EventId;
use wasup_store::records::EventRecord;

use crate::api::view::EventBody;

/// A word about the stream itself. No type of event is spelled without a dot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    /// The stream begins after this place.
    Hello(EventCursor),
    /// It is alive, and there is nothing to tell up to this place.
    Heartbeat(EventCursor),
    /// The client was too slow; it has got everything up to this place.
    Lagged(EventCursor),
    /// The place is gone; this is the oldest.
    Gone(EventCursor),
    /// The server stops; the client has got everything up to this place.
    Bye(EventCursor),
}

impl Word {
    const fn name(self) -> &'static str {
        match self {
            Self::Hello(_) => "hello",
            Self::Heartbeat(_) => "heartbeat",
            Self::Lagged(_) => "lagged",
            Self::Gone(_) => "cursor_gone",
            Self::Bye(_) => "bye",
        }
    }

    const fn cursor(self) -> EventCursor {
        match self {
            Self::Hello(at) | Self::Heartbeat(at) | Self::Lagged(at) | Self::Gone(at) | Self::Bye(at) => at,
        }
    }

    /// As JSON.
    pub(super) fn json(self) -> String {
        let cursor = self.cursor().to_string();
        match self {
            Self::Gone(_) => json!({"type": self.name(), "oldest_cursor": cursor}),
            _ => json!({"type": self.name(), "cursor": cursor}),
        }
        .to_string()
    }

    /// As a block of an event stream. The place is in its `id`, so that a client that comes back by itself goes on from
    /// there. Always with data: what a block without any is, not every client knows as the standard does.
    pub(super) fn block(self) -> String {
        let retry = if matches!(self, Self::Hello(_)) { "retry: 1000\n" } else { "" };
        format!("{retry}event: {}\nid: {}\ndata: {}\n\n", self.name(), self.cursor(), self.json())
    }
}

/// What says nothing but that the stream is alive: a line that no client takes for a block.
pub(super) const ALIVE: &[u8] = b": alive\n";

/// An event as JSON, in one line.
pub(super) fn json(id: EventId, event: &EventRecord) -> Bytes {
    EventBody::default().encode(id, event)
}

/// Appends an event as a block of an event stream.
pub(super) fn append_block(to: &mut Vec<u8>, id: EventId, event: &EventRecord) {
    let cursor = EventCursor::from(id);
    to.extend_from_slice(format!("id: {cursor}\nevent: {}\ndata: ", event.kind.as_str()).as_bytes());
    to.extend_from_slice(&json(id, event));
    to.extend_from_slice(b"\n\n");
}

#[cfg(test)]
mod tests {
    use wasup_store::id::Position;
    use wasup_store::records::EventKind;

    use super::*;

    #[test]
    fn words_are_told_from_events_and_say_where_to_go_on() {
        let at = EventCursor::new(7, Position(9));
        assert_eq!(Word::Gone(at).json(), format!(r#"{{"oldest_cursor":"{at}","type":"cursor_gone"}}"#));
        assert_eq!(
            Word::Bye(at).block(),
            format!("event: bye\nid: {at}\ndata: {{\"cursor\":\"{at}\",\"type\":\"bye\"}}\n\n")
        );
        for word in [Word::Hello(at), Word::Heartbeat(at), Word::Lagged(at), Word::Gone(at), Word::Bye(at)] {
            assert!(word.block().contains(&format!("id: {at}\n")) && word.block().ends_with("\n\n"));
            assert!(EventKind::from_word(word.name()).is_none() && !word.name().contains('.'));
        }
    }
}
