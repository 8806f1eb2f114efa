//! The row that every group writes: its number, its time, where the event log stands, and the fingerprint of all rows.

use bytes::Bytes;

use crate::engine::Engine;
use crate::envelope::{self, Codec};
use crate::insurance::Fingerprint;
use crate::key::Parts;
use crate::{EngineError, Tree};

/// Name of the row in [`Tree::Meta`].
pub(crate) const COMMIT_ROW: &[u8] = b"commit";

/// Numbers in one row, because every group writes it anyway. The position is set by the job that appends an event, the
/// others by the writer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct CommitRow {
    /// Number of the newest group.
    pub(crate) commit: u64,
    /// Time of the newest group, in milliseconds.
    pub(crate) now_ms: u64,
    /// Newest position given out; 0 before the first.
    pub(crate) position: u64,
    /// What the rows add up to; none in a store of the first layout.
    pub(crate) fingerprint: Option<Fingerprint>,
}

impl CommitRow {
    pub(crate) fn seal(self) -> Bytes {
        let mut body = [self.commit, self.now_ms, self.position].map(u64::to_be_bytes).concat();
        if let Some(Fingerprint { rows, sum }) = self.fingerprint {
            body.extend_from_slice(&rows.to_be_bytes());
            body.extend_from_slice(&sum.to_be_bytes());
        }
        envelope::seal(Codec::Fixed, &body)
    }

    /// From the row as it is stored; zeroes where there is none.
    pub(crate) fn open(row: Option<Bytes>) -> Result<Self, EngineError> {
        let damaged = EngineError::Damaged { tree: Tree::Meta.name() };
        let Some(row) = row else { return Ok(Self::default()) };
        let Ok(body) = envelope::open(Tree::Meta, Codec::Fixed, &row) else { return Err(damaged) };
        let mut parts = Parts(&body);
        let (Some(commit), Some(now_ms), Some(position)) = (parts.u64(), parts.u64(), parts.u64()) else {
            return Err(damaged);
        };
        let fingerprint = match (parts.u64(), parts.u64(), parts.u64()) {
            (Some(rows), Some(high), Some(low)) => {
                Some(Fingerprint { rows, sum: u128::from(high) << 64 | u128::from(low) })
            }
            (None, ..) => None,
            _ => return Err(damaged),
        };
        Ok(Self { commit, now_ms, position, fingerprint })
    }

    pub(crate) fn load(engine: &dyn Engine) -> Result<Self, EngineError> {
        Self::open(engine.get(Tree::Meta, COMMIT_ROW)?)
    }
}
