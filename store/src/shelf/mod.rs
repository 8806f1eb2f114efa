//! The shelf: files that we keep, beside the store.
//!
//! A file comes as a temporary one with a name that says so, is synced, gets its name, and only then its row. So a row
//! always has its file; a crash in between leaves a file without a row, which the next start takes away. It goes the
//! other way round: first the row, then the file.

mod incoming;
#[cfg(test)]
mod tests;
mod tidy;

use std::fs::{DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::id::{AccountNo, MediaId, MessageId, Millis, TenantNo};
use crate::records::{Media, MediaFamily, MediaFileRecord, MediaTotals, Octets, RemoteMedia};
use crate::repo::media;
use crate::{Durability, Store, StoreError};

pub use incoming::{Incoming, Whole};
pub use tidy::Tidied;

/// The folder of the shelf in the store's.
pub const FOLDER: &str = "media";

const TEMPORARY: &str = "coming";
const FILES: &str = "files";

/// How much is kept, and how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShelfLimits {
    /// How long a file stays after its last use.
    pub keep: Duration,
    /// Bytes of all files together.
    pub max_bytes: u64,
}

/// What can go wrong with files.
#[derive(Debug, thiserror::Error)]
pub enum ShelfError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The disk failed.
    #[error("the shelf of files can't be used: {0}")]
    Io(#[from] io::Error),
    /// More bytes came than were allowed.
    #[error("more than {0} bytes")]
    TooLarge(u64),
    /// As many bytes are kept as may be.
    #[error("as many bytes of files are kept as media.max_bytes allows")]
    Full,
    /// There is no such file, or no more.
    #[error("there is no such file")]
    NotFound,
}

/// Why a file is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// The tenant that it belongs to.
    pub tenant: TenantNo,
    /// The account and the message that it was received with.
    pub message: Option<MessageId>,
    /// How long it stays at least, where that was said; as long as others where it was not.
    pub keep: Option<Duration>,
}

fn after(now_ms: Millis, span: Duration) -> Millis {
    now_ms.saturating_add(u64::try_from(span.as_millis()).unwrap_or(u64::MAX / 4))
}

/// Where a file lies in the folder of a shelf.
pub(crate) fn path_in(folder: &Path, id: MediaId) -> PathBuf {
    let name = id.to_string();
    // The end is random, so folders fill evenly.
    let part = name.get(name.len().saturating_sub(4)..name.len() - 2).unwrap_or_default();
    folder.join(FILES).join(part).join(&name)
}

/// How many files lie in the folder of a shelf.
pub(crate) fn files_in(folder: &Path) -> u64 {
    let entries = |folder: &Path| std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    entries(&folder.join(FILES)).map(|part| entries(&part).count() as u64).sum()
}

/// Files that we keep. Cheap to clone; all clones are the same shelf.
#[derive(Clone)]
pub struct Shelf(Arc<Inner>);

struct Inner {
    store: Store,
    folder: PathBuf,
    limits: ShelfLimits,
}

impl Shelf {
    /// The shelf in a store's folder, made where it is not there.
    ///
    /// # Errors
    /// When its folders can't be made.
    pub fn open(store: Store, data: &Path, limits: ShelfLimits) -> io::Result<Self> {
        let folder = data.join(FOLDER);
        for part in [TEMPORARY, FILES] {
            DirBuilder::new().recursive(true).mode(0o700).create(folder.join(part))?;
        }
        Ok(Self(Arc::new(Inner { store, folder, limits })))
    }

