//! What every store has: its schema version, its identity, and the checks made before anyone uses it.

use std::path::Path;

use bytes::Bytes;

use crate::commit::{COMMIT_ROW, CommitRow};
use crate::engine::{Batch, Change, Engine, Walk};
use crate::envelope::{self, Codec};
use crate::insurance::{Fingerprint, migrate};
use crate::key::Parts;
use crate::keyring::{Keyring, MasterKey};
use crate::{EngineError, OpenError, ReadTx, StoreError, Tree, WriteTx};

/// The newest layout that this build knows.
pub const SCHEMA: u32 = 4;

pub(crate) const SCHEMA_ROW: &[u8] = b"schema";
const IDENTITY_ROW: &[u8] = b"identity";
/// Only encrypted stores have it: key-id u8 and what the key is known by.
const ENCRYPTION_ROW: &[u8] = b"encryption";

/// Which store this is, and which life of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreIdentity {
    /// Drawn when the store was created.
    pub uuid: u128,
    /// Drawn when the store was created, and again by every restore of a backup.
    pub incarnation: u64,
}

/// The store's identity.
///
/// # Errors
/// [`StoreError::Corrupt`] when its row is damaged.
pub fn identity(tx: &ReadTx<'_>) -> Result<StoreIdentity, StoreError> {
    let bad = || StoreError::corrupt(Tree::Meta, "the identity row is damaged");
    let body = tx.fixed(Tree::Meta, IDENTITY_ROW)?.ok_or_else(bad)?;
    let mut parts = Parts(&body);
    match (parts.u64(), parts.u64(), parts.u64()) {
        (Some(high), Some(low), Some(incarnation)) => {
            Ok(StoreIdentity { uuid: u128::from(high) << 64 | u128::from(low), incarnation })
        }
        _ => Err(bad()),
    }
}

/// Checks an old store and answers what its rows are opened with; `None` for a new one. Changes nothing.
pub(crate) fn check(engine: &dyn Engine, name: &Path, key: Option<&MasterKey>) -> Result<Option<Keyring>, OpenError> {
    match version(engine, name)? {
        0 => check_empty(engine, name).map(|()| None),
        found if found > SCHEMA => Err(OpenError::NewerSchema { path: name.into(), found, known: SCHEMA }),
        _ => {
            let keyring = unlock(engine, name, key)?;
            check_positions(engine, name)?;
            Ok(Some(keyring))
        }
    }
}

/// Brings an old store to this layout. With `suspect` every row is looked at first.
pub(crate) fn update(engine: &dyn Engine, name: &Path, keyring: &Keyring, suspect: bool) -> Result<(), OpenError> {
    let found = version(engine, name)?;
    check_rows(engine, name, found, suspect)?;
    if found < SCHEMA {
        migrate::run(engine, keyring, migrate::STEPS, found, SCHEMA)
            .map_err(|stopped| stopped.into_open_error(name))?;
    }
    Ok(())
}

/// Compares the rows with what the newest commit says of them.
fn check_rows(engine: &dyn Engine, name: &Path, found: u32, suspect: bool) -> Result<(), OpenError> {
    let failed = |source| OpenError::Engine { path: name.into(), source };
    let damaged = |detail: &str| OpenError::Damaged { path: name.into(), detail: detail.into() };
    let Some(noted) = CommitRow::load(engine).map_err(failed)?.fingerprint else {
        // The first layout had none.
        return if found == 1 { Ok(()) } else { Err(damaged("the row of the newest commit is gone")) };
    };
    if suspect && Fingerprint::of(engine).map_err(failed)? != noted {
        return Err(damaged("rows were lost or changed since the newest commit"));
    }
    Ok(())
}

/// Gives the store a new incarnation: its events and cursors are none of its former life's.
pub(crate) fn begin_life(tx: &mut WriteTx<'_>, incarnation: u64) -> Result<(), StoreError> {
    let was = tx.reading(identity)?;
    let body = [&was.uuid.to_be_bytes()[..], &incarnation.to_be_bytes()].concat();
    tx.put_fixed(Tree::Meta, IDENTITY_ROW, &body)
}

/// The layout of the rows; 0 where there are none.
///
/// # Errors
/// [`OpenError::Engine`] when the row can't be read.
pub(crate) fn version(engine: &dyn Engine, name: &Path) -> Result<u32, OpenError> {
    let found = read_u32(engine, SCHEMA_ROW).map_err(|source| OpenError::Engine { path: name.into(), source })?;
    Ok(found.unwrap_or(0))
}

