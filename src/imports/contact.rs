//! A row of a file becomes a contact, or a reason why not.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use wasup_store::records::{ListedContact, RowFault, RowProblem};

use super::RawRow;
use super::columns::Column;
use crate::phone::canonical;

/// Characters of a bad number that are told.
const SHOWN: usize = 40;

/// What is known of every row of a file.
#[derive(Debug, Clone)]
pub(super) struct Reading {
    pub(super) columns: Vec<Column>,
    /// The country of numbers in national form.
    pub(super) region: Option<String>,
    /// Tags that every contact gets.
    pub(super) tags: Vec<String>,
}

/// A row, and what was made of it; `None` where nothing stands in it.
pub(super) fn contact(reading: &Reading, row: RawRow) -> Option<Result<ListedContact, RowProblem>> {
    let problem = |fault, number: Option<&str>| {
        let number = number.map(|text| text.chars().take(SHOWN).collect());
        Some(Err(RowProblem { line: row.line, fault, number }))
    };
    let cells = match row.cells {
        Ok(cells) if cells.iter().all(|cell| cell.trim().is_empty()) => return None,
        Ok(cells) => cells,
        Err(fault) => return problem(fault, None),
    };
    let (mut number, mut name, mut fields) = (None, None, BTreeMap::new());
    let mut tags: BTreeSet<String> = reading.tags.iter().cloned().collect();
    for (column, cell) in reading.columns.iter().zip(&cells) {
        let cell = unguarded(cell.trim());
        if cell.is_empty() {
            continue;
        }
        match column {
            Column::Number => number = Some(cell),
            Column::Name => name = Some(cell.to_owned()),
            Column::Tags => tags.extend(words(cell)),
            Column::Field(field) => drop(fields.insert(field.clone(), cell.to_owned())),
            Column::Nothing => {}
        }
    }
    let Some(number) = number else { return problem(RowFault::MissingNumber, None) };
    let Ok(digits) = canonical(number, reading.region.as_deref()) else {
        return problem(RowFault::BadNumber, Some(number));
    };
    let contact = ListedContact { number: digits, name, fields, tags, added_ms: 0 };
    match contact.fit() {
        Ok(()) => Some(Ok(contact)),
        Err(_) => problem(RowFault::TooLong, Some(number)),
    }
}

/// The tags of a cell.
pub(super) fn words(cell: &str) -> impl Iterator<Item = String> {
    cell.split([',', ';', '|']).map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned)
}

/// A cell without the mark that keeps spreadsheets from running it.
pub(super) fn unguarded(cell: &str) -> &str {
    match cell.strip_prefix('\'') {
        Some(rest) if would_run(rest) => rest,
        _ => cell,
    }
}

/// A cell that no spreadsheet runs.
pub(super) fn guarded(cell: &str) -> Cow<'_, str> {
    if would_run(cell) { format!("'{cell}").into() } else { cell.into() }
}

/// Whether a spreadsheet would take a cell for a formula. One that has the mark already gets another, so that each is taken
/// away where it was put.
fn would_run(cell: &str) -> bool {
    cell.trim_start_matches('\'').starts_with(['=', '+', '-', '@', '\t', '\r'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(cells: &[&str]) -> Option<Result<ListedContact, RowProblem>> {
        let columns = vec![Column::Number, Column::Name, Column::Tags, Column::Field("city".into()), Column::Nothing];
        let reading = Reading { columns, region: Some("ID".into()), tags: vec!["all".into()] };
        contact(&reading, RawRow { line: 7, cells: Ok(cells.iter().map(|cell| (*cell).to_owned()).collect()) })
    }

    #[test]
    fn a_row_is_a_contact_or_says_why_not() {
        let one = read(&["0812 3456 7890", " Budi ", "vip, new;late|", "'=SUM", "x", "beyond"]).unwrap().unwrap();
        assert_eq!((one.number.as_str(), one.name.as_deref()), ("6281234567890", Some("Budi")));
        assert!(one.tags.iter().eq(["all", "late", "new", "vip"]));
        assert_eq!(one.fields, BTreeMap::from([("city".to_owned(), "=SUM".to_owned())]));
        assert_eq!(read(&["'+6281234567890"]).unwrap().unwrap().number, "6281234567890");
        let fault = |cells: &[&str]| read(cells).unwrap().unwrap_err();
        assert_eq!(fault(&["", "Budi"]), RowProblem { line: 7, fault: RowFault::MissingNumber, number: None });
        let long = "9".repeat(50);
        assert_eq!(fault(&[&long]), RowProblem { line: 7, fault: RowFault::BadNumber, number: Some("9".repeat(40)) });
        assert_eq!(fault(&["081234567890", &"x".repeat(201)]).fault, RowFault::TooLong);
        assert_eq!(read(&["", " ", ""]), None);
        assert_eq!(read(&[]), None);
    }
}
