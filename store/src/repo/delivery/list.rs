//! Lists of deliveries. Each state has an index that leads to its deliveries, so that a list never walks over all.

use super::id_in;
use crate::id::{DeliveryId, EndpointId, Millis, Position};
use crate::key::{Key, prefix_end};
use crate::records::{DeliveryRecord, DeliveryState};
use crate::repo::retention::event_before;
use crate::{Direction, ReadTx, StoreError, Tree, envelope};

/// Rows that a page looks at beyond those that it shows.
const LOOKED_MAX: usize = 2_000;
/// Rows read at once.
const CHUNK: usize = 256;

/// Which deliveries are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StateFilter {
    /// All, the newest first.
    All,
    /// What is to be tried, the soonest first.
    Pending,
    /// One state: the newest first, of those to be tried the soonest first.
    One(DeliveryState),
}

/// A place in a list, as callers hold it: which list, and the index row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryCursor(pub Vec<u8>);

/// A cursor is of another list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the cursor is of another list")]
pub struct BadCursor;

/// A list that is asked for.
#[derive(Debug, Clone)]
pub struct DeliveryQuery {
    /// The endpoint.
    pub endpoint: EndpointId,
    /// Which.
    pub state: StateFilter,
    /// Not before: by the event's time, of discarded ones by when they were given up.
    pub since_ms: Option<Millis>,
    /// Before this time, measured the same way.
    pub until_ms: Option<Millis>,
    /// After this place.
    pub after: Option<DeliveryCursor>,
    /// At most so many.
    pub limit: usize,
}

/// A piece of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryPage {
    /// The deliveries.
    pub rows: Vec<(DeliveryId, DeliveryRecord)>,
    /// Where to go on, where there may be more.
    pub next: Option<DeliveryCursor>,
}

/// The delivery with this id.
///
/// # Errors
/// [`StoreError`] when the row can't be read.
pub fn get(tx: &ReadTx<'_>, id: DeliveryId) -> Result<Option<DeliveryRecord>, StoreError> {
    tx.record(Tree::Delivery, id.to_bytes())
}

/// At most `limit` deliveries of an endpoint before a position, the newest first.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn list(
    tx: &ReadTx<'_>,
    endpoint: EndpointId,
    before: Option<Position>,
    limit: usize,
) -> Result<Vec<(DeliveryId, DeliveryRecord)>, StoreError> {
    let from = endpoint.to_bytes();
    let to = DeliveryId { endpoint, position: before.unwrap_or(Position(u64::MAX)) }.to_bytes();
    let rows = tx.range(Tree::Delivery, &from, Some(&to), Direction::Backward, limit)?;
    let row = |(key, value): &(bytes::Bytes, bytes::Bytes)| {
        let id = DeliveryId::from_bytes(key).ok_or_else(|| StoreError::corrupt(Tree::Delivery, "a key is no id"))?;
        Ok((id, envelope::open_record(Tree::Delivery, value)?))
    };
    rows.iter().map(row).collect()
}

/// The rows of an index that a list walks over.
struct Way {
    tree: Tree,
    from: Vec<u8>,
    to: Option<Vec<u8>>,
    direction: Direction,
}

impl Way {
    fn of(tx: &ReadTx<'_>, query: &DeliveryQuery) -> Result<Self, StoreError> {
        let id = query.endpoint.to_bytes();
        let all = |tree, direction| Self { tree, from: id.to_vec(), to: prefix_end(&id), direction };
        let at = |n: u64| Key::new().bytes(&id).u64(n).into_vec();
        let mut way = match query.state {
            StateFilter::All | StateFilter::One(DeliveryState::Completed) => {
                let mut way = all(Tree::Delivery, Direction::Backward);
                if let Some(since) = query.since_ms {
                    way.from = at(event_before(tx, since)?.0.saturating_add(1));
                }
                if let Some(until) = query.until_ms {
                    way.to = Some(at(event_before(tx, until)?.0.saturating_add(1)));
                }
                way
            }
            StateFilter::One(DeliveryState::Discarded) => {
                let mut way = all(Tree::DeliveryBad, Direction::Backward);
                way.from = query.since_ms.map_or(way.from, at);
                way.to = query.until_ms.map(at).or(way.to);
                way
            }
            StateFilter::One(DeliveryState::Suspended) => all(Tree::DeliveryLane, Direction::Forward),
            StateFilter::Pending | StateFilter::One(_) => all(Tree::DeliveryTodo, Direction::Forward),
        };
        if let Some(DeliveryCursor(after)) = &query.after {
            let key = [&id[..], &after[1..]].concat();
            match way.direction {
                Direction::Forward => way.from = [&key[..], &[0]].concat(),
                Direction::Backward => way.to = Some(key),
            }
        }
        Ok(way)
    }
}

