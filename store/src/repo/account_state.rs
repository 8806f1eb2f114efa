//! What an account is doing: its record, its timeline, its event and what is due for it change in one commit.
//!
//! Events of one account's state are told no more often than the caller says. The first change is told at once, those
//! that follow only as the last of them; until then the record says that it is ahead of what was told, and a row in `due`
//! when that is made good. So the last event always equals the last state, also after a crash.

use super::scope::AccountScope;
use super::{account, due, event, timeline};
use crate::id::{AccountNo, Epoch, Millis};
use crate::records::{
    AccountRecord, AccountState, AccountStateEvent, Author, Desired, EventData, EventKind, Phase, TimelineRecord, Told,
};
use crate::repo::due::DueKind;
use crate::{ReadTx, StoreError, Tree, WriteTx};

/// A change of an account's state, and what is noted of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateChange {
    /// The new state. Its `since_ms` stays the old one's where neither phase nor reason change.
    pub state: AccountState,
    /// The shortest time between two events of the account's state; 0 for none.
    pub every_ms: Millis,
    /// What broke, in the product's own words.
    pub cause: Option<String>,
    /// Who asked for it, where somebody did and the write itself does not say so.
    pub by: Option<Author>,
}

impl StateChange {
    /// A change that is told at once, of which nothing more is to be said.
    #[must_use]
    pub fn told_at_once(state: &AccountState) -> Self {
        Self { state: state.clone(), every_ms: 0, cause: None, by: None }
    }
}

/// When a new state is told; `None` for at once.
fn when_told(told: Option<Told>, phase: Phase, every_ms: Millis, now_ms: Millis) -> Option<Millis> {
    // These are ends: nothing follows by itself, and somebody has to know.
    let is_end =
        matches!(phase, Phase::LoggedOut | Phase::Replaced | Phase::Banned | Phase::Outdated | Phase::Quarantined);
    let told = told.filter(|_| !is_end && every_ms > 0)?;
    // A clock that was set back must not make it wait longer.
    let due_ms = told.next_ms.unwrap_or(told.at_ms.saturating_add(every_ms)).min(now_ms.saturating_add(every_ms));
    (due_ms > now_ms).then_some(due_ms)
}

/// When an account is started by itself that stands still until then; the time has a row in `due`.
pub(crate) fn restart_ms(record: &AccountRecord) -> Option<Millis> {
    let waits = matches!(record.state.phase, Phase::Banned | Phase::Outdated) && record.desired == Desired::Running;
    record.state.retry_at_ms.filter(|_| waits)
}

/// When an account's state is told that could not be told at once; the time has a row in `due`.
pub(crate) fn tell_ms(record: &AccountRecord) -> Option<Millis> {
    record.told.and_then(|told| told.next_ms)
}

/// Lets the index of what is due follow an account's record; no record is one that comes or goes.
pub(super) fn follow_due(
    tx: &mut WriteTx<'_>,
    no: AccountNo,
    before: Option<&AccountRecord>,
    after: Option<&AccountRecord>,
) -> Result<(), StoreError> {
    let id = no.0.to_be_bytes();
    due::reset(tx, DueKind::Restart, &id, before.and_then(restart_ms), after.and_then(restart_ms))?;
    due::reset(tx, DueKind::StateEvent, &id, before.and_then(tell_ms), after.and_then(tell_ms))
}

/// Notes what the account is doing and tells it at once as an event. `false` where nothing changed or the account is gone.
///
/// With an epoch only its owner may; the supervisor, which acts while nobody owns the account, gives none.
///
/// # Errors
/// [`StoreError::StaleEpoch`] for an older incarnation.
pub fn set_state(
    tx: &mut WriteTx<'_>,
    no: AccountNo,
    epoch: Option<Epoch>,
    state: &AccountState,
    now_ms: Millis,
) -> Result<bool, StoreError> {
    change_state(tx, no, epoch, &StateChange::told_at_once(state), now_ms)
}

/// As [`set_state`], told when the change says so.
///
/// # Errors
/// [`StoreError::StaleEpoch`] for an older incarnation.
pub fn change_state(
    tx: &mut WriteTx<'_>,
    no: AccountNo,
    epoch: Option<Epoch>,
    change: &StateChange,
    now_ms: Millis,
) -> Result<bool, StoreError> {
    if let Some(epoch) = epoch {
        account::fence(tx, no, epoch)?;
    }
    let Some(mut record) = tx.reading(|tx| account::by_no(tx, no))? else { return Ok(false) };
    let changed = enter(tx, &mut record, change, now_ms)?;
    if changed {
        account::store(tx, &record)?;
    }
    Ok(changed)
}

