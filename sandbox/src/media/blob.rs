//! Bytes of one file: small ones in memory, larger ones in a file on disk that has no name, so that a test with 100 MB
//! costs no memory and leaves nothing behind.

use bytes::{Bytes, BytesMut};
use sha2::{Digest, Sha256};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::sync::Arc;

/// Largest body that is kept in memory.
const IN_MEMORY: usize = 256 * 1024;

/// A whole body. Clones share it.
#[derive(Clone)]
pub(crate) enum Blob {
    Memory(Bytes),
    Disk(Arc<File>, u64),
}

impl Blob {
    pub(crate) fn len(&self) -> u64 {
        match self {
            Self::Memory(bytes) => bytes.len() as u64,
            Self::Disk(_, len) => *len,
        }
    }

    /// At most `most` bytes from `at` on; fewer at the end.
    pub(crate) fn read(&self, at: u64, most: usize) -> io::Result<Bytes> {
        let left = usize::try_from(self.len().saturating_sub(at)).unwrap_or(usize::MAX).min(most);
        match self {
            Self::Memory(bytes) => {
                let at = usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
                Ok(bytes.slice(at..at + left))
            }
            Self::Disk(file, _) => {
                let mut piece = vec![0; left];
                file.read_exact_at(&mut piece, at)?;
                Ok(piece.into())
            }
        }
    }
}

/// A body that is still coming, and its hash so far.
pub(crate) struct Draft {
    memory: BytesMut,
    disk: Option<File>,
    len: u64,
    hash: Sha256,
}

impl Draft {
    pub(crate) fn new() -> Self {
        Self { memory: BytesMut::new(), disk: None, len: 0, hash: Sha256::new() }
    }

    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    pub(crate) fn push(&mut self, piece: &[u8]) -> io::Result<()> {
        if self.disk.is_none() && self.memory.len() + piece.len() > IN_MEMORY {
            let mut file = nameless()?;
            file.write_all(&std::mem::take(&mut self.memory))?;
            self.disk = Some(file);
        }
        match &mut self.disk {
            Some(file) => file.write_all(piece)?,
            None => self.memory.extend_from_slice(piece),
        }
        self.hash.update(piece);
        self.len += piece.len() as u64;
        Ok(())
    }

    /// The body and its SHA-256.
    pub(crate) fn finish(self) -> (Blob, [u8; 32]) {
        let blob = match self.disk {
            Some(file) => Blob::Disk(Arc::new(file), self.len),
            None => Blob::Memory(self.memory.freeze()),
        };
        (blob, self.hash.finalize().into())
    }
}

fn nameless() -> io::Result<File> {
    let path = std::env::temp_dir().join(format!("wasup-sandbox-media-{:032x}", rand::random::<u128>()));
    let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path)?;
    std::fs::remove_file(path)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_and_small_bodies_read_alike() {
        for pieces in [1, 40] {
            let piece: Vec<u8> = (0..10_007_u32).map(|n| n.to_be_bytes()[3]).collect();
            let mut draft = Draft::new();
            (0..pieces).for_each(|_| draft.push(&piece).unwrap());
            let (blob, hash) = draft.finish();
            assert_eq!(matches!(blob, Blob::Disk(..)), pieces > 26);
            let whole = blob.read(0, usize::MAX).unwrap();
            assert_eq!(whole, piece.repeat(pieces));
            assert_eq!(hash, <[u8; 32]>::from(Sha256::digest(&whole)));
            assert_eq!(blob.read(5, 3).unwrap(), piece[5..8]);
            assert_eq!(blob.read(blob.len(), 3).unwrap().len(), 0);
        }
    }
}
