//! What the network forbids an account to send.

use super::scope::AccountScope;
use super::{account, event};
use crate::id::{AccountNo, Epoch, Millis};
use crate::records::{EventData, EventKind, RestrictedEvent, Restriction};
use crate::{StoreError, WriteTx};

/// Notes what the network forbids; `tell` says it as an event, too. `false` where nothing changed.
///
/// # Errors
/// [`StoreError::StaleEpoch`] for an older incarnation.
pub fn set(
    tx: &mut WriteTx<'_>,
    no: AccountNo,
    epoch: Epoch,
    restriction: Option<Restriction>,
    tell: bool,
    now_ms: Millis,
) -> Result<bool, StoreError> {
    account::fence(tx, no, epoch)?;
    let Some(mut record) = tx.reading(|tx| account::by_no(tx, no))? else { return Ok(false) };
    let before = record.restriction;
    if before == restriction {
        return Ok(false);
    }
    record.restriction = restriction;
    account::store(tx, &record)?;
    let Some(about) = restriction.or(before).filter(|_| tell) else { return Ok(true) };
    let until_ms = restriction.map(|now| now.until_ms);
    let data = EventData::Restricted(RestrictedEvent { active: until_ms.is_some(), code: about.code, until_ms });
    let mut scope = AccountScope::open(tx, no)?;
    event::append(tx, &mut scope, event::NewEvent { kind: EventKind::AccountRestricted, data, chat_no: None, now_ms })?;
    scope.close(tx)?;
    Ok(true)
}
