//! The row that every group writes: its number, its time, and where the event log stands.

use bytes::Bytes;

use crate::engine::Engine;
use crate::envelope::{self, Codec};
use crate::key::Parts;
use crate::{EngineError, Tree};

/// Name of the row in [`Tree::Meta`].
pub(crate) const COMMIT_ROW: &[u8] = b"commit";

/// Three u64 in one row, because every group writes it anyway. The position is set by the job that appends an event, the
/// other two by the writer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct CommitRow {
    /// Number of the newest group.
    pub(crate) commit: u64,
    /// Time of the newest group, in milliseconds.
    pub(crate) now_ms: u64,
    /// Newest position given out; 0 before the first.
    pub(crate) position: u64,
}

impl CommitRow {
    pub(crate) fn seal(self) -> Bytes {
        let numbers = [self.commit, self.now_ms, self.position].map(u64::to_be_bytes);
        envelope::seal(Codec::Fixed, numbers.as_flattened())
    }

    /// From the row as it is stored; zeroes where there is none.
    pub(crate) fn open(row: Option<Bytes>) -> Result<Self, EngineError> {
        let damaged = EngineError::Damaged { tree: Tree::Meta.name() };
        let Some(row) = row else { return Ok(Self::default()) };
        let Ok(body) = envelope::open(Tree::Meta, Codec::Fixed, &row) else { return Err(damaged) };
        let mut parts = Parts(&body);
        match (parts.u64(), parts.u64(), parts.u64()) {
            (Some(commit), Some(now_ms), Some(position)) => Ok(Self { commit, now_ms, position }),
            _ => Err(damaged),
        }
    }

    pub(crate) fn load(engine: &dyn Engine) -> Result<Self, EngineError> {
        Self::open(engine.get(Tree::Meta, COMMIT_ROW)?)
    }
}
