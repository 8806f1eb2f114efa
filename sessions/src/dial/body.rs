//! Bodies between the library's synchronous readers and asynchronous HTTP.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use bytes::{Buf, Bytes};
use tokio::runtime::Handle;

use super::budget::Share;

/// Longest wait for the next piece of a body.
const PIECE_TIMEOUT: Duration = Duration::from_secs(60);

/// A body as it arrives, read on a thread that may block. Never more than one piece of it is in memory.
pub(crate) struct Incoming {
    response: reqwest::Response,
    piece: Bytes,
    on: Handle,
    _share: Share,
}

impl Incoming {
    pub(crate) fn new(response: reqwest::Response, on: Handle, share: Share) -> Self {
        Self { response, piece: Bytes::new(), on, _share: share }
    }
}

impl Read for Incoming {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            let next = self.on.block_on(async { tokio::time::timeout(PIECE_TIMEOUT, self.response.chunk()).await });
            match next.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?.map_err(io::Error::other)? {
                Some(piece) => self.piece = piece,
                None => return Ok(0),
            }
        }
        let n = out.len().min(self.piece.len());
        self.piece.copy_to_slice(&mut out[..n]);
        Ok(n)
    }
}

/// Copies a body of exactly `len` bytes into a file that has no name any more, and answers it at its beginning.
pub(crate) fn spool(folder: &Path, body: &mut dyn Read, len: u64, name: u64) -> io::Result<File> {
    let path = folder.join(format!("wasup-upload-{}-{name:016x}", std::process::id()));
    let mut file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path)?;
    std::fs::remove_file(&path)?;
    let copied = io::copy(&mut body.take(len.saturating_add(1)), &mut file)?;
    if copied != len {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the body is not as long as it was said to be"));
    }
    file.flush()?;
    file.seek(SeekFrom::Start(0))?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spooled_body_has_no_name_and_its_exact_length() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = spool(folder.path(), &mut &b"hello"[..], 5, 1).unwrap();
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        assert_eq!(text, "hello");
        for len in [4, 6] {
            assert_eq!(
                spool(folder.path(), &mut &b"hello"[..], len, 2).unwrap_err().kind(),
                io::ErrorKind::InvalidData
            );
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
