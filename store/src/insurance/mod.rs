//! What insures a store against an engine that can lose rows without a word: looking at every row of it, copies of it,
//! and what is noted to notice a loss at the next start.

pub mod verify;

mod archive;
mod backup;
mod compact;
mod fingerprint;
mod fourth;
pub(crate) mod migrate;
pub(crate) mod restore;
pub(crate) mod seal;
mod second;
pub(crate) mod tee;
mod third;

pub use archive::{ArchiveError, End, Head, inspect};
pub use backup::BackupReport;
pub use compact::{CompactReport, compact};
pub use fingerprint::Fingerprint;
pub use restore::{RestoreReport, restore};
pub use verify::{FilesSeen, Finding, FindingCode, TreeCount, VerifyReport, verify, verify_engine};
