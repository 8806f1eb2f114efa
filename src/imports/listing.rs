//! Numbers of a file, each once: what its rows say together.

use wasup_store::records::{ImportTally, ListedContact, RowFault, RowProblem};
use wasup_store::repo::listed::{Twice, merged};

use super::parts::Numbered;

/// Contacts of a commit.
const BATCH: usize = 4_000;
/// Bytes of their texts, about.
const BATCH_BYTES: usize = 768 * 1024;

/// Contacts that come into the list together, and what is to say of rows that were more of the same.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Batch {
    pub(super) contacts: Vec<ListedContact>,
    pub(super) tally: ImportTally,
    pub(super) problems: Vec<RowProblem>,
}

/// Rows in the order of their numbers become batches. The first `done` numbers are in the list already.
pub(super) fn batches(rows: Vec<Numbered>, twice: Twice, done: &mut u64) -> Vec<Batch> {
    let (mut batches, mut batch, mut bytes) = (Vec::new(), Batch::default(), 0);
    let mut rows = rows.into_iter().peekable();
    while let Some((_, mut contact)) = rows.next() {
        let mut more = Vec::new();
        while let Some((line, again)) = rows.next_if(|(_, next)| next.number == contact.number) {
            more.push(RowProblem { line, fault: RowFault::Duplicate, number: Some(again.number.clone()) });
            match twice {
                Twice::Merge => contact = merged(&contact, &again),
                Twice::Keep => {}
                Twice::Replace => contact = again,
            }
        }
        if *done > 0 {
            *done -= 1;
            continue;
        }
        more.iter().for_each(|problem| batch.tally.fault(problem.fault));
        batch.problems.append(&mut more);
        bytes += weight(&contact);
        batch.contacts.push(contact);
        if batch.contacts.len() == BATCH || bytes >= BATCH_BYTES {
            batches.push(std::mem::take(&mut batch));
            bytes = 0;
        }
    }
    if !batch.contacts.is_empty() {
        batches.push(batch);
    }
    batches
}

fn weight(contact: &ListedContact) -> usize {
    let fields: usize = contact.fields.iter().map(|(name, value)| name.len() + value.len()).sum();
    contact.number.len() + contact.name.as_ref().map_or(0, String::len) + fields
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(line: u64, number: &str, name: Option<&str>) -> Numbered {
        let (number, name) = (number.to_owned(), name.map(str::to_owned));
        (line, ListedContact { number, name, ..ListedContact::default() })
    }

    #[test]
    fn a_number_comes_once_as_all_its_rows_say() {
        let rows = || vec![row(2, "1", Some("A")), row(5, "1", None), row(9, "1", Some("C")), row(3, "2", Some("B"))];
        for (twice, name) in [(Twice::Merge, "C"), (Twice::Keep, "A"), (Twice::Replace, "C")] {
            let told = batches(rows(), twice, &mut 0);
            assert_eq!(told.len(), 1);
            let names: Vec<_> = told[0].contacts.iter().map(|one| one.name.as_deref().unwrap()).collect();
            assert_eq!((names, told[0].tally.duplicate), (vec![name, "B"], 2));
            assert!(told[0].problems.iter().map(|problem| problem.line).eq([5, 9]));
        }
        // Stopped after the first number, it goes on with the second: nothing is told again.
        let mut done = 1;
        let told = batches(rows(), Twice::Merge, &mut done);
        assert_eq!((told[0].contacts.len(), told[0].tally.duplicate, done), (1, 0, 0));
        let mut done = 5;
        assert_eq!((batches(rows(), Twice::Merge, &mut done), done), (vec![], 3));
        let many = (0..9_000).map(|n| row(n, &n.to_string(), None)).collect();
        let sizes: Vec<_> = batches(many, Twice::Keep, &mut 0).iter().map(|batch| batch.contacts.len()).collect();
        assert_eq!(sizes, [BATCH, BATCH, 1_000]);
    }
}
