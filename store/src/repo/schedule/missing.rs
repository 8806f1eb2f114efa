//! Times that passed without anybody there, and are not made up for.

use super::firing::{Rules, as_seen, fail, going_on, tell};
use super::{put, runs};
use crate::id::{Millis, ScheduleId};
use crate::records::{EventKind, RunOutcome, ScheduleRun};
use crate::repo::account;
use crate::{StoreError, WriteTx};

/// Times that passed without the schedule, and are not made up for.
#[derive(Debug, Clone, Copy)]
pub struct Miss {
    /// Which schedule.
    pub id: ScheduleId,
    /// As it was looked at.
    pub version: u32,
    /// The first of them.
    pub at_ms: Millis,
    /// The last of them.
    pub until_ms: Millis,
    /// How many they are.
    pub count: u32,
    /// The time after them, which may have passed, too.
    pub next_ms: Option<Millis>,
    /// Now.
    pub now_ms: Millis,
}

/// Notes times as missed and goes on to the one after them; `false` where the schedule was changed since it was looked at.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn miss(tx: &mut WriteTx<'_>, miss: &Miss, rules: &Rules) -> Result<bool, StoreError> {
    let (id, now_ms) = (miss.id, miss.now_ms);
    let Some(before) = as_seen(tx, (id, miss.version, miss.at_ms))? else { return Ok(false) };
    let owner = tx.reading(|tx| account::owner(tx, before.account))?;
    if owner.is_none_or(|owner| owner.gone) {
        fail(tx, (id, &before), (now_ms, rules.keep_ms, rules.history))?;
        return Ok(true);
    }
    let outcome = RunOutcome::Missed { until_ms: miss.until_ms, count: miss.count };
    let run = ScheduleRun { at_ms: Some(miss.at_ms), ran_ms: now_ms, outcome };
    let mut after = going_on(before.clone(), miss.next_ms, (now_ms, rules));
    let no = runs::note(tx, id, &mut after, &run, rules.history)?;
    put(tx, id, Some(&before), &after)?;
    tell(tx, (id, &after), (no, run), EventKind::ScheduleMissed)?;
    Ok(true)
}
