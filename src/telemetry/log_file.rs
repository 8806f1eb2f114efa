//! One log file: limited in size and number, and a disk that takes nothing more costs lines, never the server.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use file_rotate::compression::Compression;
use file_rotate::suffix::AppendCount;
use file_rotate::{ContentLimit, FileRotate};

use super::files::TROUBLE;

/// An outage is over after this many lines in a row: on a disk that is full to the brim short lines still fit where
/// long ones do not, and that is one outage.
const CALM: u32 = 8;

/// A log file. Every write is one line, and always taken.
pub(super) struct LogFile {
    path: PathBuf,
    max_bytes: u64,
    /// The file being written included.
    max_files: usize,
    open: Option<Open>,
    outage: Option<Outage>,
    /// Lines that could not be written, over all files.
    lost: Arc<AtomicU64>,
}

struct Open {
    file: File,
    bytes: u64,
}

/// Lines lost, and lines written in a row since.
#[derive(Default)]
struct Outage {
    lost: u64,
    written: u32,
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).create(true).append(true).mode(0o600);
    options
}

impl LogFile {
    pub(super) fn new(path: PathBuf, max_bytes: u64, max_files: usize, lost: Arc<AtomicU64>) -> Self {
        Self { path, max_bytes, max_files: max_files.max(1), open: None, outage: None, lost }
    }

    /// Opens the file, so that a start can refuse a folder that is not ours to write to.
    pub(super) fn open(&mut self) -> io::Result<()> {
        self.open = Some(Open::at(&self.path)?);
        Ok(())
    }

    fn line(&mut self, line: &[u8]) -> io::Result<()> {
        let mut open = match self.open.take() {
            Some(open) => open,
            None => Open::at(&self.path)?,
        };
        if open.bytes > 0 && open.bytes.saturating_add(line.len() as u64) > self.max_bytes {
            self.rotate()?;
            open = Open::at(&self.path)?;
        }
        self.open.insert(open).append(line)
    }

    /// Puts the file aside. The crate looks at the folder when it is made, and relies on what it saw with assertions:
    /// so it is made for each turn, and a panic of it (somebody deleted a file in between) is only a failure.
    fn rotate(&self) -> io::Result<()> {
        let turn = || {
            let scheme = AppendCount::new(self.max_files - 1);
            FileRotate::new(&self.path, scheme, ContentLimit::None, Compression::None, Some(options())).rotate()
        };
        catch_unwind(AssertUnwindSafe(turn)).unwrap_or_else(|_| Err(io::Error::other("the files changed meanwhile")))
    }

    fn failed(&mut self, error: &io::Error) {
        self.lost.fetch_add(1, Ordering::Relaxed);
        let file = self.path.display();
        let outage = self.outage.get_or_insert_with(|| {
            tracing::error!(target: TROUBLE, %file, %error, "a log file can't be written; its lines are lost until it can");
            Outage::default()
        });
        outage.lost += 1;
        outage.written = 0;
    }

    fn written(&mut self) {
        let Some(outage) = &mut self.outage else { return };
        outage.written += 1;
        if outage.written >= CALM {
            let (file, lost) = (self.path.display(), outage.lost);
            tracing::warn!(target: TROUBLE, %file, lost, "a log file is written again");
            self.outage = None;
        }
    }
}

impl Open {
    fn at(path: &Path) -> io::Result<Self> {
        let file = options().open(path)?;
        let bytes = file.metadata()?.len();
        Ok(Self { file, bytes })
    }

    /// Writes a line whole or not at all.
    fn append(&mut self, line: &[u8]) -> io::Result<()> {
        let appended = self.file.write_all(line);
        match &appended {
            Ok(()) => self.bytes += line.len() as u64,
            // If even that fails, the next line begins behind half of this one.
            Err(_) => drop(self.file.set_len(self.bytes)),
        }
        appended
    }

    /// Whether this is the file that the path leads to.
    fn is_at(&self, path: &Path) -> bool {
        let (Ok(here), Ok(there)) = (self.file.metadata(), path.metadata()) else { return false };
        (here.dev(), here.ino()) == (there.dev(), there.ino())
    }
}

impl Write for LogFile {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        match self.line(line) {
            Ok(()) => self.written(),
            Err(error) => self.failed(&error),
        }
        Ok(line.len())
    }

    /// Called when everything there was is written; nothing is held back that could be flushed. The time to see
    /// whether somebody deleted the file or moved it away.
    fn flush(&mut self) -> io::Result<()> {
        self.open = self.open.take().filter(|open| open.is_at(&self.path));
        Ok(())
    }
}

#[cfg(test)]
#[path = "log_file_tests.rs"]
mod tests;