    /// The store that it stands beside.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.0.store
    }

    /// How much is kept, and how long.
    #[must_use]
    pub fn limits(&self) -> ShelfLimits {
        self.0.limits
    }

    /// A file that is about to come, of at most so many bytes.
    ///
    /// # Errors
    /// When no file can be made.
    pub fn begin(&self, most: u64) -> Result<Incoming, ShelfError> {
        Ok(Incoming::begin(&self.temporary(), most)?)
    }

    /// The folder for files that are no files of the shelf yet.
    #[must_use]
    pub fn temporary(&self) -> PathBuf {
        self.0.folder.join(TEMPORARY)
    }

    /// Refuses what would be too much, before it comes. For the API's work only: what the network brings pushes out what
    /// would go first.
    ///
    /// # Errors
    /// [`ShelfError::Full`].
    pub async fn admit(&self, bytes: u64) -> Result<(), ShelfError> {
        let kept = self.totals().await?.bytes;
        if kept.saturating_add(bytes) > self.0.limits.max_bytes { Err(ShelfError::Full) } else { Ok(()) }
    }

    /// Keeps a whole file: it gets its name, and then its row.
    ///
    /// # Errors
    /// [`ShelfError`] when the disk or the store fails; nothing is kept then.
    pub async fn keep(&self, whole: Whole, media: Media, origin: Origin) -> Result<MediaFileRecord, ShelfError> {
        let now_ms = self.0.store.now_ms();
        let id = MediaId::new(now_ms, whole.rand());
        let file = MediaFileRecord {
            id,
            tenant: origin.tenant,
            account: origin.message.map(|message| message.account),
            message: origin.message,
            media: Media { size: whole.size, remote: None, file: None, caption: None, ..media },
            sha256: Octets(whole.sha256.to_vec()),
            created_ms: now_ms,
            expires_ms: after(now_ms, origin.keep.unwrap_or(self.0.limits.keep)),
            uploads: Vec::new(),
        };
        let path = self.path(id);
        let placed = tokio::task::spawn_blocking(move || whole.place(&path));
        placed.await.map_err(io::Error::other)??;
        let row = file.clone();
        let put = move |tx: &mut crate::WriteTx<'_>| media::put_new(tx, &row);
        if let Err(error) = self.0.store.write::<_, StoreError, _>(Durability::Durable, put).await {
            // Best effort: the next start takes away what has no row.
            drop(std::fs::remove_file(self.path(id)));
            return Err(error.into());
        }
        Ok(file)
    }

    fn until_ms(&self, now_ms: Millis) -> Millis {
        after(now_ms, self.0.limits.keep)
    }

    /// Where a file lies.
    #[must_use]
    pub fn path(&self, id: MediaId) -> PathBuf {
        path_in(&self.0.folder, id)
    }

    /// What is known of a file.
    ///
    /// # Errors
    /// [`ShelfError::NotFound`], or the store's.
    pub async fn get(&self, id: MediaId) -> Result<MediaFileRecord, ShelfError> {
        self.0.store.read(|tx| media::get(tx, id)).await?.ok_or(ShelfError::NotFound)
    }

    /// The file that a message came with, where it is kept.
    ///
    /// # Errors
    /// The store's.
    pub async fn of_message(&self, message: MessageId) -> Result<Option<MediaFileRecord>, ShelfError> {
        Ok(self.0.store.read(|tx| media::of_message(tx, message)).await?)
    }

    /// A file to read from.
    ///
    /// # Errors
    /// [`ShelfError::NotFound`] where there is none.
    pub fn open_file(&self, id: MediaId) -> Result<File, ShelfError> {
        File::open(self.path(id)).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => ShelfError::NotFound,
            _ => ShelfError::Io(error),
        })
    }

    /// At most `limit` files, the newest first, older than the one given.
    ///
    /// # Errors
    /// The store's.
    pub async fn list(&self, before: Option<MediaId>, limit: usize) -> Result<Vec<MediaFileRecord>, ShelfError> {
        Ok(self.0.store.read(|tx| media::list(tx, before, limit)).await?)
    }

    /// What all kept files come to.
    ///
    /// # Errors
    /// The store's.
    pub async fn totals(&self) -> Result<MediaTotals, ShelfError> {
        Ok(self.0.store.read(media::totals).await?)
    }

    /// Lets a file stay for as long as files do from now on, because it is used; one that stays longer does so.
    ///
    /// # Errors
    /// The store's.
    pub async fn prolong(&self, id: MediaId) -> Result<(), ShelfError> {
        let until_ms = self.until_ms(self.0.store.now_ms());
        let change = move |tx: &mut crate::WriteTx<'_>| media::prolong(tx, id, until_ms);
        Ok(self.0.store.write::<_, StoreError, _>(Durability::Durable, change).await?)
    }

    /// Notes where the network keeps a file now, so that it is not uploaded again.
    ///
    /// # Errors
    /// The store's.
    pub async fn note_upload(&self, id: MediaId, family: MediaFamily, remote: RemoteMedia) -> Result<(), ShelfError> {
        let now_ms = self.0.store.now_ms();
        let note = move |tx: &mut crate::WriteTx<'_>| media::note_upload(tx, id, family, &remote, now_ms);
        Ok(self.0.store.write::<_, StoreError, _>(Durability::Durable, note).await?)
    }

    /// Takes a file away. `false` where there was none.
    ///
    /// # Errors
    /// The store's, or the disk's.
    pub async fn remove(&self, id: MediaId) -> Result<bool, ShelfError> {
        let forget = move |tx: &mut crate::WriteTx<'_>| media::remove(tx, id);
        let was = self.0.store.write::<_, StoreError, _>(Durability::Durable, forget).await?;
        match std::fs::remove_file(self.path(id)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(was),
        }
    }

    /// Lets an account's files go with the next round.
    ///
    /// # Errors
    /// The store's.
    pub async fn let_go_of_account(&self, no: AccountNo) -> Result<(), ShelfError> {
        const STEP: usize = 200;
        let step = move |tx: &mut crate::WriteTx<'_>| media::let_go_of_account(tx, no, STEP);
        while self.0.store.write::<_, StoreError, _>(Durability::Durable, step).await? == STEP {}
        Ok(())
    }
}
