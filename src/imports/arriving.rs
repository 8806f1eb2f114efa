//! A file arrives, and is kept on the disk until it is in the list.

use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use tokio::io::{AsyncWriteExt as _, BufWriter};
use wasup_store::records::ImportFormat;

use super::{ImportError, Imports, format_of};

/// Bytes that wait in memory for the disk.
const BUFFER: usize = 256 * 1024;
/// First bytes that tell what a file is.
const HEAD: usize = 8;

/// A file that arrived whole. Gone when dropped, unless it got its place.
pub struct Arrived {
    path: Temporary,
    /// What it is.
    pub format: ImportFormat,
    /// Its bytes.
    pub size: u64,
}

struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        // It has its place by now, or nobody wants it.
        drop(std::fs::remove_file(&self.0));
    }
}

impl Imports {
    /// Takes in a file, piece by piece.
    ///
    /// # Errors
    /// [`ImportError`]; nothing is kept then.
    pub async fn receive<E>(
        &self,
        pieces: impl Stream<Item = Result<Bytes, E>> + Send,
    ) -> Result<Arrived, ImportError> {
        self.importing.admit()?;
        self.lists.admit().map_err(wasup_actors::ListError::Store)?;
        let path = Temporary(self.files.folder.join(format!("coming-{:016x}", rand::random::<u64>())));
        let open = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path.0)?;
        let mut file = BufWriter::with_capacity(BUFFER, tokio::fs::File::from_std(open));
        let (mut size, mut head) = (0_u64, Vec::new());
        let mut pieces = std::pin::pin!(pieces);
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(|_| ImportError::Truncated)?;
            size += piece.len() as u64;
            if size > self.files.limits.file {
                return Err(ImportError::TooLarge(self.files.limits.file));
            }
            head.extend_from_slice(&piece[..piece.len().min(HEAD.saturating_sub(head.len()))]);
            file.write_all(&piece).await?;
        }
        if size == 0 {
            return Err(ImportError::Empty);
        }
        let format = format_of(&head)?;
        file.flush().await?;
        file.get_ref().sync_all().await?;
        Ok(Arrived { path, format, size })
    }
}

impl Arrived {
    /// Gives it its place, on disk before anybody is told.
    pub(super) fn place(self, to: &Path) -> io::Result<()> {
        std::fs::rename(&self.path.0, to)?;
        std::fs::File::open(to.parent().ok_or(io::ErrorKind::InvalidInput)?)?.sync_all()
    }
}
