//! Files of contacts that come into a list: how far they are, and what became of their rows.

use serde::{Deserialize, Serialize};

use crate::id::Millis;
use crate::repo::listed::Twice;

/// What a file of contacts is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImportFormat {
    /// Values apart by commas, semicolons or tabs.
    #[default]
    Csv,
    /// A workbook of Office Open XML.
    Xlsx,
}

/// How far an import is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImportPhase {
    /// Its rows are read and looked at; none is in the list yet.
    #[default]
    Reading,
    /// They come into the list.
    Listing,
    /// It has ended.
    Ended,
}

/// How an import ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImportEnd {
    /// Every row was looked at, and those that could be taken are in the list.
    Completed,
    /// The file can't be read to its end: no workbook, no UTF-8, no column of numbers.
    Unreadable,
    /// It is larger, once unpacked, than files may be.
    TooLarge,
    /// The disk or the store failed.
    Failed,
}

impl ImportEnd {
    /// Every end.
    pub const ALL: [Self; 4] = [Self::Completed, Self::Unreadable, Self::TooLarge, Self::Failed];

    /// The word used in the API and in metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Unreadable => "unreadable",
            Self::TooLarge => "too_large",
            Self::Failed => "failed",
        }
    }
}

/// Why a row was not taken, or not as it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RowFault {
    /// It has no number.
    MissingNumber,
    /// What stands in the number's column is no phone number.
    BadNumber,
    /// Its number stood in an earlier row of the file. What it adds was merged, where merging was asked for.
    Duplicate,
    /// It is not UTF-8.
    NotText,
    /// A name, field or tag is longer, or there are more of them, than a contact may have; or the row is longer than any.
    TooLong,
}

/// A row that was not taken as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowProblem {
    /// The row's line in the file, the first being 1; of a workbook, the row's number.
    pub line: u64,
    /// What is wrong.
    pub fault: RowFault,
    /// The number as the row has it, its first characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
}

/// What became of the rows so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ImportTally {
    /// Rows that were read, the header's left out, and empty ones.
    pub rows: u64,
    /// Contacts that came into the list.
    pub added: u64,
    /// Contacts that were there, and are others now.
    pub changed: u64,
    /// Contacts that were there, and stayed as they were.
    pub known: u64,
    /// Rows whose number stood in an earlier row.
    pub duplicate: u64,
    /// Rows without a number.
    pub missing_number: u64,
    /// Rows with something else for a number.
    pub bad_number: u64,
    /// Rows that are not UTF-8.
    pub not_text: u64,
    /// Rows that are too long, or have too much.
    pub too_long: u64,
}

impl ImportTally {
    /// Counts a row that was not taken as it stands.
    pub fn fault(&mut self, fault: RowFault) {
        *match fault {
            RowFault::MissingNumber => &mut self.missing_number,
            RowFault::BadNumber => &mut self.bad_number,
            RowFault::Duplicate => &mut self.duplicate,
            RowFault::NotText => &mut self.not_text,
            RowFault::TooLong => &mut self.too_long,
        } += 1;
    }
}

/// An import of a file into a list. Packed under the list in `contact`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ImportRecord {
    /// What the file is.
    pub format: ImportFormat,
    /// What it is called, where that was said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filename: Option<String>,
    /// Its bytes.
    pub size: u64,
    /// What becomes of contacts that are there already.
    pub twice: Twice,
    /// The country of numbers in national form.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Which columns hold what, where that was said: the number's, the name's, the tags'.
    pub columns: [Option<String>; 3],
    /// Tags that every contact of the file gets.
    pub tags: Vec<String>,
    /// When it began.
    pub created_ms: Millis,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_ms: Option<Millis>,
    /// How far it is.
    pub phase: ImportPhase,
    /// Numbers of the file that are in the list, in the order in which they are brought there: where it goes on after a stop.
    pub listed: u64,
    /// How it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<ImportEnd>,
    /// What is to say about the end, for humans.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// What became of its rows.
    pub tally: ImportTally,
    /// Rows with problems that are kept.
    pub problems: u64,
    /// Rows of the store that hold them.
    pub problem_rows: u32,
}