/// Puts a new state into a record, whose row the caller writes, and does all else that belongs to it.
pub(super) fn enter(
    tx: &mut WriteTx<'_>,
    record: &mut AccountRecord,
    change: &StateChange,
    now_ms: Millis,
) -> Result<bool, StoreError> {
    let same = record.state.phase == change.state.phase && record.state.reason == change.state.reason;
    let since_ms = if same { record.state.since_ms } else { now_ms };
    let state = AccountState { since_ms, ..change.state.clone() };
    if record.state == state {
        return Ok(false);
    }
    let by = tx.principal().map(Author::from).or_else(|| change.by.clone());
    let row = TimelineRecord {
        from: record.state.phase,
        to: state.phase,
        reason: state.reason,
        user_action: state.user_action,
        retry_at_ms: state.retry_at_ms,
        epoch: record.epoch,
        cause: change.cause.clone(),
        by,
    };
    timeline::note(tx, record.no, &row, now_ms)?;
    // A record of an earlier version does not know what was told: all of it.
    let before = record.told.unwrap_or(Told { phase: record.state.phase, ..Told::default() });
    record.state = state;
    match when_told(record.told, record.state.phase, change.every_ms, now_ms) {
        None => tell(tx, record, before, now_ms)?,
        next_ms => record.told = Some(Told { next_ms, ..before }),
    }
    Ok(true)
}

fn tell(tx: &mut WriteTx<'_>, record: &mut AccountRecord, before: Told, now_ms: Millis) -> Result<(), StoreError> {
    record.told = Some(Told { phase: record.state.phase, at_ms: now_ms, next_ms: None });
    let mut scope = AccountScope::open(tx, record.no)?;
    let data = EventData::Account(AccountStateEvent { previous: before.phase, state: record.state.clone() });
    event::append(tx, &mut scope, event::NewEvent { kind: EventKind::AccountState, data, chat_no: None, now_ms })?;
    scope.close(tx)
}

/// Tells at most `limit` states whose time has come; answers how many rows of the index were done with.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn tell_due(tx: &mut WriteTx<'_>, now_ms: Millis, limit: usize) -> Result<usize, StoreError> {
    let ripe = tx.reading(|tx| due::ripe(tx, DueKind::StateEvent, now_ms, limit))?;
    for (at_ms, id) in &ripe {
        let no = account_no(id)?;
        match tx.reading(|tx| account::by_no(tx, no))? {
            Some(mut record) if record.told.is_some_and(|told| told.next_ms == Some(*at_ms)) => {
                let before = record.told.unwrap_or_default();
                tell(tx, &mut record, before, now_ms)?;
                account::store(tx, &record)?;
            }
            _ => due::reset(tx, DueKind::StateEvent, id, Some(*at_ms), None)?,
        }
    }
    Ok(ripe.len())
}

/// At most `limit` accounts that are to be started by now after a ban or for another try with a new version, and that
/// are wanted to run.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn restarts_due(tx: &ReadTx<'_>, now_ms: Millis, limit: usize) -> Result<Vec<AccountNo>, StoreError> {
    let mut found = Vec::new();
    for (_, id) in due::ripe(tx, DueKind::Restart, now_ms, limit)? {
        let no = account_no(&id)?;
        found.extend(account::by_no(tx, no)?.filter(|record| restart_ms(record).is_some()).map(|record| record.no));
    }
    Ok(found)
}

/// Sees to it that an account which waits for its restart is found when the time has come.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn remember_restart(tx: &mut WriteTx<'_>, no: AccountNo) -> Result<(), StoreError> {
    let at_ms = tx.reading(|tx| account::by_no(tx, no))?.as_ref().and_then(restart_ms);
    due::reset(tx, DueKind::Restart, &no.0.to_be_bytes(), None, at_ms)
}

fn account_no(id: &[u8]) -> Result<AccountNo, StoreError> {
    let no = id.try_into().map(|no| AccountNo(u32::from_be_bytes(no)));
    no.map_err(|_| StoreError::corrupt(Tree::Due, "a row names no account"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_told_at_once_or_when_its_time_has_come() {
        const EVERY: Millis = 1_000;
        let told = |at_ms, next_ms| Some(Told { phase: Phase::Connected, at_ms, next_ms });
        for (told, phase, every_ms, now_ms, expected) in [
            // nothing was told yet
            (None, Phase::Connecting, EVERY, 5_000, None),
            // long ago, just now
            (told(4_000, None), Phase::Reconnecting, EVERY, 5_000, None),
            (told(4_001, None), Phase::Reconnecting, EVERY, 5_000, Some(5_001)),
            (told(5_000, None), Phase::Stopped, EVERY, 5_000, Some(6_000)),
            // what waits already waits no longer
            (told(4_500, Some(5_500)), Phase::Connected, EVERY, 5_400, Some(5_500)),
            (told(4_500, Some(5_500)), Phase::Connected, EVERY, 5_500, None),
            // ends wait for nobody
            (told(5_000, None), Phase::Quarantined, EVERY, 5_000, None),
            (told(5_000, Some(6_000)), Phase::LoggedOut, EVERY, 5_100, None),
            (told(5_000, None), Phase::Banned, EVERY, 5_100, None),
            (told(5_000, None), Phase::Outdated, EVERY, 5_100, None),
            (told(5_000, None), Phase::Replaced, EVERY, 5_100, None),
            // switched off, and shortened
            (told(5_000, None), Phase::Connecting, 0, 5_000, None),
            (told(5_000, Some(65_000)), Phase::Connecting, EVERY, 5_100, Some(6_100)),
            // a clock that was set back
            (told(900_000, None), Phase::Connecting, EVERY, 5_000, Some(6_000)),
        ] {
            assert_eq!(when_told(told, phase, every_ms, now_ms), expected, "{told:?} {phase:?} {every_ms} {now_ms}");
        }
    }
}
