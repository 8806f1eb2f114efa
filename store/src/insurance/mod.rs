//! What insures a store against an engine that can lose rows without a word: looking at every row of it, copies of it,
//! and what is noted to notice a loss at the next start.

pub mod verify;

mod fingerprint;
pub(crate) mod migrate;
pub(crate) mod seal;

pub use fingerprint::Fingerprint;
pub use verify::{Finding, FindingCode, TreeCount, VerifyReport, verify, verify_engine};
