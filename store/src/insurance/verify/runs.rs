//! Jobs, their lines, and how far their items are.

use std::collections::BTreeMap;

use super::check::{Check, Standing, record, well_formed};
use super::finding::FindingCode;
use crate::Tree;
use crate::records::{ItemState, JobRecord, RunId, RunItem, RunTally};
use crate::repo::{job, purge, run};

pub(super) fn check(check: &mut Check<'_>) {
    jobs(check);
    items(check);
}

fn jobs(check: &mut Check<'_>) {
    let (mut indexes, mut expected) = (0_u64, 0_u64);
    check.all(Tree::Job, |check, key, value| {
        match job::row_of(key) {
            Some(job::Row::Job(id)) => {
                let job: JobRecord = record(Tree::Job, value)?;
                let live = matches!(check.accounts.get(&job.account.0), Some(Standing::Live(_)));
                for (tree, index) in job::index_keys(id, &job) {
                    let of_account = matches!(job::row_of(index.as_slice()), Some(job::Row::OfAccount(..)));
                    if tree == Tree::Job && of_account && !live {
                        // It goes with the account, sooner or later.
                        expected += u64::from(check.tx.contains(tree, &index)?);
                        continue;
                    }
                    expected += u64::from(tree == Tree::Job);
                    check.expect((Tree::Job, key), tree, &index)?;
                }
            }
            Some(job::Row::Line(..) | job::Row::OfAccount(..) | job::Row::Preparing(_)) => {
                indexes += 1;
                well_formed(Tree::Job, value)?;
            }
            None => check.fail(FindingCode::BadKey, Tree::Job, key),
        }
        Ok(())
    });
    if indexes != expected {
        check.fail(FindingCode::IndexStale, Tree::Job, &[]);
    }
    check.under(Tree::Own, &[], |check, key, _| {
        let Some(id) = job::own_of(key) else { return Ok(()) };
        if job::find(&check.tx, id)?.is_none() {
            check.fail(FindingCode::IndexStale, Tree::Own, key);
        }
        Ok(())
    });
}

/// What the rows of a run add up to, and what is noted of it.
#[derive(Default)]
struct Seen {
    noted: RunTally,
    found: RunTally,
}

fn items(check: &mut Check<'_>) {
    let mut runs: BTreeMap<RunId, Seen> = BTreeMap::new();
    let (mut indexes, mut expected) = (0_u64, 0_u64);
    check.all(Tree::RecipientState, |_, _, value| {
        indexes += 1;
        well_formed(Tree::RecipientState, value)
    });
    let mut cleared = 0_u64;
    check.all(Tree::Recipient, |check, key, value| {
        let Some((id, seq)) = run::of_key(key) else {
            check.fail(FindingCode::BadKey, Tree::Recipient, key);
            return Ok(());
        };
        let purging = [&[purge::RUN], run::prefix(id).as_slice()].concat();
        if check.purging.contains(&purging) {
            cleared += 1;
            return Ok(());
        }
        let RunId::Job(job) = id;
        if job::get(&check.tx, job)?.is_none() {
            check.fail(FindingCode::Orphan, Tree::Recipient, key);
            return Ok(());
        }
        // The tally stands in front of its items.
        let seen = runs.entry(id).or_default();
        let Some(seq) = seq else {
            seen.noted = record(Tree::Recipient, value)?;
            return Ok(());
        };
        let item: RunItem = record(Tree::Recipient, value)?;
        let counts_as = match seen.noted.stopped {
            Some((from, state)) if item.state == ItemState::Pending && seq >= from => state,
            _ => item.state,
        };
        seen.found.total += 1;
        seen.found.states[counts_as as usize] += 1;
        if item.state != ItemState::Pending {
            expected += 1;
            check.expect((Tree::Recipient, key), Tree::RecipientState, &run::state_key(id, item.state, seq))?;
        }
        Ok(())
    });
    for (id, Seen { noted, found }) in runs {
        let same = (noted.total, noted.states) == (found.total, found.states);
        if !same || noted.next > noted.total {
            check.fail(FindingCode::CounterWrong, Tree::Recipient, run::prefix(id).as_slice());
        }
    }
    // What is being cleared away may have lost either row first.
    if cleared == 0 && check.purging.iter().all(|row| row.first() != Some(&purge::RUN)) && indexes != expected {
        check.fail(FindingCode::IndexStale, Tree::RecipientState, &[]);
    }
}
