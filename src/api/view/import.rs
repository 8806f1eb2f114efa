//! Imports of files into lists.

use serde::Serialize;
use utoipa::ToSchema;
use wasup_store::id::ImportId;
use wasup_store::records::{ImportEnd, ImportFormat, ImportPhase, ImportRecord, ImportTally, RowFault, RowProblem};

use super::Time;

/// How an import stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ImportState {
    /// It runs, or waits for its turn.
    Running,
    /// Every row was looked at, and those that could be taken are in the list.
    Completed,
    /// It ended before the end of the file; `reason` says why. What `rows` counts is in the list.
    Failed,
    /// Its file is gone, with the machine or the backup that it was on. What `rows` counts is in the list.
    Interrupted,
}

/// What became of the rows of a file so far.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ImportRowsView {
    /// Rows that were read; the one with the names of columns and empty ones left out.
    pub read: u64,
    /// Contacts that came into the list.
    pub added: u64,
    /// Contacts that were there and are others now.
    pub changed: u64,
    /// Contacts that were there and stayed as they were.
    pub known: u64,
    /// Rows whose number stood in an earlier row. What they add was merged, where that was asked for.
    pub duplicate: u64,
    /// Rows without a number.
    pub missing_number: u64,
    /// Rows with something else for a number.
    pub bad_number: u64,
    /// Rows that are not UTF-8.
    pub not_text: u64,
    /// Rows, names, fields or tags that are too long, or too many.
    pub too_long: u64,
}

impl From<&ImportTally> for ImportRowsView {
    fn from(tally: &ImportTally) -> Self {
        Self {
            read: tally.rows,
            added: tally.added,
            changed: tally.changed,
            known: tally.known,
            duplicate: tally.duplicate,
            missing_number: tally.missing_number,
            bad_number: tally.bad_number,
            not_text: tally.not_text,
            too_long: tally.too_long,
        }
    }
}

/// An import of a file into a list.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ImportView {
    /// Its id.
    #[schema(value_type = String, examples("imp_0000106gk3fv0a0mk8d1p3m5r4"))]
    pub id: ImportId,
    /// How it stands.
    pub state: ImportState,
    /// While it runs: `reading` (rows are looked at; none is in the list yet) or `listing` (they come into the list).
    #[schema(value_type = Option<String>, examples("listing"))]
    pub phase: Option<ImportPhase>,
    /// Why it failed: `unreadable`, `too_large` or `failed`.
    #[schema(value_type = Option<String>, examples("unreadable"))]
    pub reason: Option<ImportEnd>,
    /// Why it failed, for humans.
    pub detail: Option<String>,
    /// What the file is: `csv` or `xlsx`.
    #[schema(value_type = String, examples("csv"))]
    pub format: ImportFormat,
    /// Its name.
    pub filename: Option<String>,
    /// Its bytes.
    pub bytes: u64,
    /// What became of its rows so far.
    pub rows: ImportRowsView,
    /// How many rows `/problems` shows.
    pub problems: u64,
    /// When it began.
    pub created_at: Time,
    /// When it ended.
    pub ended_at: Option<Time>,
}

impl ImportView {
    /// An import; whether it runs in this process, only that one knows.
    #[must_use]
    pub fn new(id: ImportId, record: &ImportRecord, runs: bool) -> Self {
        let state = match record.end {
            Some(ImportEnd::Completed) => ImportState::Completed,
            Some(_) => ImportState::Failed,
            None if runs => ImportState::Running,
            None => ImportState::Interrupted,
        };
        Self {
            id,
            state,
            phase: Some(record.phase).filter(|_| record.end.is_none()),
            reason: record.end.filter(|end| *end != ImportEnd::Completed),
            detail: record.why.clone(),
            format: record.format,
            filename: record.filename.clone(),
            bytes: record.size,
            rows: ImportRowsView::from(&record.tally),
            problems: record.problems,
            created_at: Time::from_ms(record.created_ms),
            ended_at: record.ended_ms.map(Time::from_ms),
        }
    }
}

/// A row of a file that was not taken as it stands.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct RowProblemView {
    /// The line of the file where it begins, the first being 1; of a workbook the row's number.
    #[schema(examples(17))]
    pub line: u64,
    /// What is wrong: `missing_number`, `bad_number`, `duplicate`, `not_text` or `too_long`.
    #[schema(value_type = String, examples("bad_number"))]
    pub problem: RowFault,
    /// The number as it stands in the row, its first 40 characters.
    pub number: Option<String>,
}

impl From<&RowProblem> for RowProblemView {
    fn from(problem: &RowProblem) -> Self {
        Self { line: problem.line, problem: problem.fault, number: problem.number.clone() }
    }
}
