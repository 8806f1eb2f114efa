//! A walk over a whole store that makes every index and counter again from the records, in pages: memory grows with the
//! number of accounts and endpoints, not of rows.
//!
//! An index is compared both ways with one look-up a row: each record's own index rows must be there, and there may be
//! no more rows in the index than records have. Only where the numbers differ is the index walked row by row.

mod accounts;
mod chats;
mod check;
mod deliveries;
mod events;
mod finding;
mod links;
mod lists;
mod messages;
mod report;
mod rest;
mod runs;
mod schedules;
mod tenants;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::Instant;

pub use finding::{Finding, FindingCode};
pub use report::{FilesSeen, TreeCount, VerifyReport};

use crate::engine::{Engine, SledEngine};
use crate::keyring::{Keyring, MasterKey};
use crate::{OpenError, ReadTx, StoreError, repo, shelf, tripwire};
use check::Check;

/// Looks at every row of a stopped store. At most `shown` findings are kept; all are counted.
///
/// # Errors
/// [`OpenError`] when the store can't be opened at all: nothing there, in use, damaged, of a newer version, or
/// encrypted with another key than the one given.
pub fn verify(path: &Path, cache: u64, key: Option<&MasterKey>, shown: usize) -> Result<VerifyReport, OpenError> {
    if !path.join("db").is_file() {
        return Err(OpenError::Absent { path: path.into() });
    }
    let engine = SledEngine::open(path, cache)?;
    let schema = repo::schema::version(&engine, path)?;
    if schema > repo::schema::SCHEMA {
        return Err(OpenError::NewerSchema { path: path.into(), found: schema, known: repo::schema::SCHEMA });
    }
    let was = tripwire::newest(path);
    let keyring = repo::schema::unlock(&engine, path, key)?;
    let mut report = verify_engine(&engine, &keyring, shown);
    // A row that can't be read was found above.
    report.files = files(&ReadTx::new(&engine, &keyring), path).unwrap_or_default();
    if was > report.commit {
        report.add(Finding::of_store(FindingCode::CommitsLost));
    }
    Ok(report)
}

/// Looks for the files that rows tell of, and for others.
fn files(tx: &ReadTx<'_>, path: &Path) -> Result<FilesSeen, StoreError> {
    const PAGE: usize = 500;
    let folder = path.join(shelf::FOLDER);
    let (mut seen, mut before) = (FilesSeen::default(), None);
    loop {
        let page = repo::media::list(tx, before, PAGE)?;
        before = page.last().map(|file| file.id);
        for file in &page {
            seen.rows += 1;
            let there = std::fs::metadata(shelf::path_in(&folder, file.id)).map(|found| found.len());
            seen.missing += u64::from(!there.is_ok_and(|len| len == file.media.size));
        }
        if page.len() < PAGE {
            seen.stray = shelf::files_in(&folder).saturating_sub(seen.rows - seen.missing);
            return Ok(seen);
        }
    }
}

/// As [`verify`], over an engine that nobody else writes to.
#[must_use]
pub fn verify_engine(engine: &dyn Engine, keyring: &Keyring, shown: usize) -> VerifyReport {
    let began = Instant::now();
    let mut check = Check::new(engine, keyring, shown);
    // Damaged pages make the engine panic where they are read; what was found until then still counts.
    let walked = catch_unwind(AssertUnwindSafe(|| walk(&mut check)));
    if walked.is_err() {
        check.found.add(Finding::of_store(FindingCode::Unreadable));
    }
    check.report(began.elapsed())
}

fn walk(check: &mut Check<'_>) {
    check.identity();
    check.fingerprint();
    accounts::check(check);
    links::check(check);
    chats::check(check);
    messages::check(check);
    events::check(check);
    deliveries::check(check);
    lists::check(check);
    rest::check(check);
    runs::check(check);
    schedules::check(check);
    tenants::check(check);
}
