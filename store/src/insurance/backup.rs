//! A consistent copy of a store that goes on working.
//!
//! A scan walks over all rows in the order of their keys, a page at a time between two groups; the writer notes changes
//! of rows behind it. Scan and notes together are the store at the commit at which the scan ended.

use std::fs::{self, File, OpenOptions};
use std::io::{BufWriter, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::archive::{ArchiveError, End, Head, Writer};
use super::tee::Tee;
use crate::commit::CommitRow;
use crate::engine::Walk;
use crate::{Durability, Store, StoreError, Tree, repo};

/// Rows read at once; writers wait for a page.
const PAGE: usize = 256;

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BackupReport {
    /// The file.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// The commit that it shows the store at.
    pub commit: u64,
    /// Rows in it.
    pub rows: u64,
    /// SHA-256 of its content, as its last 32 bytes say too, in hex.
    pub sha256: String,
}

/// The archive under way.
type Archive = Writer<BufWriter<File>>;

impl Store {
    /// Writes everything that is acknowledged by now, and perhaps a little more, into a new file. The store goes on.
    ///
    /// # Errors
    /// [`ArchiveError::Exists`] for a name that is taken, [`ArchiveError::Busy`] while another backup is made, and
    /// whatever goes wrong with the disk. Nothing is left behind then.
    pub async fn backup(&self, folder: &Path, name: &str) -> Result<BackupReport, ArchiveError> {
        let draft = Draft::new(folder, name)?;
        // What was acknowledged is on disk, and so in what the scan will see.
        self.write(Durability::Durable, |_| Ok::<_, StoreError>(())).await?;
        let store = self.clone();
        let (draft, made, cut) = blocking(move || store.scan(draft)).await?;
        // Nothing may be in the copy that a power cut takes from the store.
        self.write(Durability::Durable, |_| Ok::<_, StoreError>(())).await?;
        blocking(move || finish(draft, made, cut)).await
    }

    fn scan(&self, draft: Draft) -> Result<(Draft, Archive, Cut), ArchiveError> {
        let engine = self.engine();
        let head = {
            let _view = self.pause();
            let identity = self.look(repo::schema::identity)?;
            let commit = CommitRow::load(engine)?.commit;
            let mut tee = self.tee();
            if tee.is_some() {
                return Err(ArchiveError::Busy);
            }
            *tee = Some(Tee::new(draft.notes()?));
            Head { schema: repo::schema::SCHEMA, identity, commit }
        };
        // Whatever happens now, the writer must not go on noting.
        let _end = EndOfTee(self);
        let out = BufWriter::with_capacity(256 << 10, draft.file()?);
        let mut made = Writer::new(out, &head).map_err(ArchiveError::io(&draft.path))?;
        for tree in Tree::ALL {
            let mut from = Vec::new();
            while let Some(next) = self.page(*tree, &from, &mut made, &draft)? {
                from = next;
            }
        }
        let cut = {
            let _view = self.pause();
            Cut { row: CommitRow::load(engine)?, tee: self.tee().take() }
        };
        Ok((draft, made, cut))
    }

    /// Copies a page; answers where the next begins.
    fn page(
        &self,
        tree: Tree,
        from: &[u8],
        made: &mut Archive,
        draft: &Draft,
    ) -> Result<Option<Vec<u8>>, ArchiveError> {
        let rows = {
            let _view = self.view();
            let rows = self.engine().range(tree, from, None, Walk::Up, PAGE)?;
            if let Some(tee) = self.tee().as_mut() {
                // A tree that has no more rows is behind us, whatever comes into it.
                let end = || vec![0xff; crate::key::MAX_KEY + 4];
                let last = rows.last().filter(|_| rows.len() == PAGE).map_or_else(end, |(key, _)| key.to_vec());
                tee.reached = Some((tree, last));
            }
            rows
        };
        for (key, value) in &rows {
            made.frame(tree, key, Some(value)).map_err(ArchiveError::io(&draft.path))?;
        }
        Ok(rows.last().filter(|_| rows.len() == PAGE).map(|(last, _)| [last.as_ref(), &[0]].concat()))
    }
}

struct EndOfTee<'a>(&'a Store);

impl Drop for EndOfTee<'_> {
    fn drop(&mut self) {
        self.0.tee().take();
    }
}

struct Cut {
    row: CommitRow,
    tee: Option<Tee>,
}

fn finish(draft: Draft, mut made: Archive, cut: Cut) -> Result<BackupReport, ArchiveError> {
    let failed = ArchiveError::io(&draft.path);
    let fingerprint = cut.row.fingerprint.unwrap_or_default();
    if let Some(tee) = cut.tee {
        let (mut notes, frames) = tee.end().map_err(&failed)?;
        made.frames(&mut notes, frames).map_err(&failed)?;
    }
    let (out, bytes, End { commit, sha256, .. }) = made.end(cut.row.commit, fingerprint).map_err(&failed)?;
    let mut out = out;
    out.flush().map_err(&failed)?;
    out.get_ref().sync_all().map_err(&failed)?;
    let path = draft.keep()?;
    let sha256 = data_encoding::HEXLOWER.encode(&sha256);
    Ok(BackupReport { path, bytes, commit, rows: fingerprint.rows, sha256 })
}

/// A file under a temporary name; gone again unless it is kept.
struct Draft {
    folder: PathBuf,
    path: PathBuf,
    part: PathBuf,
}

impl Draft {
    fn new(folder: &Path, name: &str) -> Result<Self, ArchiveError> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(ArchiveError::io(folder))?;
        let path = folder.join(name);
        if path.exists() {
            return Err(ArchiveError::Exists { path });
        }
        let part = folder.join(format!(".{name}.{:016x}.part", rand::random::<u64>()));
        Ok(Self { folder: folder.into(), path, part })
    }

    fn create(path: &Path) -> Result<File, ArchiveError> {
        let options = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).clone();
        options.open(path).map_err(ArchiveError::io(path))
    }

    fn file(&self) -> Result<File, ArchiveError> {
        Self::create(&self.part)
    }

    /// A file without a name: it ends with its handle.
    fn notes(&self) -> Result<File, ArchiveError> {
        let path = self.part.with_extension("notes");
        let file = Self::create(&path)?;
        fs::remove_file(&path).map_err(ArchiveError::io(&path))?;
        Ok(file)
    }

    /// Gives the finished file its name, which must still be free.
    fn keep(&self) -> Result<PathBuf, ArchiveError> {
        // A rename would replace what has the name.
        fs::hard_link(&self.part, &self.path).map_err(ArchiveError::io(&self.path))?;
        fs::remove_file(&self.part).map_err(ArchiveError::io(&self.part))?;
        File::open(&self.folder).and_then(|folder| folder.sync_all()).map_err(ArchiveError::io(&self.folder))?;
        Ok(self.path.clone())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // Kept ones have no such file any more.
        let _ = fs::remove_file(&self.part);
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ArchiveError> + Send + 'static,
) -> Result<T, ArchiveError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|_| Err(ArchiveError::Store(StoreError::JobPanicked)))
}
