//! A backup becomes a store again: a new life, because the one that was lost went on after it was made.
//!
//! The live ratchets may be thousands of messages ahead of the copy, and counters that are used twice lose messages
//! without a word. So sessions and one-time keys are not taken over, numbers leap, and nothing is sent before an operator
//! says so.

use std::fs::{self, DirBuilder, File};
use std::future::Future;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use serde::Serialize;

use super::archive::{ArchiveError, End, Reader, inspect};
use super::{Fingerprint, seal, verify};
use crate::commit::CommitRow;
use crate::engine::{Batch, Change, Engine, SledEngine};
use crate::id::{AccountId, Millis};
use crate::key::Key;
use crate::keyring::MasterKey;
use crate::records::AccountRecord;
use crate::repo::wa::{self, WaKind, WaScope};
use crate::repo::{account, revival, schema};
use crate::{Direction, Durability, Store, StoreError, Tree};

/// Stands in a folder until its restore is through.
const UNFINISHED: &str = "restoring";

/// Rows applied at once, and bytes.
const ROWS: usize = 1_000;
const BYTES: usize = 1 << 20;

/// Rows of an account changed in one job.
const JOB: usize = 400;

/// What belongs to ratchets that have gone on elsewhere.
const DROPPED: [WaKind; 6] = [
    WaKind::Session,
    WaKind::SenderKey,
    WaKind::SenderKeyDevice,
    WaKind::SenderKeyGroup,
    WaKind::PreKey,
    WaKind::PendingInbound,
];

/// What was restored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RestoreReport {
    /// The commit that the backup shows.
    pub commit: u64,
    /// Rows of the backup.
    pub rows: u64,
    /// Accounts, all of them stopped.
    pub accounts: u64,
    /// Accounts whose outbox waits for a release.
    pub paused: u64,
    /// Rows of sessions and one-time keys that were left behind.
    pub dropped: u64,
}

/// Whether a restore into this folder was cut off.
pub(crate) fn unfinished(folder: &Path) -> bool {
    folder.join(UNFINISHED).exists()
}

/// Makes a store of a backup in a folder that is empty or not there. `renew` is called for every account that is linked
/// and makes its device a new one to the ratchets of others; it can be called again for the same.
///
/// # Errors
/// [`ArchiveError`]; a folder that was begun is refused by every start and has to be removed.
pub async fn restore<R, F>(
    file: &Path,
    into: &Path,
    cache: u64,
    key: Option<&MasterKey>,
    renew: R,
) -> Result<RestoreReport, ArchiveError>
where
    R: Fn(Store, WaScope) -> F,
    F: Future<Output = Result<(), StoreError>>,
{
    // Whole, before anything is made of it.
    let (_, end) = inspect(file)?;
    fresh(into)?;
    load(file, into, cache, &end)?;
    let store = Store::open_unfinished(into, cache, key)?;
    let mut report =
        RestoreReport { commit: end.commit, rows: end.fingerprint.rows, accounts: 0, paused: 0, dropped: 0 };
    let incarnation: u64 = rand::random();
    store
        .write(Durability::Durable, move |tx| {
            revival::leap_server(tx)?;
            schema::begin_life(tx, incarnation)
        })
        .await?;
    let mut after: Option<AccountId> = None;
    loop {
        let page = store.read(|tx| account::list(tx, after.as_ref(), 64)).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.id.clone());
        for record in page {
            report.accounts += 1;
            report.dropped += drop_keys(&store, &record).await?;
            if record.identity.is_some() {
                renew(store.clone(), WaScope { no: record.no, link: record.link, epoch: record.epoch }).await?;
            }
            report.paused += u64::from(stop(&store, &record).await?);
        }
    }
    drop(store);
    let seen = verify(into, cache, key, 10)?;
    if !seen.is_sound() {
        return Err(ArchiveError::Differs(format!("{:?}", seen.findings)));
    }
    let marker = into.join(UNFINISHED);
    fs::remove_file(&marker).map_err(ArchiveError::io(&marker))?;
    synced(into)?;
    Ok(report)
}

/// Makes the folder, or finds it empty, and marks it.
fn fresh(into: &Path) -> Result<(), ArchiveError> {
    let failed = ArchiveError::io(into);
    match DirBuilder::new().mode(0o700).create(into) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            DirBuilder::new().recursive(true).mode(0o700).create(into).map_err(&failed)?;
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            // What a file system puts into its own root is in nobody's way.
            let others = |entry: io::Result<fs::DirEntry>| entry.is_ok_and(|entry| entry.file_name() != "lost+found");
            if fs::read_dir(into).map_err(&failed)?.any(others) {
                return Err(ArchiveError::Exists { path: into.into() });
            }
        }
        other => other.map_err(&failed)?,
    }
    File::create(into.join(UNFINISHED)).and_then(|file| file.sync_all()).map_err(&failed)?;
    synced(into)
}

