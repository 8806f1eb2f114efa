//! A file on its way to the shelf.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::ShelfError;

/// Bytes of the beginning that are kept in memory, to tell what the file is.
const HEAD: usize = 8 * 1024;

/// A file that is being written. It blocks: from asynchronous code it is used on a thread that may. Gone when dropped
/// unfinished.
pub struct Incoming {
    file: File,
    path: Named,
    hash: Sha256,
    size: u64,
    most: u64,
    head: Vec<u8>,
    rand: u64,
}

/// A name in the folder of temporary files, that goes when it is dropped.
struct Named(PathBuf);

impl Drop for Named {
    fn drop(&mut self) {
        // Gone already when it got its name; what stays behind a crash goes at the next start.
        drop(std::fs::remove_file(&self.0));
    }
}

impl Incoming {
    pub(super) fn begin(folder: &Path, most: u64) -> io::Result<Self> {
        let rand: u64 = rand::random();
        let path = folder.join(format!("{}-{rand:016x}", std::process::id()));
        let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path)?;
        Ok(Self { file, path: Named(path), hash: Sha256::new(), size: 0, most, head: Vec::new(), rand })
    }

    /// Takes a piece.
    ///
    /// # Errors
    /// [`ShelfError::TooLarge`], or the disk's.
    pub fn push(&mut self, piece: &[u8]) -> Result<(), ShelfError> {
        let size = self.size.saturating_add(piece.len() as u64);
        if size > self.most {
            return Err(ShelfError::TooLarge(self.most));
        }
        self.file.write_all(piece)?;
        self.hash.update(piece);
        self.size = size;
        let room = HEAD.saturating_sub(self.head.len()).min(piece.len());
        self.head.extend_from_slice(&piece[..room]);
        Ok(())
    }

    /// The whole file.
    ///
    /// # Errors
    /// The disk's.
    pub fn finish(mut self) -> Result<Whole, ShelfError> {
        self.file.flush()?;
        let sha256 = self.hash.finalize().into();
        Ok(Whole { file: self.file, path: self.path, sha256, size: self.size, head: self.head, rand: self.rand })
    }
}

/// What a protocol library writes into: the same, as a writer.
impl Write for Incoming {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        match self.push(piece) {
            Ok(()) => Ok(piece.len()),
            Err(ShelfError::Io(error)) => Err(error),
            Err(other) => Err(io::Error::new(io::ErrorKind::FileTooLarge, other)),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Incoming {
    /// Begins anew: what came is thrown away.
    ///
    /// # Errors
    /// The disk's.
    pub fn restart(&mut self) -> io::Result<()> {
        use std::io::Seek as _;
        self.file.set_len(0)?;
        self.file.rewind()?;
        self.hash = Sha256::new();
        self.size = 0;
        self.head.clear();
        Ok(())
    }

    /// Bytes so far.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }
}

/// A file that came whole and has no name yet. Gone when dropped.
pub struct Whole {
    file: File,
    path: Named,
    /// SHA-256 of it.
    pub sha256: [u8; 32],
    /// Its bytes.
    pub size: u64,
    /// Its first bytes.
    pub head: Vec<u8>,
    rand: u64,
}

impl Whole {
    /// Another handle of the file, to look into it.
    ///
    /// # Errors
    /// The disk's.
    pub fn reader(&self) -> io::Result<File> {
        File::open(&self.path.0)
    }

    pub(super) fn rand(&self) -> u64 {
        self.rand
    }

    /// Gives it its name, on disk before it is told.
    pub(super) fn place(self, to: &Path) -> io::Result<()> {
        self.file.sync_all()?;
        let folder = to.parent().ok_or(io::ErrorKind::InvalidInput)?;
        if !folder.exists() {
            std::fs::create_dir_all(folder)?;
            if let Some(above) = folder.parent() {
                File::open(above)?.sync_all()?;
            }
        }
        std::fs::rename(&self.path.0, to)?;
        File::open(folder)?.sync_all()
    }
}
