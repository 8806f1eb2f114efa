//! A tripwire against silent loss: the number of a commit that was on disk, in a file beside the engine's.
//!
//! A damaged log can make the engine open with fewer rows than it had, without a word. A store that is behind its own
//! tripwire has lost commits, and is refused.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::OpenError;

/// Name of the file in the data folder: two u64, a commit's number and its complement.
const FILE: &str = "tripwire";
const LENGTH: usize = 16;

/// How often the file itself is brought to disk. In between it is only written, which a killed process survives.
const EVERY: Duration = Duration::from_secs(2);

/// The open file.
#[derive(Debug)]
pub(crate) struct Tripwire {
    file: File,
    written: Option<Instant>,
    commit: u64,
}

impl Tripwire {
    /// Opens the file of a store that stands at `commit`.
    ///
    /// # Errors
    /// [`OpenError::Damaged`] when the store is behind it, [`OpenError::Io`] when the file can't be used.
    pub(crate) fn open(folder: &Path, commit: u64) -> Result<Self, OpenError> {
        let failed = |source| OpenError::Io { path: folder.into(), source };
        let options = OpenOptions::new().read(true).write(true).create(true).truncate(false).clone();
        let file = options.open(folder.join(FILE)).map_err(failed)?;
        let was = read(&file);
        if was > commit {
            let detail = format!("commits were lost: it stands at {commit} and has been at {was}");
            return Err(OpenError::Damaged { path: folder.into(), detail });
        }
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)?;
        Ok(Self { file, written: None, commit: was })
    }

    /// Notes a commit that is on disk; brings the note there now and then.
    pub(crate) fn note(&mut self, commit: u64) {
        self.put(commit, self.written.is_none_or(|written| written.elapsed() >= EVERY));
    }

    /// Notes a commit that is on disk, for good.
    pub(crate) fn write(&mut self, commit: u64) {
        self.put(commit, true);
    }

    fn put(&mut self, commit: u64, sync: bool) {
        if commit == self.commit && !sync {
            return;
        }
        let numbers = [commit, !commit].map(u64::to_be_bytes);
        // A tripwire that can't be written only stays behind, which is always right.
        match self.write_file(numbers.as_flattened(), sync) {
            Ok(()) => self.commit = commit,
            Err(error) => tracing::warn!(error = %error, "the store's tripwire can't be written"),
        }
    }
}

impl Tripwire {
    fn write_file(&mut self, body: &[u8], sync: bool) -> std::io::Result<()> {
        self.file.write_all_at(body, 0)?;
        if sync {
            self.written = Some(Instant::now());
            self.file.sync_data()?;
        }
        Ok(())
    }
}

/// The newest commit that a store's file knows of; 0 without a file.
pub(crate) fn newest(folder: &Path) -> u64 {
    File::open(folder.join(FILE)).map_or(0, |file| read(&file))
}

/// The commit in the file; 0 for an empty or torn one.
fn read(file: &File) -> u64 {
    let mut body = [0; LENGTH];
    if file.read_exact_at(&mut body, 0).is_err() {
        return 0;
    }
    let number = |at: usize| body[at..at + 8].iter().fold(0, |sum: u64, byte| sum << 8 | u64::from(*byte));
    if number(0) == !number(8) { number(0) } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_behind_its_tripwire_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let mut wire = Tripwire::open(folder.path(), 0).unwrap();
        wire.note(7);
        wire.note(8);
        assert_eq!(read(&wire.file), 8);
        wire.write(9);
        assert!(Tripwire::open(folder.path(), 9).is_ok());
        assert!(matches!(Tripwire::open(folder.path(), 8), Err(OpenError::Damaged { .. })));
    }

    #[test]
    fn a_torn_tripwire_says_nothing() {
        let folder = tempfile::tempdir().unwrap();
        for torn in [vec![], vec![9; 5], vec![9; 16]] {
            std::fs::write(folder.path().join(FILE), torn).unwrap();
            assert!(Tripwire::open(folder.path(), 0).is_ok());
        }
    }
}
