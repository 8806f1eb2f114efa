//! Imports of files into lists.
//!
//! `contact`: list id · 3 · import id → record; list id · 4 · import id · n u32 → some rows of the file that were not taken.
//! What comes into the list, what is told of it and how far the import is change in one commit.

use super::listed::{self, IMPORT, Listed, PROBLEMS, prefix};
use super::lists;
use crate::id::{ImportId, ListId, Millis, TenantNo};
use crate::key::Key;
use crate::records::{ImportEnd, ImportPhase, ImportRecord, ImportTally, ListedContact, RowProblem};
use crate::{Direction, ReadTx, StoreError, Tree, WriteTx, envelope};

/// Imports of a list that are remembered; an older one is forgotten when another begins.
pub const KEPT: usize = 20;
/// Rows of a file whose problems are kept; the others are counted only.
pub const PROBLEMS_KEPT: u64 = 100_000;
/// Problems in a row of the store.
const PART: usize = 500;

fn key_of(list: ListId, id: ImportId) -> Key {
    prefix(list, IMPORT).bytes(&id.to_bytes())
}

fn problems_of(list: ListId, id: ImportId) -> Key {
    prefix(list, PROBLEMS).bytes(&id.to_bytes())
}

/// Notes an import; `false` where there is no such list.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn begin(
    tx: &mut WriteTx<'_>,
    tenant: TenantNo,
    (list, id): (ListId, ImportId),
    record: &ImportRecord,
) -> Result<bool, StoreError> {
    if tx.reading(|tx| lists::get(tx, tenant, list))?.is_none() {
        return Ok(false);
    }
    let older = tx.reading(|tx| page(tx, list, None, usize::MAX >> 1))?;
    for (old, _) in older.iter().filter(|(_, record)| record.end.is_some()).skip(KEPT - 1) {
        forget(tx, list, *old)?;
    }
    tx.put_record(Tree::Contact, key_of(list, id), record)?;
    Ok(true)
}

/// An import; `None` where there is none of that id.
///
/// # Errors
/// [`StoreError`] when the row can't be read.
pub fn get(tx: &ReadTx<'_>, list: ListId, id: ImportId) -> Result<Option<ImportRecord>, StoreError> {
    tx.record(Tree::Contact, key_of(list, id))
}

/// At most `limit` imports of a list before one, the newest first.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn page(
    tx: &ReadTx<'_>,
    list: ListId,
    before: Option<ImportId>,
    limit: usize,
) -> Result<Vec<(ImportId, ImportRecord)>, StoreError> {
    let all = prefix(list, IMPORT);
    let to = match before {
        Some(before) => Some(key_of(list, before).into_vec()),
        None => crate::key::prefix_end(all.as_slice()),
    };
    let rows = tx.range(Tree::Contact, all.as_slice(), to.as_deref(), Direction::Backward, limit.min(KEPT * 50))?;
    let row = |(key, value): &(bytes::Bytes, bytes::Bytes)| {
        let id = key.get(17..).and_then(ImportId::from_bytes);
        let id = id.ok_or_else(|| StoreError::corrupt(Tree::Contact, "a key holds no import"))?;
        Ok((id, envelope::open_record(Tree::Contact, value)?))
    };
    rows.iter().map(row).collect()
}

/// What is to be noted of an import beside its contacts.
#[derive(Debug, Clone, Default)]
pub struct Step {
    /// What became of rows that are no contacts.
    pub tally: ImportTally,
    /// Rows that were not taken as they stand.
    pub problems: Vec<RowProblem>,
    /// Numbers of the file that are done with this step.
    pub listed: u64,
    /// Numbers that were done before it, where it brings contacts. Another count: somebody else went on with the import.
    pub from: Option<u64>,
    /// It is that far now.
    pub phase: ImportPhase,
}

/// What became of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stepped {
    /// It is noted, and this is what it added to the counts of rows.
    Noted(ImportTally),
    /// The import, or the list, is gone: nobody wants the rest.
    Gone,
    /// Somebody else went on with the import. Nothing is noted.
    Overtaken,
}