fn synced(folder: &Path) -> Result<(), ArchiveError> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(ArchiveError::io(folder))
}

/// Copies the rows as they are, and proves that they are the ones that the store had.
fn load(file: &Path, into: &Path, cache: u64, end: &End) -> Result<(), ArchiveError> {
    let engine = SledEngine::open(into, cache)?;
    let mut reader = Reader::open(file)?;
    let mut batch = Changes::default();
    while let Some(change) = reader.next()? {
        batch.add(&engine, change)?;
    }
    batch.apply(&engine)?;
    engine.sync()?;
    let (noted, found) = (CommitRow::load(&engine)?, Fingerprint::of(&engine)?);
    if reader.end.as_ref() != Some(end) || noted.commit != end.commit || found != end.fingerprint {
        return Err(ArchiveError::Differs(format!("{} rows instead of {}", found.rows, end.fingerprint.rows)));
    }
    Ok(())
}

/// Rows on their way into an engine.
#[derive(Default)]
pub(super) struct Changes {
    rows: std::collections::BTreeMap<(Tree, Box<[u8]>), Option<bytes::Bytes>>,
    bytes: usize,
    unsynced: usize,
}

impl Changes {
    pub(super) fn add(&mut self, engine: &dyn Engine, change: Change) -> Result<(), ArchiveError> {
        self.bytes += change.key.len() + change.value.as_ref().map_or(0, bytes::Bytes::len);
        self.rows.insert((change.tree, change.key), change.value);
        if self.rows.len() >= ROWS || self.bytes >= BYTES { self.apply(engine) } else { Ok(()) }
    }

    pub(super) fn apply(&mut self, engine: &dyn Engine) -> Result<(), ArchiveError> {
        let rows = std::mem::take(&mut self.rows);
        let changes = rows.into_iter().map(|((tree, key), value)| Change { tree, key, value }).collect();
        engine.apply(&Batch { changes, seen: Vec::new() })?;
        self.unsynced += std::mem::take(&mut self.bytes);
        if self.unsynced > 16 * BYTES {
            self.unsynced = 0;
            engine.sync()?;
        }
        Ok(())
    }
}

async fn drop_keys(store: &Store, record: &AccountRecord) -> Result<u64, StoreError> {
    let scope = WaScope { no: record.no, link: record.link, epoch: record.epoch };
    let mut dropped = 0;
    for kind in DROPPED {
        let prefix: Key = wa::key(scope, kind);
        loop {
            let prefix = prefix.clone();
            let done = store
                .write(Durability::Relaxed, move |tx| {
                    // Keys only: what is dropped need not be readable.
                    let rows = tx.prefix(Tree::Wa, &prefix, Direction::Forward, JOB)?;
                    rows.iter().try_for_each(|(key, _)| tx.delete(Tree::Wa, key))?;
                    Ok::<_, StoreError>(rows.len())
                })
                .await?;
            dropped += done as u64;
            if done < JOB {
                break;
            }
        }
    }
    Ok(dropped)
}

/// Stops an account, puts what was on the wire back into its queue and lets its numbers leap.
async fn stop(store: &Store, record: &AccountRecord) -> Result<bool, StoreError> {
    let (no, epoch, now_ms): (_, _, Millis) = (record.no, record.epoch, store.now_ms());
    while store.write(Durability::Relaxed, move |tx| revival::requeue_unsettled(tx, no, epoch, JOB / 4, now_ms)).await?
    {
    }
    let mut after = None;
    loop {
        after = store.write(Durability::Relaxed, move |tx| revival::pause_schedules(tx, no, after)).await?;
        if after.is_none() {
            break;
        }
    }
    let id = record.id.clone();
    store.write(Durability::Durable, move |tx| revival::restored(tx, &id, now_ms)).await
}

/// Copies every row of a store into a new one beside it and proves that they are the same.
pub(super) fn copy(from: &dyn Engine, into: &Path, cache: u64) -> Result<Fingerprint, ArchiveError> {
    fresh(into)?;
    let engine = SledEngine::open(into, cache)?;
    let mut batch = Changes::default();
    for tree in Tree::ALL {
        let mut at = Vec::new();
        loop {
            let page = from.range(*tree, &at, None, crate::engine::Walk::Up, ROWS)?;
            let last = page.last().filter(|_| page.len() == ROWS).map(|(last, _)| [last.as_ref(), &[0]].concat());
            for (key, value) in page {
                batch.add(&engine, Change { tree: *tree, key: Box::from(&*key), value: Some(value) })?;
            }
            match last {
                Some(next) => at = next,
                None => break,
            }
        }
    }
    batch.apply(&engine)?;
    engine.sync()?;
    let found = Fingerprint::of(&engine)?;
    drop(engine);
    let marker = into.join(UNFINISHED);
    fs::remove_file(&marker).map_err(ArchiveError::io(&marker))?;
    seal::close(into).map_err(ArchiveError::io(into))?;
    Ok(found)
}
