//! From an older layout to this one: ordered steps in bounded commits, each of which may be cut off and goes on where
//! it stopped. The schema row is written with the last commit of its version.

use std::path::Path;

use crate::chunk::CutRows;
use crate::commit::{COMMIT_ROW, CommitRow};
use crate::engine::{Batch, Engine};
use crate::envelope::{self, Codec};
use crate::group::{lower, stamped};
use crate::key::Parts;
use crate::keyring::Keyring;
use crate::overlay::Overlay;
use crate::repo::schema::SCHEMA_ROW;
use crate::{EngineError, OpenError, StoreError, Tree, WriteTx};

use super::{Fingerprint, fourth, second, third, verify_engine};

/// Where a migration under way stands: version u32, step u8, and the step's own cursor.
const CURSOR_ROW: &[u8] = b"migrate";

/// Where a step goes on; `None` when it is through.
pub(crate) type Next = Result<Option<Vec<u8>>, StoreError>;

/// A part of the way to a version. `work` does a bounded part of it from a cursor on (empty at the beginning), as often
/// as it is asked to with the same result, and answers where to go on, or `None` when it is through.
pub(crate) struct Step {
    /// The version it leads to.
    pub(crate) to: u32,
    /// What it does, for the log.
    pub(crate) what: &'static str,
    /// Changes at most some hundred rows.
    pub(crate) work: fn(&mut WriteTx<'_>, &[u8]) -> Next,
}

/// The way from the first layout to this one.
pub(crate) const STEPS: &[Step] = &[
    Step { to: 2, what: "the outbox alone leads to queued messages", work: second::queued_rows },
    Step { to: 2, what: "tenants have counters", work: second::tenants },
    Step { to: 3, what: "held sends are counted", work: third::held },
    Step { to: 4, what: "chats are counted", work: fourth::chats },
];

/// Why a store stays at its older layout.
#[derive(Debug)]
pub(crate) enum Stopped {
    /// Its rows are wrong already: nothing was changed.
    Unsound(String),
    /// The engine failed.
    Engine(EngineError),
    /// A row can't be understood.
    Row(StoreError),
}

impl Stopped {
    pub(crate) fn into_open_error(self, name: &Path) -> OpenError {
        let path = name.to_path_buf();
        match self {
            Self::Unsound(detail) => OpenError::Damaged { path, detail },
            Self::Engine(source) => OpenError::Engine { path, source },
            Self::Row(error) => OpenError::Damaged { path, detail: error.to_string() },
        }
    }
}

impl From<EngineError> for Stopped {
    fn from(error: EngineError) -> Self {
        Self::Engine(error)
    }
}

impl From<StoreError> for Stopped {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Engine(error) => Self::Engine(error),
            other => Self::Row(other),
        }
    }
}

/// Brings a store from version `found` to `wanted`.
pub(crate) fn run(
    engine: &dyn Engine,
    keyring: &Keyring,
    steps: &[Step],
    found: u32,
    wanted: u32,
) -> Result<(), Stopped> {
    let begun = engine.get(Tree::Meta, CURSOR_ROW)?.is_some();
    // What is damaged must not be carried over; half-way rows are of neither version.
    if !begun {
        let report = verify_engine(engine, keyring, 1);
        if !report.is_sound() {
            return Err(Stopped::Unsound(format!("its rows do not agree with each other: {:?}", report.findings)));
        }
    }
    tracing::info!(from = found, to = wanted, begun, "the store's layout is being brought up to date");
    let mut migration = Migration::open(engine, keyring)?;
    for version in found + 1..=wanted {
        migration.bring_to(steps, version)?;
    }
    Ok(())
}

struct Migration<'a> {
    engine: &'a dyn Engine,
    keyring: &'a Keyring,
    cut: CutRows,
    stamp: CommitRow,
}

impl<'a> Migration<'a> {
    fn open(engine: &'a dyn Engine, keyring: &'a Keyring) -> Result<Self, EngineError> {
        let mut stamp = CommitRow::load(engine)?;
        if stamp.fingerprint.is_none() {
            stamp.fingerprint = Some(Fingerprint::of(engine)?);
        }
        Ok(Self { engine, keyring, cut: CutRows::load(engine)?, stamp })
    }

    fn bring_to(&mut self, steps: &[Step], version: u32) -> Result<(), Stopped> {
        let mine: Vec<&Step> = steps.iter().filter(|step| step.to == version).collect();
        let (mut at, mut cursor) = self.cursor(version)?;
        while let Some(step) = mine.get(usize::from(at)) {
            tracing::info!(version, step = step.what, "migrating");
            loop {
                let next = self.commit(|tx| {
                    let next = (step.work)(tx, &cursor)?;
                    let (at, cursor) = next.as_ref().map_or((at + 1, &[][..]), |cursor| (at, cursor));
                    tx.put_fixed(Tree::Meta, CURSOR_ROW, &[&version.to_be_bytes()[..], &[at], cursor].concat())?;
                    Ok(next)
                })?;
                match next {
                    Some(next) => cursor = next,
                    None => break,
                }
            }
            (at, cursor) = (at + 1, Vec::new());
        }
        self.commit(|tx| {
            tx.delete(Tree::Meta, CURSOR_ROW)?;
            tx.put_fixed(Tree::Meta, SCHEMA_ROW, &version.to_be_bytes())
        })
    }

    /// Where to go on with this version.
    fn cursor(&self, version: u32) -> Result<(u8, Vec<u8>), Stopped> {
        let Some(row) = self.engine.get(Tree::Meta, CURSOR_ROW)? else { return Ok((0, Vec::new())) };
        let body = envelope::open(Tree::Meta, Codec::Fixed, &row)?;
        let mut parts = Parts(&body);
        match (parts.u32(), parts.u8()) {
            (Some(of), Some(at)) if of == version => Ok((at, parts.rest().to_vec())),
            _ => Err(Stopped::Row(StoreError::corrupt(Tree::Meta, "a migration's cursor is of another version"))),
        }
    }

    /// One commit, on disk when this answers.
    fn commit<T>(&mut self, work: impl FnOnce(&mut WriteTx<'_>) -> Result<T, StoreError>) -> Result<T, Stopped> {
        let none = Overlay::default();
        let mut tx = WriteTx::new(self.engine, self.keyring, &none);
        let done = work(&mut tx)?;
        self.stamp.commit += 1;
        let mut rows = tx.mine;
        rows.set(Tree::Meta, COMMIT_ROW, Some(self.stamp.seal()));
        let mut changes = lower(rows, self.keyring, &mut self.cut);
        stamped(self.engine, &mut changes, &mut self.stamp)?;
        self.engine.apply(&Batch { changes, seen: Vec::new() })?;
        self.engine.sync()?;
        Ok(done)
    }
}

#[cfg(test)]
#[path = "migrate_tests.rs"]
mod tests;
