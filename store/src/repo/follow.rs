//! Reading the event log on behalf of somebody: only what they may see, within bounds, and always onwards.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::{account, event, retention};
use crate::id::{AccountNo, Position, TenantNo};
use crate::key::{Key, Parts};
use crate::records::{EventKind, EventRecord};
use crate::{Direction, ReadTx, StoreError, Tree, envelope};

/// Rows read from the engine at once.
const CHUNK: usize = 64;

/// Whose events somebody sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sight {
    /// Only events of this tenant's accounts.
    pub tenant: TenantNo,
    /// Also those that the server tells of itself, which say something about every tenant.
    pub server: bool,
    /// Only this account's; `None` for all of the tenant's.
    pub account: Option<AccountNo>,
    /// Only these kinds; empty for all.
    pub kinds: Vec<EventKind>,
}

/// How much is read before an answer is given, whether or not anything was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Events found.
    pub events: usize,
    /// Rows looked at.
    pub looks: usize,
    /// Bytes of the rows found; the first one is given in any case.
    pub bytes: usize,
}

/// What a look at the log found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Followed {
    /// Events in order, and the last position that was looked at: from there the reader goes on.
    Read {
        /// What was found.
        events: Vec<(Position, EventRecord)>,
        /// Everything up to here was looked at.
        reached: Position,
    },
    /// Events after the reader's position were pruned: the oldest place to go on from.
    Gone {
        /// Everything up to here is gone.
        floor: Position,
    },
}

/// Reads on after a position, up to one that is on disk.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn read_on(
    tx: &ReadTx<'_>,
    sight: &Sight,
    after: Position,
    upto: Position,
    bounds: Bounds,
) -> Result<Followed, StoreError> {
    let floor = retention::floor(tx)?;
    if after < floor {
        return Ok(Followed::Gone { floor });
    }
    let mut look = Look { tx, sight, bounds, tenants: BTreeMap::new(), found: Vec::new(), looks: 0, bytes: 0 };
    let reached = match sight.account {
        Some(no) => look.one_account(no, after, upto)?,
        None => look.everything(after, upto)?,
    };
    Ok(Followed::Read { events: look.found, reached })
}

struct Look<'a> {
    tx: &'a ReadTx<'a>,
    sight: &'a Sight,
    bounds: Bounds,
    /// Whether an account's events may be seen.
    tenants: BTreeMap<AccountNo, bool>,
    found: Vec<(Position, EventRecord)>,
    looks: usize,
    bytes: usize,
}

impl Look<'_> {
    fn everything(&mut self, after: Position, upto: Position) -> Result<Position, StoreError> {
        let mut reached = after;
        while reached < upto {
            let (from, to) = (Key::new().u64(reached.0 + 1), upto.0.checked_add(1).map(|to| Key::new().u64(to)));
            let to = to.as_ref().map(Key::as_slice);
            let rows = self.tx.range(Tree::Event, from.as_slice(), to, Direction::Forward, self.chunk())?;
            for (key, value) in &rows {
                if self.is_full(value) {
                    return Ok(reached);
                }
                reached = event::position(key)?;
                self.take(reached, value)?;
            }
            // No more rows: deleted accounts leave gaps, also at the end.
            if rows.is_empty() {
                return Ok(upto);
            }
        }
        Ok(reached)
    }

    fn one_account(&mut self, no: AccountNo, after: Position, upto: Position) -> Result<Position, StoreError> {
        if !self.may_see(no)? {
            return Ok(upto);
        }
        let (mut seq, mut reached) = (first_after(self.tx, no, after)?, after);
        loop {
            let (from, to) = (Key::new().u32(no.0).u64(seq), Key::new().u32(no.0).u64(u64::MAX));
            let rows = self.tx.range(
                Tree::EventAcct,
                from.as_slice(),
                Some(to.as_slice()),
                Direction::Forward,
                self.chunk(),
            )?;
            for (key, value) in &rows {
                let place = place(key, value)?;
                if place.1 > upto {
                    return Ok(upto);
                }
                if let Some(value) = self.tx.get(Tree::Event, event::position_key(place.1))? {
                    if self.is_full(&value) {
                        return Ok(reached);
                    }
                    self.take(place.1, &value)?;
                }
                (seq, reached) = (place.0 + 1, place.1);
            }
            if rows.is_empty() {
                return Ok(upto);
            }
        }
    }

    fn chunk(&self) -> usize {
        // One more than fits tells that there is more.
        (self.bounds.events - self.found.len()).saturating_add(1).min(CHUNK)
    }

    fn is_full(&self, next: &Bytes) -> bool {
        let heavy = !self.found.is_empty() && self.bytes + next.len() > self.bounds.bytes;
        heavy || self.found.len() >= self.bounds.events || self.looks >= self.bounds.looks
    }

    fn take(&mut self, position: Position, value: &Bytes) -> Result<(), StoreError> {
        self.looks += 1;
        let event: EventRecord = envelope::open_record(Tree::Event, value)?;
        let wanted = self.sight.kinds.is_empty() || self.sight.kinds.contains(&event.kind);
        if wanted && self.may_see(event.no)? {
            self.bytes += value.len();
            self.found.push((position, event));
        }
        Ok(())
    }

    fn may_see(&mut self, no: AccountNo) -> Result<bool, StoreError> {
        if no == super::scope::SERVER {
            return Ok(self.sight.server);
        }
        if let Some(known) = self.tenants.get(&no) {
            return Ok(*known);
        }
        let may = account::owner(self.tx, no)?.is_some_and(|owner| owner.tenant == self.sight.tenant);
        self.tenants.insert(no, may);
        Ok(may)
    }
}

/// A row of an account's own order: its number and its position.
fn place(key: &[u8], value: &Bytes) -> Result<(u64, Position), StoreError> {
    let bad = || StoreError::corrupt(Tree::EventAcct, "a row is no place in the log");
    let seq = Parts(key.get(4..).unwrap_or_default()).u64().ok_or_else(bad)?;
    let body = envelope::open(Tree::EventAcct, envelope::Codec::Fixed, value)?;
    Ok((seq, Position(Parts(&body).u64().ok_or_else(bad)?)))
}

/// The number from which on an account's events stand after a position. Both rise together, so halving finds it.
fn first_after(tx: &ReadTx<'_>, no: AccountNo, after: Position) -> Result<u64, StoreError> {
    if let Some(event) = event::get(tx, after)?.filter(|event| event.no == no) {
        return Ok(event.seq.0 + 1);
    }
    let end = Key::new().u32(no.0).u64(u64::MAX);
    let (mut low, mut high) = (0, u64::MAX);
    while low < high {
        let middle = low + (high - low) / 2;
        let from = Key::new().u32(no.0).u64(middle);
        let rows = tx.range(Tree::EventAcct, from.as_slice(), Some(end.as_slice()), Direction::Forward, 1)?;
        match rows.first().map(|(key, value)| place(key, value)).transpose()? {
            Some((seq, position)) if position <= after => low = seq + 1,
            _ => high = middle,
        }
    }
    Ok(low)
}