impl StateFilter {
    /// What a cursor of this list begins with, and how long it is.
    const fn mark(self) -> (u8, usize) {
        match self {
            Self::All | Self::One(DeliveryState::Completed) => (b'a', 9),
            Self::One(DeliveryState::Discarded) => (b'b', 17),
            Self::One(DeliveryState::Suspended) => (b'l', 17),
            Self::Pending | Self::One(_) => (b't', 17),
        }
    }

    fn holds(self, delivery: &DeliveryRecord) -> bool {
        match self {
            Self::All => true,
            Self::Pending => !delivery.state.is_final(),
            Self::One(state) => delivery.state == state,
        }
    }
}

/// A piece of a list of deliveries. Of a long index in which nothing fits it may be empty and still have a next one.
///
/// # Errors
/// [`StoreError`] when a row can't be read; the inner one for a cursor of another list.
pub fn page(tx: &ReadTx<'_>, query: &DeliveryQuery) -> Result<Result<DeliveryPage, BadCursor>, StoreError> {
    let (mark, length) = query.state.mark();
    if query.after.as_ref().is_some_and(|cursor| cursor.0.len() != length || cursor.0.first() != Some(&mark)) {
        return Ok(Err(BadCursor));
    }
    let mut way = Way::of(tx, query)?;
    let cursor = |key: &[u8]| Some(DeliveryCursor([&[mark], key.get(16..).unwrap_or_default()].concat()));
    let (mut rows, mut next, mut looked) = (Vec::new(), None, 0);
    loop {
        let found = tx.range(way.tree, &way.from, way.to.as_deref(), way.direction, CHUNK)?;
        for (key, value) in &found {
            let fits = fitting(tx, &way, query, key, value)?;
            if rows.len() == query.limit && fits.is_some() {
                return Ok(Ok(DeliveryPage { rows, next }));
            }
            looked += 1;
            next = cursor(key);
            rows.extend(fits);
        }
        let Some((last, _)) = found.last().filter(|_| found.len() == CHUNK) else {
            return Ok(Ok(DeliveryPage { rows, next: None }));
        };
        if looked >= LOOKED_MAX {
            return Ok(Ok(DeliveryPage { rows, next }));
        }
        match way.direction {
            Direction::Forward => way.from = [last, &[0][..]].concat(),
            Direction::Backward => way.to = Some(last.to_vec()),
        }
    }
}

/// The delivery that an index row leads to, where it fits the query.
fn fitting(
    tx: &ReadTx<'_>,
    way: &Way,
    query: &DeliveryQuery,
    key: &[u8],
    value: &bytes::Bytes,
) -> Result<Option<(DeliveryId, DeliveryRecord)>, StoreError> {
    let id = id_in(query.endpoint, key).ok_or_else(|| StoreError::corrupt(way.tree, "a key holds no position"))?;
    let delivery = match way.tree {
        Tree::Delivery => Some(envelope::open_record(Tree::Delivery, value)?),
        _ => get(tx, id)?,
    };
    let by_time = matches!(way.tree, Tree::Delivery | Tree::DeliveryBad);
    let in_time = |delivery: &DeliveryRecord| {
        by_time
            || (query.since_ms.is_none_or(|since| delivery.queued_ms >= since)
                && query.until_ms.is_none_or(|until| delivery.queued_ms < until))
    };
    Ok(delivery.filter(|delivery| query.state.holds(delivery) && in_time(delivery)).map(|delivery| (id, delivery)))
}