/// Notes a step of an import, with the contacts that come into the list by it.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn step(
    tx: &mut WriteTx<'_>,
    tenant: TenantNo,
    (list, id): (ListId, ImportId),
    step: &Step,
    contacts: &[ListedContact],
    now_ms: Millis,
) -> Result<Stepped, StoreError> {
    let there = tx.reading(|tx| Ok((lists::get(tx, tenant, list)?, get(tx, list, id)?)))?;
    let (Some(_), Some(mut record)) = there else { return Ok(Stepped::Gone) };
    if record.end.is_some() || step.from.is_some_and(|from| from != record.listed) {
        return Ok(Stepped::Overtaken);
    }
    let outcomes = listed::put(tx, tenant, list, contacts, record.twice, now_ms)?.unwrap_or_default();
    let mut told = step.tally;
    for outcome in outcomes {
        *match outcome {
            Listed::Added => &mut told.added,
            Listed::Changed => &mut told.changed,
            Listed::Known => &mut told.known,
        } += 1;
    }
    add(&mut record.tally, &told);
    let room = usize::try_from(PROBLEMS_KEPT.saturating_sub(record.problems)).unwrap_or(usize::MAX);
    for part in step.problems[..step.problems.len().min(room)].chunks(PART) {
        tx.put_record(Tree::Contact, problems_of(list, id).u32(record.problem_rows), &part)?;
        record.problem_rows += 1;
        record.problems += part.len() as u64;
    }
    record.listed += step.listed;
    record.phase = step.phase;
    tx.put_record(Tree::Contact, key_of(list, id), &record)?;
    Ok(Stepped::Noted(told))
}

fn add(to: &mut ImportTally, more: &ImportTally) {
    to.rows += more.rows;
    to.added += more.added;
    to.changed += more.changed;
    to.known += more.known;
    to.duplicate += more.duplicate;
    to.missing_number += more.missing_number;
    to.bad_number += more.bad_number;
    to.not_text += more.not_text;
    to.too_long += more.too_long;
}

/// Forgets what was noted while the file was read: it is read once more. `None` where the import is gone.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn read_again(tx: &mut WriteTx<'_>, list: ListId, id: ImportId) -> Result<Option<ImportRecord>, StoreError> {
    let Some(record) = tx.reading(|tx| get(tx, list, id))? else { return Ok(None) };
    if record.phase != ImportPhase::Reading {
        return Ok(Some(record));
    }
    forget_problems(tx, list, id)?;
    let record = ImportRecord { tally: ImportTally::default(), problems: 0, problem_rows: 0, ..record };
    tx.put_record(Tree::Contact, key_of(list, id), &record)?;
    Ok(Some(record))
}

/// Notes how an import ended; `None` where it is gone, or had ended before.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn end(
    tx: &mut WriteTx<'_>,
    list: ListId,
    id: ImportId,
    (how, why): (ImportEnd, Option<&str>),
    now_ms: Millis,
) -> Result<Option<ImportRecord>, StoreError> {
    let record = tx.reading(|tx| get(tx, list, id))?.filter(|record| record.end.is_none());
    let Some(record) = record else { return Ok(None) };
    let ended = ImportRecord {
        phase: ImportPhase::Ended,
        end: Some(how),
        why: why.map(str::to_owned),
        ended_ms: Some(now_ms),
        ..record
    };
    tx.put_record(Tree::Contact, key_of(list, id), &ended)?;
    Ok(Some(ended))
}

/// Forgets an import; one that runs ends with its next step. Contacts that it brought stay. `false` where there is none.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn remove(tx: &mut WriteTx<'_>, tenant: TenantNo, list: ListId, id: ImportId) -> Result<bool, StoreError> {
    let there = tx.reading(|tx| Ok(lists::get(tx, tenant, list)?.is_some() && get(tx, list, id)?.is_some()))?;
    if there {
        forget(tx, list, id)?;
    }
    Ok(there)
}

fn forget(tx: &mut WriteTx<'_>, list: ListId, id: ImportId) -> Result<(), StoreError> {
    forget_problems(tx, list, id)?;
    tx.delete(Tree::Contact, key_of(list, id))
}

fn forget_problems(tx: &mut WriteTx<'_>, list: ListId, id: ImportId) -> Result<(), StoreError> {
    let record = tx.reading(|tx| get(tx, list, id))?;
    for n in 0..record.map_or(0, |record| record.problem_rows) {
        tx.delete(Tree::Contact, problems_of(list, id).u32(n))?;
    }
    Ok(())
}

/// At most about `limit` problems of an import, from the n-th on, counted from 0.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn problems(
    tx: &ReadTx<'_>,
    list: ListId,
    id: ImportId,
    from: u64,
    limit: usize,
) -> Result<Vec<RowProblem>, StoreError> {
    let Some(record) = get(tx, list, id)? else { return Ok(Vec::new()) };
    let (mut found, mut before) = (Vec::new(), 0_u64);
    for n in 0..record.problem_rows {
        let row: Option<Vec<RowProblem>> = tx.record(Tree::Contact, problems_of(list, id).u32(n))?;
        let row = row.ok_or_else(|| StoreError::corrupt(Tree::Contact, "problems of an import are gone"))?;
        let skip = usize::try_from(from.saturating_sub(before)).unwrap_or(usize::MAX);
        before += row.len() as u64;
        found.extend(row.into_iter().skip(skip).take(limit - found.len()));
        if found.len() == limit {
            break;
        }
    }
    Ok(found)
}
