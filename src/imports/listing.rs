//! Numbers of a file, each once: what its rows say together.

use std::io;
use std::iter::Peekable;

use wasup_store::records::{ImportTally, ListedContact, RowFault, RowProblem};
use wasup_store::repo::listed::{Twice, merged};

use super::parts::Numbered;

/// Contacts of a commit.
const BATCH: usize = 2_000;
/// Bytes of their texts, about.
const BATCH_BYTES: usize = 384 * 1024;

/// Contacts that come into the list together, and what is to say of rows that were more of the same.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Batch {
    pub(super) contacts: Vec<ListedContact>,
    pub(super) tally: ImportTally,
    pub(super) problems: Vec<RowProblem>,
}

/// Rows in the order of their numbers become batches, one when it is asked for.
pub(super) struct Batches<I: Iterator> {
    rows: Peekable<I>,
    twice: Twice,
    /// Numbers that are in the list already.
    pub(super) done: u64,
}

impl<I: Iterator<Item = io::Result<Numbered>>> Batches<I> {
    /// The first `done` numbers are in the list already.
    pub(super) fn new(rows: I, twice: Twice, done: u64) -> Self {
        Self { rows: rows.peekable(), twice, done }
    }

    /// The next number with all that its rows say, and what is to say of them.
    fn number(&mut self) -> Option<io::Result<(ListedContact, Vec<RowProblem>)>> {
        let mut contact = match self.rows.next()? {
            Ok((_, contact)) => contact,
            Err(error) => return Some(Err(error)),
        };
        let mut more = Vec::new();
        while let Some(Ok((line, again))) = self.rows.next_if(|next| is_of(next, &contact.number)) {
            more.push(RowProblem { line, fault: RowFault::Duplicate, number: Some(again.number.clone()) });
            match self.twice {
                Twice::Merge => contact = merged(&contact, &again),
                Twice::Keep => {}
                Twice::Replace => contact = again,
            }
        }
        Some(Ok((contact, more)))
    }

    fn batch(&mut self) -> io::Result<Batch> {
        let (mut batch, mut bytes) = (Batch::default(), 0);
        while batch.contacts.len() < BATCH && bytes < BATCH_BYTES {
            let Some(next) = self.number() else { break };
            let (contact, mut more) = next?;
            if self.done > 0 {
                self.done -= 1;
                continue;
            }
            more.iter().for_each(|problem| batch.tally.fault(problem.fault));
            batch.problems.append(&mut more);
            bytes += weight(&contact);
            batch.contacts.push(contact);
        }
        Ok(batch)
    }
}

impl<I: Iterator<Item = io::Result<Numbered>>> Iterator for Batches<I> {
    type Item = io::Result<Batch>;

    fn next(&mut self) -> Option<io::Result<Batch>> {
        self.batch().map(|batch| Some(batch).filter(|batch| !batch.contacts.is_empty())).transpose()
    }
}

fn is_of(row: &io::Result<Numbered>, number: &str) -> bool {
    row.as_ref().is_ok_and(|(_, contact)| contact.number == number)
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

    fn batches(rows: Vec<Numbered>, twice: Twice, done: u64) -> (Vec<Batch>, u64) {
        let mut batches = Batches::new(rows.into_iter().map(Ok), twice, done);
        (batches.by_ref().collect::<io::Result<_>>().unwrap(), batches.done)
    }

    #[test]
    fn a_number_comes_once_as_all_its_rows_say() {
        let rows = || vec![row(2, "1", Some("A")), row(5, "1", None), row(9, "1", Some("C")), row(3, "2", Some("B"))];
        for (twice, name) in [(Twice::Merge, "C"), (Twice::Keep, "A"), (Twice::Replace, "C")] {
            let (told, _) = batches(rows(), twice, 0);
            assert_eq!(told.len(), 1);
            let names: Vec<_> = told[0].contacts.iter().map(|one| one.name.as_deref().unwrap()).collect();
            assert_eq!((names, told[0].tally.duplicate), (vec![name, "B"], 2));
            assert!(told[0].problems.iter().map(|problem| problem.line).eq([5, 9]));
        }
        // Stopped after the first number, it goes on with the second: nothing is told again.
        let (told, done) = batches(rows(), Twice::Merge, 1);
        assert_eq!((told[0].contacts.len(), told[0].tally.duplicate, done), (1, 0, 0));
        assert_eq!(batches(rows(), Twice::Merge, 5), (vec![], 3));
        let many = (0..5_000).map(|n| row(n, &n.to_string(), None)).collect();
        let sizes: Vec<_> = batches(many, Twice::Keep, 0).0.iter().map(|batch| batch.contacts.len()).collect();
        assert_eq!(sizes, [BATCH, BATCH, 1_000]);
        // What can't be read ends it.
        let broken = [Ok(row(1, "1", None)), Err(io::ErrorKind::InvalidData.into())];
        assert!(Batches::new(broken.into_iter(), Twice::Merge, 0).next().unwrap().is_err());
    }
}
