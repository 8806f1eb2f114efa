//! Order on the shelf: what a crash left behind, what has no file, what is over.

use std::io;
use std::path::PathBuf;

use super::{FILES, Shelf, ShelfError};
use crate::id::{MediaId, Millis};
use crate::repo::media;

/// Files looked at in one step.
const STEP: usize = 200;

/// What was put in order when the process started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tidied {
    /// Files that never got whole.
    pub unfinished: u64,
    /// Files without a row.
    pub stray: u64,
    /// Rows without a file: of a restored backup, which holds no files.
    pub missing: u64,
}

impl Shelf {
    /// Takes away what an earlier process left: files that never got whole or never got a row, and rows whose file is not
    /// there. Before anything else uses the shelf.
    ///
    /// # Errors
    /// The store's, or the disk's.
    pub async fn tidy(&self) -> Result<Tidied, ShelfError> {
        let mut tidied = Tidied::default();
        for path in names(self.temporary())? {
            std::fs::remove_file(path)?;
            tidied.unfinished += 1;
        }
        for folder in names(self.0.folder.join(FILES))? {
            for path in names(folder)? {
                let id = path.file_name().and_then(|name| name.to_str()?.parse::<MediaId>().ok());
                let known = match id {
                    Some(id) => self.0.store.read(|tx| media::get(tx, id)).await?.is_some(),
                    None => false,
                };
                if !known {
                    std::fs::remove_file(path)?;
                    tidied.stray += 1;
                }
            }
        }
        let mut before = None;
        loop {
            let page = self.list(before, STEP).await?;
            before = page.last().map(|file| file.id);
            for file in &page {
                if !self.path(file.id).is_file() {
                    self.remove(file.id).await?;
                    tidied.missing += 1;
                }
            }
            if page.len() < STEP {
                return Ok(tidied);
            }
        }
    }

    /// Takes away files whose time is over by then, and those that would go first while there are too many bytes. At most
    /// one step; answers how many went, and how many bytes they were.
    ///
    /// # Errors
    /// The store's, or the disk's.
    pub async fn expire(&self, until_ms: Option<Millis>) -> Result<(u64, u64), ShelfError> {
        let most = self.0.limits.max_bytes;
        let due = self.0.store.read(|tx| match until_ms {
            Some(until_ms) => media::due(tx, until_ms, STEP),
            None => Ok(Vec::new()),
        });
        let mut ids = due.await?;
        if ids.is_empty() {
            ids = self.0.store.read(|tx| media::beyond(tx, most, STEP)).await?;
        }
        let mut gone = (0, 0);
        for id in ids {
            let size = self.get(id).await.map_or(0, |file| file.media.size);
            if self.remove(id).await? {
                gone = (gone.0 + 1, gone.1 + size);
            }
        }
        Ok(gone)
    }
}

fn names(folder: PathBuf) -> io::Result<Vec<PathBuf>> {
    match std::fs::read_dir(folder) {
        Ok(entries) => entries.map(|entry| Ok(entry?.path())).collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}
