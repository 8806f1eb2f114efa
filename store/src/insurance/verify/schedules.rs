//! Schedules, the rows that lead to them, their runs and items.

use std::collections::BTreeSet;

use super::check::{Check, Looked, Standing, fixed, record, well_formed};
use super::finding::FindingCode;
use crate::Tree;
use crate::id::{Millis, ScheduleId};
use crate::records::{RunItem, ScheduleRecord, ScheduleRun, ScheduleWhat};
use crate::repo::purge;
use crate::repo::schedule::{self, Row};

pub(super) fn check(check: &mut Check<'_>) {
    // Those whose items are being written: few at any time.
    let mut preparing: BTreeSet<ScheduleId> = BTreeSet::new();
    check.all(Tree::Sched, |check, key, value| {
        let stale = |check: &mut Check<'_>| check.fail(FindingCode::IndexStale, Tree::Sched, key);
        match schedule::row_of(key) {
            Some(Row::Schedule(id)) => one(check, key, id, &record(Tree::Sched, value)?)?,
            Some(Row::OfAccount(no, id)) => {
                well_formed(Tree::Sched, value)?;
                if schedule::get(&check.tx, id)?.is_none_or(|record| record.account != no) {
                    stale(check);
                }
            }
            Some(Row::Preparing(id)) => {
                preparing.insert(id);
                if fixed(Tree::Sched, value)?.as_ref() != id.to_bytes() {
                    stale(check);
                }
            }
            Some(Row::Run(id, no)) => {
                record::<ScheduleRun>(Tree::Sched, value)?;
                let of = schedule::get(&check.tx, id)?;
                let kept = |of: ScheduleRecord| no <= of.runs && of.runs - no < of.kept;
                if !of.is_some_and(kept) && !purging(check, id) {
                    stale(check);
                }
            }
            Some(Row::Items(id, load, row)) => {
                record::<Vec<RunItem>>(Tree::Sched, value)?;
                let of = schedule::get(&check.tx, id)?.map(|of| of.plan.what);
                let taken = matches!(of, Some(ScheduleWhat::Job(job)) if job.load == load && row < job.rows);
                if !taken && !preparing.contains(&id) && !purging(check, id) {
                    stale(check);
                }
            }
            None => check.fail(FindingCode::BadKey, Tree::Sched, key),
        }
        Ok(())
    });
    check.under(Tree::Own, &[], |check, key, _| {
        let Some(id) = schedule::own_of(key) else { return Ok(()) };
        if schedule::get(&check.tx, id)?.is_none() {
            check.fail(FindingCode::IndexStale, Tree::Own, key);
        }
        Ok(())
    });
}

fn one(check: &mut Check<'_>, key: &[u8], id: ScheduleId, record: &ScheduleRecord) -> Looked {
    for (tree, row) in schedule::rows_of(id, record) {
        check.expect((Tree::Sched, key), tree, &row)?;
    }
    // That of an account that is gone goes with it, sooner or later.
    if matches!(check.accounts.get(&record.account.0), Some(Standing::Live(_))) {
        check.expect((Tree::Sched, key), Tree::Sched, &schedule::account_row(id, record))?;
    }
    Ok(())
}

fn purging(check: &Check<'_>, id: ScheduleId) -> bool {
    check.purging.contains(&[&[purge::SCHEDULE], schedule::parts(id).as_slice()].concat())
}

/// Whether a row of the due index is that of a schedule that is to be looked at then.
pub(super) fn is_due(check: &Check<'_>, id: &[u8], at_ms: Option<Millis>) -> Result<bool, crate::StoreError> {
    let Some(id) = ScheduleId::from_bytes(id) else { return Ok(false) };
    let found = schedule::get(&check.tx, id)?;
    Ok(at_ms.is_some() && found.is_some_and(|record| record.wake_ms == at_ms))
}
