//! What operators want of accounts. A wish stands in the account's record before anybody acts on it, so that whoever
//! comes to it next, also after a crash, does what is left to do.

use super::account::{self, StateChange};
use super::{account_state, audit};
use crate::id::{AccountId, AccountNo, Epoch, Millis};
use crate::records::{AccountRecord, AccountState, Act, Desired, Phase};
use crate::{StoreError, WriteTx};

/// Notes what the operator wants.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn set_desired(
    tx: &mut WriteTx<'_>,
    id: &AccountId,
    desired: Desired,
    now_ms: Millis,
) -> Result<Option<AccountRecord>, StoreError> {
    let Some(mut record) = account::find(tx, id)? else { return Ok(None) };
    if record.desired != desired {
        record.desired = desired;
        account::store(tx, &record)?;
        let act = if desired == Desired::Running { Act::AccountStarted } else { Act::AccountStopped };
        audit::note(tx, act, Some(id), now_ms)?;
    }
    Ok(Some(record))
}

/// Notes that somebody wants an account to run, with an actor and a link of their own from here on.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn wish_restart(tx: &mut WriteTx<'_>, id: &AccountId, now_ms: Millis) -> Result<Option<AccountRecord>, StoreError> {
    let Some(mut record) = account::find(tx, id)? else { return Ok(None) };
    if record.desired != Desired::Running {
        record.desired = Desired::Running;
        account::store(tx, &record)?;
    }
    audit::note(tx, Act::AccountRestarted, Some(id), now_ms)?;
    Ok(Some(record))
}

/// Notes that somebody wants an account stopped and its link ended: whoever owns it next ends it before anything else,
/// should nobody get to it now. One that has left already is only stopped.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn wish_log_out(tx: &mut WriteTx<'_>, id: &AccountId, now_ms: Millis) -> Result<Option<AccountRecord>, StoreError> {
    let Some(mut record) = account::find(tx, id)? else { return Ok(None) };
    let has_left = record.state.phase == Phase::LoggedOut && record.identity.is_none();
    if record.desired == Desired::Stopped && (has_left || record.leaving) {
        return Ok(Some(record));
    }
    record.desired = Desired::Stopped;
    record.leaving = !has_left;
    account::store(tx, &record)?;
    audit::note(tx, Act::AccountLoggedOut, Some(id), now_ms)?;
    Ok(Some(record))
}

/// Notes that somebody gave up linking an account. Nothing changes where it is linked, has ended, or is not wanted to run.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn cancel_pairing(
    tx: &mut WriteTx<'_>,
    id: &AccountId,
    now_ms: Millis,
) -> Result<Option<AccountRecord>, StoreError> {
    let Some(mut record) = account::find(tx, id)? else { return Ok(None) };
    let has_ended = matches!(
        record.state.phase,
        Phase::LoggedOut | Phase::Replaced | Phase::Banned | Phase::Outdated | Phase::Quarantined
    );
    if record.identity.is_none() && record.desired == Desired::Running && !has_ended {
        record.desired = Desired::Stopped;
        account::store(tx, &record)?;
        audit::note(tx, Act::AccountPairingCancelled, Some(id), now_ms)?;
    }
    Ok(Some(record))
}

/// Turns an account away that linked a phone it may not have: it is stopped in this state, and its link is to be ended.
///
/// # Errors
/// [`StoreError::StaleEpoch`] for an older incarnation.
pub fn turn_away(
    tx: &mut WriteTx<'_>,
    no: AccountNo,
    epoch: Epoch,
    state: &AccountState,
    now_ms: Millis,
) -> Result<(), StoreError> {
    account::fence(tx, no, epoch)?;
    let Some(mut record) = tx.reading(|tx| account::by_no(tx, no))? else { return Ok(()) };
    record.desired = Desired::Stopped;
    record.leaving = true;
    account_state::enter(tx, &mut record, &StateChange::told_at_once(state), now_ms)?;
    account::store(tx, &record)
}
