//! A stopped store without the room that deleted rows left: the engine's file never shrinks, so every row is copied into
//! a new folder, which then takes the old one's place. No new life: nothing went on in between.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use serde::Serialize;

use super::archive::ArchiveError;
use super::{Fingerprint, restore, seal};
use crate::commit::CommitRow;
use crate::engine::SledEngine;
use crate::{OpenError, repo, tripwire};

/// What a compaction won.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CompactReport {
    /// Bytes of the old files.
    pub before: u64,
    /// Bytes of the new ones.
    pub after: u64,
    /// Rows copied.
    pub rows: u64,
    /// Where the old store is kept. Remove it when the new one has proven itself.
    pub kept: PathBuf,
}

/// Copies the stopped store in `path` and puts the copy in its place. `date` names the folder that keeps the old one.
///
/// # Errors
/// [`ArchiveError`]. The store in `path` is always whole: the old one until the copy is proven, the copy then.
pub fn compact(path: &Path, cache: u64, date: &str) -> Result<CompactReport, ArchiveError> {
    if !path.join("db").is_file() {
        return Err(OpenError::Absent { path: path.into() }.into());
    }
    // Links are followed: it is the folder itself that is replaced.
    let path = &path.canonicalize().map_err(ArchiveError::io(path))?;
    let copy = beside(path, "compacting");
    let kept = beside(path, &format!("before-compact-{date}"));
    for taken in [&copy, &kept] {
        if taken.exists() {
            return Err(ArchiveError::Exists { path: taken.clone() });
        }
    }
    let before = size(path)?;
    let found = copied(path, &copy, cache)?;
    fs::set_permissions(&copy, fs::metadata(path).map_err(ArchiveError::io(path))?.permissions())
        .map_err(ArchiveError::io(&copy))?;
    let other = others(path)?;
    for file in other.iter().filter(|file| file.is_file()) {
        let to = copy.join(file.file_name().unwrap_or_default());
        fs::copy(file, &to).and_then(|_| File::open(&to)?.sync_all()).map_err(ArchiveError::io(&to))?;
    }
    File::open(&copy).and_then(|copy| copy.sync_all()).map_err(ArchiveError::io(&copy))?;
    // One step: there is a whole store under the name at every moment.
    renameat_with(CWD, path, CWD, &copy, RenameFlags::EXCHANGE)
        .map_err(|error| ArchiveError::io(path)(error.into()))?;
    fs::rename(&copy, &kept).map_err(ArchiveError::io(&kept))?;
    for folder in other.iter().filter_map(|other| other.file_name()).filter(|name| kept.join(name).is_dir()) {
        fs::rename(kept.join(folder), path.join(folder)).map_err(ArchiveError::io(&path.join(folder)))?;
    }
    if let Some(parent) = path.parent() {
        File::open(parent).and_then(|parent| parent.sync_all()).map_err(ArchiveError::io(parent))?;
    }
    Ok(CompactReport { before, after: size(path)?, rows: found.rows, kept })
}

/// Copies the rows of a sound store.
fn copied(path: &Path, copy: &Path, cache: u64) -> Result<Fingerprint, ArchiveError> {
    let was = tripwire::newest(path);
    let engine = SledEngine::open(path, cache)?;
    let schema = repo::schema::version(&engine, path)?;
    let damaged = |detail: &str| OpenError::Damaged { path: path.into(), detail: detail.into() };
    if schema != repo::schema::SCHEMA {
        return Err(ArchiveError::Differs(format!("its layout is {schema}; start it once, then compact it")));
    }
    let row = CommitRow::load(&engine)?;
    if was > row.commit {
        return Err(damaged("commits were lost").into());
    }
    if row.fingerprint != Some(Fingerprint::of(&engine)?) {
        return Err(damaged("rows were lost or changed since the newest commit").into());
    }
    let found = restore::copy(&engine, copy, cache)?;
    if row.fingerprint != Some(found) {
        return Err(ArchiveError::Differs("the copy has other rows".into()));
    }
    Ok(found)
}

fn beside(path: &Path, what: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(what);
    name.into()
}

/// What in the folder is not the engine's nor about its files.
fn others(path: &Path) -> Result<Vec<PathBuf>, ArchiveError> {
    let failed = ArchiveError::io(path);
    let engines = seal::files(path).map_err(&failed)?;
    let entries = fs::read_dir(path).map_err(&failed)?.map(|entry| entry.map(|entry| entry.path()));
    let all: Vec<PathBuf> = entries.collect::<io::Result<_>>().map_err(&failed)?;
    let about = ["blobs", "seal", "seal.new"].map(|name| path.join(name));
    Ok(all.into_iter().filter(|path| !engines.contains(path) && !about.contains(path)).collect())
}

fn size(path: &Path) -> Result<u64, ArchiveError> {
    let failed = ArchiveError::io(path);
    let mut bytes = 0;
    for file in seal::files(path).map_err(&failed)? {
        bytes += fs::metadata(file).map_err(&failed)?.len();
    }
    Ok(bytes)
}
