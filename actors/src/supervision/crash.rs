//! What may end an actor. Inner handlers return `Result<(), Crash>`, and only broken invariants and rows that can't be
//! understood become one, so that a stray `?` on a domain error does not compile.

use wasup_store::StoreError;

use super::CrashKind;

/// The actor's memory or its rows can't be trusted any more: it must be built anew.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Crash {
    /// A row of its own can't be understood, or a store job of its own is wrong.
    #[error("its rows can't be used")]
    Rows(#[source] StoreError),
    /// Something that can't be, is.
    #[error("broken invariant: {0}")]
    Invariant(&'static str),
    /// The link ended although nobody asked it to.
    #[error("the link ended unasked")]
    LinkEnded,
    /// The link could not be opened.
    #[error("the link could not be opened")]
    LinkRefused,
    /// The link of the incarnation before did not close in time.
    #[error("the former link did not close in time")]
    LeaseTimeout,
}

impl Crash {
    /// What supervision calls it.
    pub(crate) const fn kind(&self) -> CrashKind {
        match self {
            Self::Rows(_) | Self::Invariant(_) => CrashKind::Crashed,
            Self::LinkEnded | Self::LeaseTimeout => CrashKind::LinkEnded,
            Self::LinkRefused => CrashKind::LinkRefused,
        }
    }
}

/// What an error of the store means to an actor.
#[derive(Debug)]
pub(crate) enum StoreTrouble {
    /// Its own rows are bad.
    Crash(Crash),
    /// A newer incarnation owns the account.
    Stale,
    /// The store does not work at the moment; the work is tried again later, and if it lasts the process ends.
    Outage,
}

impl From<StoreError> for StoreTrouble {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::StaleEpoch => Self::Stale,
            StoreError::Corrupt { .. }
            | StoreError::Sealed { .. }
            | StoreError::JobPanicked
            | StoreError::KeyTooLong { .. } => Self::Crash(Crash::Rows(error)),
            StoreError::Poisoned(_) | StoreError::Engine(_) | StoreError::Closed | StoreError::SpaceLow { .. } => {
                Self::Outage
            }
        }
    }
}
