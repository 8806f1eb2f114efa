//! The accounts of the accounts file: made when missing, brought to what the file says, stopped when it holds them no more.

mod apply;
mod check;
mod reload;
mod report;

pub use check::{DeclareError, Fault};
pub use reload::{ReloadError, Reloader};
pub use report::{ChangedAccount, Report, ReportedError};

pub(crate) use apply::{Committed, commit};
pub(crate) use check::Checked;
pub(crate) use reload::in_the_files_name;
