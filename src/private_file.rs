//! Files that hold a secret: nobody but their owner may read them.

use std::fs::File;
use std::io::{Error, ErrorKind};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// Why a file can't be trusted with a secret.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotPrivate {
    /// It can't be opened or looked at.
    #[error(transparent)]
    Io(#[from] Error),
    /// Others than its owner can read it.
    #[error("can be read by others than its owner (mode {mode:o})")]
    Open {
        /// Its permissions.
        mode: u32,
    },
}

/// Opens a file; `None` where there is none.
///
/// # Errors
/// [`NotPrivate`].
pub(crate) fn open(path: &Path) -> Result<Option<File>, NotPrivate> {
    let file = match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    // Of the file that was opened: the name may mean another one by now.
    let mode = file.metadata()?.permissions().mode() & 0o777;
    if mode & 0o077 == 0 { Ok(Some(file)) } else { Err(NotPrivate::Open { mode }) }
}
