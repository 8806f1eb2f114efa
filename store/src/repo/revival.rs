//! What a restore from a backup does to an account, and how an operator lets its outbox go on.

use super::account::StateChange;
use super::account::{self, Owner};
use super::scope::AccountScope;
use super::{account_state, audit, campaign, counters, endpoint, job, schedule, send};
use crate::id::{AccountId, AccountNo, Epoch, Millis, ScheduleId, Seq};
use crate::records::{AccountRecord, AccountState, Act, Desired, Phase, Reason, UserAction};
use crate::{ReadTx, StoreError, WriteTx};

/// What a restore adds to every account's sequence: the former life may have given out numbers that the backup does not
/// know of.
pub(crate) const LEAP: u64 = 1 << 32;

/// Puts at most `limit` sends that were on the wire back into the queue, under the same ids; `false` when none was.
pub(crate) fn requeue_unsettled(
    tx: &mut WriteTx<'_>,
    no: AccountNo,
    epoch: Epoch,
    limit: usize,
    now_ms: Millis,
) -> Result<bool, StoreError> {
    let unsettled = tx.reading(|tx| send::unsettled(tx, no, limit))?;
    let back: Vec<_> = unsettled.iter().map(|(id, _)| (*id, send::Settlement::Requeue)).collect();
    send::settle(tx, no, epoch, &back, now_ms)?;
    Ok(!back.is_empty())
}

/// Pauses some of an account's schedules after one; answers the one to go on after, `None` when all are paused.
pub(crate) fn pause_schedules(
    tx: &mut WriteTx<'_>,
    no: AccountNo,
    after: Option<ScheduleId>,
) -> Result<Option<ScheduleId>, StoreError> {
    schedule::restored(tx, no, after)
}

/// Stops an account for good until an operator starts it, pauses its outbox and lets its sequence leap. Answers whether
/// anything waits in the outbox.
pub(crate) fn restored(tx: &mut WriteTx<'_>, id: &AccountId, now_ms: Millis) -> Result<bool, StoreError> {
    let Some(mut record) = tx.reading(|tx| account::get(tx, id))? else { return Ok(false) };
    record.epoch = Epoch(record.epoch.0 + 1);
    record.desired = Desired::Stopped;
    record.outbox_paused = true;
    let state = AccountState {
        phase: Phase::Stopped,
        reason: Reason::Restored,
        since_ms: now_ms,
        retry_at_ms: None,
        user_action: UserAction::Release,
    };
    let mut scope = AccountScope::open(tx, record.no)?;
    scope.counters.seq = Seq(scope.counters.seq.0 + LEAP);
    let waits = scope.counters.outbox_depth() > 0;
    scope.close(tx)?;
    job::restored(tx, record.no)?;
    campaign::restored(tx, record.no, now_ms)?;
    account_state::enter(tx, &mut record, &StateChange::told_at_once(&state), now_ms)?;
    account::store_owned(tx, &record)?;
    Ok(waits)
}

/// Lets a restored account's outbox go on. Hands back the record, changed or not.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn release_outbox(
    tx: &mut WriteTx<'_>,
    id: &AccountId,
    now_ms: Millis,
) -> Result<Option<AccountRecord>, StoreError> {
    let Some(mut record) = account::find(tx, id)? else { return Ok(None) };
    if !record.outbox_paused {
        return Ok(Some(record));
    }
    audit::note(tx, Act::AccountReleased, Some(id), now_ms)?;
    record.outbox_paused = false;
    account::store_owned(tx, &record)?;
    if record.state.user_action == UserAction::Release && record.state.phase == Phase::Stopped {
        let state = AccountState { user_action: UserAction::None, ..record.state.clone() };
        account::set_state(tx, record.no, None, &state, now_ms)?;
    }
    tx.reading(|tx| account::get(tx, id))
}

/// Lets the server's own sequence leap, too.
pub(crate) fn leap_server(tx: &mut WriteTx<'_>) -> Result<(), StoreError> {
    let mut counted = tx.reading(|tx| counters::account(tx, endpoint::EVERY_ACCOUNT))?;
    if counted.seq == Seq(0) {
        return Ok(());
    }
    counted.seq = Seq(counted.seq.0 + LEAP);
    counters::put_account(tx, endpoint::EVERY_ACCOUNT, &counted)
}

/// Whether nothing may be taken out of the account's outbox.
///
/// # Errors
/// [`StoreError`] when the row can't be read.
pub fn outbox_paused(tx: &ReadTx<'_>, no: AccountNo) -> Result<bool, StoreError> {
    let owner: Option<Owner> = account::owner(tx, no)?;
    Ok(owner.is_some_and(|owner| owner.outbox_paused))
}
