//! Receipts: how far others are with what the account wrote.
//!
//! The network promises no order between a receipt and the copy of what another device of the account wrote: the receipt
//! may be there first. It waits for its message then.
//!
//! `early`: no · slot u16 → what was told about a message that is not known. The slot is drawn from the network's id, so
//! that whoever sends receipts for messages that never were can fill a fixed number of rows and no more; of two messages
//! in one slot the later one is remembered. The row goes when its message comes.

use sha2::{Digest, Sha256};

use super::message::{advance, get, with_provider_id};
use super::scope::AccountScope;
use crate::id::{AccountNo, Epoch, MessageId, Millis};
use crate::key::Key;
use crate::records::{Direction, EarlyReceipt, MessageRecord, MessageState};
use crate::{StoreError, Tree, WriteTx};

/// How many messages of an account can be waited for at once.
const SLOTS: u16 = 1_024;

/// The longest id of a message that is waited for, in bytes.
const ID_MAX: usize = 255;

fn early_key(no: AccountNo, provider_id: &str) -> Key {
    let hash = Sha256::digest(provider_id.as_bytes());
    let slot = u16::from_be_bytes([hash[0], hash[1]]) % SLOTS;
    Key::new().u32(no.0).bytes(&slot.to_be_bytes())
}

/// Moves what the account wrote forward by a receipt (`Delivered`, `Read` or `Played`), or by the proof that the server
/// has it (`Sent`); answers the messages it moved. A receipt settles a message that still waits for its acknowledgement.
///
/// # Errors
/// [`StoreError::StaleEpoch`] for an older incarnation.
pub fn apply(
    tx: &mut WriteTx<'_>,
    no: AccountNo,
    epoch: Epoch,
    provider_ids: &[String],
    seen: MessageState,
    at_ms: Millis,
    now_ms: Millis,
) -> Result<Vec<MessageId>, StoreError> {
    let mut scope = AccountScope::fenced(tx, no, epoch)?;
    let mut moved = Vec::new();
    for provider_id in provider_ids {
        let known = tx.reading(|tx| with_provider_id(tx, no, provider_id))?;
        if known.is_empty() {
            remember(tx, no, provider_id, seen, at_ms)?;
        }
        for same in known {
            let id = MessageId { account: no, key: same.key };
            let Some(message) = tx.reading(|tx| get(tx, id))? else { continue };
            if message.direction == Direction::Outbound && advance(tx, &mut scope, id, message, seen, at_ms, now_ms)? {
                moved.push(id);
            }
        }
    }
    scope.close(tx)?;
    Ok(moved)
}

fn remember(
    tx: &mut WriteTx<'_>,
    no: AccountNo,
    provider_id: &str,
    seen: MessageState,
    at_ms: Millis,
) -> Result<(), StoreError> {
    if seen == MessageState::Sent || provider_id.len() > ID_MAX {
        return Ok(());
    }
    let key = early_key(no, provider_id);
    let there: Option<EarlyReceipt> = tx.record(Tree::Early, &key)?;
    let mut early = there
        .filter(|early| early.provider_id == provider_id)
        .unwrap_or_else(|| EarlyReceipt { provider_id: provider_id.to_owned(), told: Vec::new() });
    if early.told.iter().any(|(told, _)| *told == seen) {
        return Ok(());
    }
    early.told.push((seen, at_ms));
    tx.put_record(Tree::Early, &key, &early)
}

/// Gives a message that the account wrote on another device the receipts that came before it.
pub(super) fn catch_up(
    tx: &mut WriteTx<'_>,
    scope: &mut AccountScope,
    id: MessageId,
    record: &MessageRecord,
    now_ms: Millis,
) -> Result<(), StoreError> {
    let key = early_key(scope.no, &record.provider_id);
    let there: Option<EarlyReceipt> = tx.record(Tree::Early, &key)?;
    let Some(early) = there.filter(|early| early.provider_id == record.provider_id) else { return Ok(()) };
    for (seen, at_ms) in early.told {
        let Some(message) = tx.reading(|tx| get(tx, id))? else { break };
        advance(tx, scope, id, message, seen, at_ms, now_ms)?;
    }
    tx.delete(Tree::Early, key)
}
