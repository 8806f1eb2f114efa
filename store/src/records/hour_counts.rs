//! How many messages came and went in an hour, by type.

use std::fmt;

use serde::de::{SeqAccess, Visitor};
use serde::ser::SerializeSeq as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Content, Direction};

/// Types that there is room for.
const KINDS: usize = 32;
const SLOTS: usize = KINDS * 2;

// A type's place in the list is its number on disk.
const _: () = assert!(Content::KINDS.len() <= KINDS, "more types than slots");

/// How many messages came and went in an hour, by type. Stored as the hour and pairs of slot and count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HourCounts {
    /// The hour, counted from 1970.
    pub hour: u32,
    counts: [u32; SLOTS],
}

impl Default for HourCounts {
    fn default() -> Self {
        Self { hour: 0, counts: [0; SLOTS] }
    }
}

impl HourCounts {
    /// Nothing yet in an hour.
    #[must_use]
    pub fn of(hour: u32) -> Self {
        Self { hour, ..Self::default() }
    }

    /// Whether nothing was counted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.counts == [0; SLOTS]
    }

    /// Counts a message.
    pub fn count(&mut self, direction: Direction, content: &Content) {
        let kind = Content::KINDS.iter().position(|kind| *kind == content.kind()).unwrap_or_default();
        let way = if direction == Direction::Inbound { 0 } else { KINDS };
        if let Some(count) = self.counts.get_mut(way + kind) {
            *count = count.saturating_add(1);
        }
    }

    /// Adds another hour's counts.
    pub fn add(&mut self, other: &Self) {
        for (count, more) in self.counts.iter_mut().zip(other.counts) {
            *count = count.saturating_add(more);
        }
    }

    /// What was counted: received before sent. A type that this version has no word for is left out.
    pub fn iter(&self) -> impl Iterator<Item = (Direction, &'static str, u32)> {
        self.counts.iter().enumerate().filter(|(_, count)| **count > 0).filter_map(|(slot, count)| {
            let direction = if slot < KINDS { Direction::Inbound } else { Direction::Outbound };
            Some((direction, *Content::KINDS.get(slot % KINDS)?, *count))
        })
    }
}

impl Serialize for HourCounts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let pairs = || (0_u32..).zip(self.counts).filter(|(_, count)| *count > 0);
        let mut list = serializer.serialize_seq(Some(1 + 2 * pairs().count()))?;
        list.serialize_element(&self.hour)?;
        for (slot, count) in pairs() {
            list.serialize_element(&slot)?;
            list.serialize_element(&count)?;
        }
        list.end()
    }
}

impl<'de> Deserialize<'de> for HourCounts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;

        impl<'de> Visitor<'de> for List {
            type Value = HourCounts;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an hour and pairs of slot and count")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<HourCounts, A::Error> {
                let mut found = HourCounts::of(list.next_element()?.unwrap_or_default());
                while let Some(slot) = list.next_element::<usize>()? {
                    let count = list.next_element()?.unwrap_or_default();
                    // A slot of a later version is none of ours.
                    if let Some(place) = found.counts.get_mut(slot) {
                        *place = count;
                    }
                }
                Ok(found)
            }
        }

        deserializer.deserialize_seq(List)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_come_back_and_add_up() {
        let mut hour = HourCounts::of(7);
        assert!(hour.is_empty());
        hour.count(Direction::Inbound, &Content::text("x"));
        hour.count(Direction::Inbound, &Content::text("y"));
        hour.count(Direction::Outbound, &Content::Unavailable);
        let bytes = rmp_serde::to_vec(&hour).unwrap();
        assert_eq!(bytes.len(), 6);
        let mut back: HourCounts = rmp_serde::from_slice(&bytes).unwrap();
        assert_eq!(back, hour);
        back.add(&hour);
        let counted: Vec<_> = back.iter().collect();
        assert_eq!(counted, [(Direction::Inbound, "text", 4), (Direction::Outbound, "unavailable", 2)]);
    }

    #[test]
    fn the_numbers_of_types_are_the_ones_on_disk() {
        insta::assert_snapshot!(Content::KINDS.join("\n"));
    }
}
