//! Places in the event log as callers hold them: opaque to them, checked when they come back.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest as _, Sha256};

use crate::id::{EventId, Position, base32};
use crate::key::Parts;

/// The form of a cursor. Another one is refused, never guessed at.
const VERSION: u8 = 1;
/// The only node there is while a store has one writer.
pub const NODE: u16 = 0;
/// Version, incarnation, node, position and check sum.
const LENGTH: usize = 1 + 8 + 2 + 8 + 4;

/// What has been read of the event log: everything up to a position, in one life of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct EventCursor {
    /// Which life of the store.
    pub incarnation: u64,
    /// Which writer's log.
    pub node: u16,
    /// The last position that was seen; 0 before the first.
    pub position: Position,
}

/// Why a text is no cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadCursor {
    /// It was cut off, mistyped or made up.
    #[error("is neither a cursor of the event log nor an event's id; take it over whole, as it was given")]
    Form,
    /// It is of a form that this version does not know.
    #[error("is a cursor of another version of wasup")]
    Version,
}

impl EventCursor {
    /// Prefix of the public form.
    pub const PREFIX: &'static str = "cur_";

    /// A cursor of this node.
    #[must_use]
    pub const fn new(incarnation: u64, position: Position) -> Self {
        Self { incarnation, node: NODE, position }
    }

    fn body(self) -> Vec<u8> {
        let mut body = vec![VERSION];
        body.extend_from_slice(&self.incarnation.to_be_bytes());
        body.extend_from_slice(&self.node.to_be_bytes());
        body.extend_from_slice(&self.position.0.to_be_bytes());
        body
    }

    fn open(bytes: &[u8]) -> Result<Self, BadCursor> {
        if bytes.first().is_some_and(|version| *version != VERSION) {
            return Err(BadCursor::Version);
        }
        let (body, sum) = bytes.split_at_checked(LENGTH - 4).ok_or(BadCursor::Form)?;
        if sum != check_sum(body) {
            return Err(BadCursor::Form);
        }
        let mut parts = Parts(body.get(1..).unwrap_or_default());
        let incarnation = parts.u64().ok_or(BadCursor::Form)?;
        let node = parts.take(2).and_then(|node| node.try_into().ok()).map(u16::from_be_bytes);
        let position = parts.u64().ok_or(BadCursor::Form)?;
        Ok(Self { incarnation, node: node.ok_or(BadCursor::Form)?, position: Position(position) })
    }
}

/// Against mistakes, not against forgers: a cursor opens nothing that its holder may not read anyway.
fn check_sum(body: &[u8]) -> [u8; 4] {
    let digest: [u8; 32] = Sha256::new().chain_update(b"wasup event cursor").chain_update(body).finalize().into();
    [digest[0], digest[1], digest[2], digest[3]]
}

impl From<EventId> for EventCursor {
    /// Everything up to and with this event: its id is made of the same numbers, and only of committed ones.
    fn from(id: EventId) -> Self {
        Self::new(id.incarnation, id.position)
    }
}

impl fmt::Display for EventCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let body = self.body();
        let whole = [&body[..], &check_sum(&body)].concat();
        write!(f, "{}{}", Self::PREFIX, base32().encode(&whole))
    }
}

impl FromStr for EventCursor {
    type Err = BadCursor;

    /// Reads a cursor, or the id of an event.
    fn from_str(text: &str) -> Result<Self, BadCursor> {
        let decode = |text: &str| base32().decode(text.as_bytes()).map_err(|_| BadCursor::Form);
        if let Some(id) = text.strip_prefix(EventId::PREFIX) {
            let bytes = decode(id)?;
            let mut parts = Parts(&bytes);
            return match (parts.u64(), parts.u64(), parts.rest()) {
                (Some(incarnation), Some(position), []) => Ok(Self::new(incarnation, Position(position))),
                _ => Err(BadCursor::Form),
            };
        }
        Self::open(&decode(text.strip_prefix(Self::PREFIX).ok_or(BadCursor::Form)?)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(bytes: &[u8]) -> String {
        format!("cur_{}", base32().encode(bytes))
    }

    #[test]
    fn a_cursor_comes_back_and_so_does_an_events_id() {
        let cursor = EventCursor::new(0xdead_beef_0123_4567, Position(42));
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
        let id = EventId { incarnation: 7, position: Position(9) };
        assert_eq!(id.to_string().parse(), Ok(EventCursor::from(id)));
    }

    #[test]
    fn whatever_was_cut_changed_or_made_up_is_told_apart() {
        let cursor = EventCursor::new(7, Position(9));
        let text = cursor.to_string();
        for cut in 0..text.len() {
            assert_eq!(text[..cut].parse::<EventCursor>(), Err(BadCursor::Form), "{cut}");
        }
        for at in 4..text.len() {
            for other in ['0', '1', 'v'].into_iter().filter(|other| *other != char::from(text.as_bytes()[at])) {
                let mut changed = text.clone();
                changed.replace_range(at..=at, &other.to_string());
                assert!(changed.parse::<EventCursor>().is_err(), "{changed}");
            }
        }
        let id = EventId { incarnation: 7, position: Position(9) }.to_string();
        for odd in ["", "cur_", "evt_", "9", "latest", &text.to_uppercase(), &format!("{text}0"), &id[..id.len() - 2]] {
            assert_eq!(odd.parse::<EventCursor>(), Err(BadCursor::Form), "{odd}");
        }
        let mut body = cursor.body();
        body[0] = 2;
        let whole = [&body[..], &check_sum(&body)].concat();
        assert_eq!(encoded(&whole).parse::<EventCursor>(), Err(BadCursor::Version));
    }
}
