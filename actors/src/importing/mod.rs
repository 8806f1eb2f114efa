//! Files of contacts on their way into lists: which imports run, which wait for their turn, and that one that breaks is run
//! again. What reads the files is the edge's.

mod run;
mod supervisor;
mod under_way;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;
use wasup_store::id::{ImportId, ListId};

use crate::context::Context;
use crate::lists::{ListError, Lists};
use crate::principal::Principal;

pub(crate) use supervisor::{ImportsMsg, ImportsSupervisor};
pub(crate) use under_way::UnderWay;

/// Imports that run at once; others wait for their turn.
pub const IMPORTS_AT_ONCE: usize = 2;
/// Imports that run or wait.
pub const IMPORTS_MAX: usize = 32;

/// Which import, of which list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ImportPlace {
    /// The list.
    pub list: ListId,
    /// The import.
    pub id: ImportId,
}

/// As many imports run and wait as may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{IMPORTS_MAX} imports run or wait already")]
pub struct TooManyImports;

/// Reads files into lists.
#[async_trait]
pub trait ImportFiles: Send + Sync + 'static {
    /// Imports that have not ended and whose files are there. The first call of a process may take away what nobody waits for.
    ///
    /// # Errors
    /// The store's, or [`ListError::Files`].
    async fn left(&self, lists: &Lists) -> Result<Vec<ImportPlace>, ListError>;

    /// Reads a file into its list, and notes its end. Where `stopping` says so it ends before that, and it may be dropped at
    /// any time: run again, it goes on from its last commit.
    async fn run(&self, lists: &Lists, principal: &Principal, place: ImportPlace, stopping: &CancellationToken);
}

/// The imports of this process. Clones are the same.
#[derive(Clone)]
pub struct Importing {
    ctx: Arc<Context>,
}

impl std::fmt::Debug for Importing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Importing").finish_non_exhaustive()
    }
}

impl Importing {
    pub(crate) const fn new(ctx: Arc<Context>) -> Self {
        Self { ctx }
    }

    /// Refuses one import more than may run or wait.
    ///
    /// # Errors
    /// [`TooManyImports`].
    pub fn admit(&self) -> Result<(), TooManyImports> {
        if self.ctx.importing.len() < IMPORTS_MAX { Ok(()) } else { Err(TooManyImports) }
    }

    /// Runs an import whose file is there and which is noted, when its turn comes.
    pub fn start(&self, principal: &Principal, place: ImportPlace) {
        self.ctx.importing.add(place, principal.clone());
        self.ctx.nudges.imports();
    }

    /// Whether an import runs, or waits for its turn, in this process.
    #[must_use]
    pub fn is_under_way(&self, id: ImportId) -> bool {
        self.ctx.importing.end_of(id).is_some()
    }

    /// Waits until an import has ended, at most so long.
    pub async fn until_ended(&self, id: ImportId, patience: Duration) {
        if let Some(mut ended) = self.ctx.importing.end_of(id) {
            // One that is gone has ended as well.
            let _ = tokio::time::timeout(patience, ended.wait_for(|ended| *ended)).await;
        }
    }
}
