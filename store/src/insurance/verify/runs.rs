//! Jobs and campaigns, their lines and recipients, and how far their items are.

use std::collections::BTreeMap;

use super::check::{Check, Standing, record, well_formed};
use super::finding::FindingCode;
use crate::Tree;
use crate::records::{CampaignCounts, CampaignRecord, ItemState, JobRecord, RunId, RunItem, RunTally};
use crate::repo::{campaign, job, purge, run};

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
    /// Recipients whose names are packed, and those of them that are put aside.
    packed: u32,
    aside: u32,
    deferred: u32,
}

impl Seen {
    /// Whether what was found is what is noted.
    fn agrees(mut self, of_campaign: bool) -> bool {
        if !of_campaign {
            let same = (self.noted.total, self.noted.states) == (self.found.total, self.found.states);
            return same && self.noted.next <= self.noted.total;
        }
        // Those whose turn has not come have no rows.
        let unwritten = self.noted.total.saturating_sub(self.found.total);
        let counts_as = self.noted.stopped.map_or(ItemState::Pending, |(_, counts_as)| counts_as);
        self.found.states[counts_as as usize] += unwritten;
        (self.found.total, self.packed, self.aside) == (self.noted.next, self.noted.total, self.deferred)
            && (self.noted.states, self.noted.replied) == (self.found.states, self.found.replied)
    }
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
        if is_purged(check, id) {
            cleared += 1;
            return Ok(());
        }
        let there = match id {
            RunId::Job(job) => job::get(&check.tx, job)?.is_some(),
            RunId::Campaign(id) => campaign::get(&check.tx, id)?.is_some(),
        };
        if !there {
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
            Some((_, state)) if item.state == ItemState::Deferred => state,
            _ => item.state,
        };
        seen.found.total += 1;
        seen.found.states[counts_as as usize] += 1;
        seen.found.replied += u32::from(item.replied_ms.is_some());
        seen.deferred += u32::from(item.state == ItemState::Deferred);
        if item.state != ItemState::Pending {
            expected += 1;
            check.expect((Tree::Recipient, key), Tree::RecipientState, &run::state_key(id, item.state, seq))?;
        }
        if item.replied_ms.is_some() {
            expected += 1;
            check.expect((Tree::Recipient, key), Tree::RecipientState, &run::replied_key(id, seq))?;
        }
        Ok(())
    });
    campaigns(check, &mut runs);
    for (id, seen) in runs {
        if !seen.agrees(matches!(id, RunId::Campaign(_))) {
            check.fail(FindingCode::CounterWrong, Tree::Recipient, run::prefix(id).as_slice());
        }
    }
    // What is being cleared away may have lost either row first.
    if cleared == 0 && check.purging.iter().all(|row| row.first() != Some(&purge::RUN)) && indexes != expected {
        check.fail(FindingCode::IndexStale, Tree::RecipientState, &[]);
    }
}

fn is_purged(check: &Check<'_>, id: RunId) -> bool {
    check.purging.contains(&[&[purge::RUN], run::prefix(id).as_slice()].concat())
}

/// Campaigns, their indexes, and who is to get them.
fn campaigns(check: &mut Check<'_>, runs: &mut BTreeMap<RunId, Seen>) {
    let (mut indexes, mut expected) = (0_u64, 0_u64);
    check.all(Tree::Campaign, |check, key, value| {
        let Some(row) = campaign::row_of(key) else {
            check.fail(FindingCode::BadKey, Tree::Campaign, key);
            return Ok(());
        };
        match row {
            campaign::Row::Record(id) => {
                let noted: CampaignRecord = record(Tree::Campaign, value)?;
                for (tree, index) in campaign::index_keys(id, &noted) {
                    let no = campaign::account_of(index.as_slice()).filter(|_| tree == Tree::Campaign);
                    let gone = no.is_some_and(|no| !matches!(check.accounts.get(&no.0), Some(Standing::Live(_))));
                    if gone {
                        // It goes with the account, sooner or later.
                        expected += u64::from(check.tx.contains(tree, &index)?);
                        continue;
                    }
                    expected += u64::from(tree == Tree::Campaign);
                    check.expect((Tree::Campaign, key), tree, &index)?;
                }
            }
            campaign::Row::Index => {
                indexes += 1;
                well_formed(Tree::Campaign, value)?;
            }
            campaign::Row::Audience(id, _) if !is_purged(check, RunId::Campaign(id)) => {
                runs.entry(RunId::Campaign(id)).or_default().packed += campaign::pack_size(value)?;
            }
            campaign::Row::Aside(id, _) if !is_purged(check, RunId::Campaign(id)) => {
                runs.entry(RunId::Campaign(id)).or_default().aside += 1;
            }
            campaign::Row::Counts(_) => {
                let _: CampaignCounts = record(Tree::Campaign, value)?;
            }
            campaign::Row::Audience(..) | campaign::Row::Aside(..) => {}
        }
        Ok(())
    });
    if indexes != expected {
        check.fail(FindingCode::IndexStale, Tree::Campaign, &[]);
    }
    check.under(Tree::Own, &[], |check, key, _| {
        let Some(id) = campaign::own_of(key) else { return Ok(()) };
        if campaign::get(&check.tx, id)?.is_none() {
            check.fail(FindingCode::IndexStale, Tree::Own, key);
        }
        Ok(())
    });
}
