//! Supervision: the pure part (when a child is started again, and when no more) and the table that the supervisors
//! keep of their children. ractor itself has no restart policy.

mod backoff;
mod crash;
mod exit;
mod policy;
mod standing;
mod table;

pub use backoff::Backoff;
pub(crate) use backoff::spread;
pub(crate) use crash::{Crash, StoreTrouble};
pub use exit::{CrashKind, Exit, StopReason};
pub(crate) use exit::{cause, not_started};
pub use policy::{OnExceeded, RestartHistory, RestartKind, RestartPolicy, Verdict, decide};
pub use standing::{ChildPhase, Standing};
pub(crate) use table::{ChildTable, Departure, StopStep};