/// Gives a new store its rows.
pub(crate) fn create(engine: &dyn Engine, key: Option<&MasterKey>) -> Result<Keyring, EngineError> {
    let identity: [u8; 24] = rand::random();
    let keyring = keyring(key, &identity).unwrap_or(Keyring::plain());
    let row = |key: &[u8], body: &[u8]| Change {
        tree: Tree::Meta,
        key: Box::from(key),
        value: Some(envelope::seal(Codec::Fixed, body)),
    };
    let mut changes = vec![row(IDENTITY_ROW, &identity), row(SCHEMA_ROW, &SCHEMA.to_be_bytes())];
    changes.extend(keyring.check_row().map(|check| row(ENCRYPTION_ROW, &check)));
    let fingerprint = Fingerprint::default().after(engine, &changes)?;
    let first = CommitRow { fingerprint: Some(fingerprint), ..CommitRow::default() };
    changes.push(Change { tree: Tree::Meta, key: Box::from(COMMIT_ROW), value: Some(first.seal()) });
    engine.apply(&Batch { changes, seen: Vec::new() })?;
    engine.sync()?;
    Ok(keyring)
}

/// The keyring of a key, in the store with this identity.
fn keyring(key: Option<&MasterKey>, identity: &[u8]) -> Option<Keyring> {
    Some(Keyring::new(key?, u128::from_be_bytes(*identity.first_chunk()?)))
}

/// What the rows of a store that exists are opened with: for whoever reads an engine without a [`crate::Store`] over it.
///
/// # Errors
/// [`OpenError::KeyMissing`], [`OpenError::WrongKey`] or [`OpenError::NotEncrypted`] when the key does not fit the store.
pub fn unlock(engine: &dyn Engine, name: &Path, key: Option<&MasterKey>) -> Result<Keyring, OpenError> {
    let path = || name.to_path_buf();
    let failed = |source| OpenError::Engine { path: path(), source };
    let damaged = || failed(EngineError::Damaged { tree: Tree::Meta.name() });
    match (read(engine, ENCRYPTION_ROW).map_err(failed)?, key) {
        (None, None) => Ok(Keyring::plain()),
        (None, Some(_)) => Err(OpenError::NotEncrypted { path: path() }),
        (Some(_), None) => Err(OpenError::KeyMissing { path: path() }),
        (Some(check), Some(_)) => {
            let identity = read(engine, IDENTITY_ROW).map_err(failed)?.ok_or_else(damaged)?;
            let keyring = keyring(key, &identity).ok_or_else(damaged)?;
            match keyring.matches(&check) {
                Some(true) => Ok(keyring),
                Some(false) => Err(OpenError::WrongKey { path: path() }),
                None => Err(damaged()),
            }
        }
    }
}

/// A store without a version is new, or it has lost rows: a new identity must not be given to the rest of an old one.
fn check_empty(engine: &dyn Engine, name: &Path) -> Result<(), OpenError> {
    for tree in Tree::ALL {
        let failed = |source| OpenError::Engine { path: name.into(), source };
        if !engine.range(*tree, &[], None, Walk::Up, 1).map_err(failed)?.is_empty() {
            let detail = format!("the schema row is gone but tree {} has rows", tree.name());
            return Err(OpenError::Damaged { path: name.into(), detail });
        }
    }
    Ok(())
}

/// A position given out twice would make two events one. The counter may be ahead of the log (old events are pruned),
/// never behind it.
fn check_positions(engine: &dyn Engine, name: &Path) -> Result<(), OpenError> {
    let failed = |source| OpenError::Engine { path: name.into(), source };
    let newest = engine.range(Tree::Event, &[], None, Walk::Down, 1).map_err(failed)?;
    let newest = newest.first().and_then(|(key, _)| Parts(key).u64()).unwrap_or(0);
    let counter = CommitRow::load(engine).map_err(failed)?.position;
    if newest > counter {
        let detail = "the event counter is behind the event log: rows were lost".to_owned();
        return Err(OpenError::Damaged { path: name.into(), detail });
    }
    Ok(())
}

fn read(engine: &dyn Engine, key: &[u8]) -> Result<Option<Bytes>, EngineError> {
    let damaged = |_| EngineError::Damaged { tree: Tree::Meta.name() };
    engine.get(Tree::Meta, key)?.map(|row| envelope::open(Tree::Meta, Codec::Fixed, &row).map_err(damaged)).transpose()
}

fn read_u32(engine: &dyn Engine, key: &[u8]) -> Result<Option<u32>, EngineError> {
    Ok(read(engine, key)?.and_then(|body| Parts(&body).u32()))
}
