//! The free-space floor: under it the API's work is refused, while key rows and inbound rows still go through.

use std::path::PathBuf;

use crate::StoreError;

/// Refuses API work when the disk under the data folder has less than `floor` bytes left.
#[derive(Debug, Clone)]
pub struct SpaceFloor {
    path: PathBuf,
    floor: u64,
}

impl SpaceFloor {
    /// A floor of `floor` bytes for the file system that holds `path`.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>, floor: u64) -> Self {
        Self { path: path.into(), floor }
    }

    /// Bytes that are free for this process, or `None` where the file system does not tell.
    #[must_use]
    pub fn free(&self) -> Option<u64> {
        let stat = rustix::fs::statvfs(&self.path).ok()?;
        Some(stat.f_bavail.saturating_mul(stat.f_frsize))
    }

    /// Lets API work through, or refuses it.
    ///
    /// # Errors
    /// [`StoreError::SpaceLow`] under the floor.
    pub fn admit(&self) -> Result<(), StoreError> {
        match self.free() {
            Some(free) if free < self.floor => Err(StoreError::SpaceLow { floor: self.floor }),
            _ => Ok(()),
        }
    }
}
