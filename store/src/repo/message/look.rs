//! Looks at messages.

use bytes::Bytes;

use super::super::{chat, refer};
use super::{chat_key, with_provider_id};
use crate::id::{AccountNo, MessageId, MessageKey};
use crate::key::Key;
use crate::records::{MessageRecord, Participant, Target};
use crate::{Direction as Walk, ReadTx, StoreError, Tree, envelope};

/// The message with this id.
///
/// # Errors
/// [`StoreError`] when the row can't be read.
pub fn get(tx: &ReadTx<'_>, id: MessageId) -> Result<Option<MessageRecord>, StoreError> {
    tx.record(Tree::Msg, id.to_bytes())
}

/// A message of an account under an id of the network, the account's own first.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn named(
    tx: &ReadTx<'_>,
    no: AccountNo,
    provider_id: &str,
) -> Result<Option<(MessageId, MessageRecord)>, StoreError> {
    let mut same = with_provider_id(tx, no, provider_id)?;
    same.sort_by_key(|same| same.sender);
    for same in same {
        let id = MessageId { account: no, key: same.key };
        if let Some(message) = get(tx, id)? {
            return Ok(Some((id, message)));
        }
    }
    Ok(None)
}

/// The message of a chat that a target means.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn meant(
    tx: &ReadTx<'_>,
    no: AccountNo,
    with: &Participant,
    target: &Target,
) -> Result<Option<(MessageId, MessageRecord)>, StoreError> {
    for chat in chat::find(tx, no, with)? {
        let by = (target.from_me, target.sender.as_ref());
        if let Some(id) = refer::find(tx, no, chat, &target.provider_id, by)? {
            return Ok(get(tx, id)?.map(|message| (id, message)));
        }
    }
    Ok(None)
}

/// At most `limit` messages of an account, the newest first, before a key; of one chat where a participant is given.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn list(
    tx: &ReadTx<'_>,
    no: AccountNo,
    with: Option<&Participant>,
    before: Option<MessageKey>,
    limit: usize,
) -> Result<Vec<(MessageId, MessageRecord)>, StoreError> {
    let Some(with) = with else { return list_all(tx, no, before, limit) };
    let mut keys = Vec::new();
    for chat in chat::find(tx, no, with)? {
        let from = Key::new().u32(no.0).u32(chat.0);
        let end = before.unwrap_or(MessageKey::new(u64::MAX, u64::MAX));
        let to = chat_key(no, chat, end);
        let rows = tx.range(Tree::MsgChat, from.as_slice(), Some(to.as_slice()), Walk::Backward, limit)?;
        keys.extend(rows.iter().filter_map(|(key, _)| MessageKey::from_bytes(key.get(8..)?)));
    }
    // A human under two numbers has two chats: their pages are read as one.
    keys.sort_unstable_by(|a, b| b.cmp(a));
    keys.truncate(limit);
    let mut found = Vec::with_capacity(keys.len());
    for key in keys {
        let id = MessageId { account: no, key };
        found.extend(get(tx, id)?.map(|message| (id, message)));
    }
    Ok(found)
}

fn list_all(
    tx: &ReadTx<'_>,
    no: AccountNo,
    before: Option<MessageKey>,
    limit: usize,
) -> Result<Vec<(MessageId, MessageRecord)>, StoreError> {
    let from = Key::new().u32(no.0);
    let end = before.unwrap_or(MessageKey::new(u64::MAX, u64::MAX));
    let to = MessageId { account: no, key: end }.to_bytes();
    let rows = tx.range(Tree::Msg, from.as_slice(), Some(&to), Walk::Backward, limit)?;
    let row = |(key, value): &(Bytes, Bytes)| {
        let id = MessageId::from_bytes(key).ok_or_else(|| StoreError::corrupt(Tree::Msg, "a key is no message id"))?;
        Ok((id, envelope::open_record(Tree::Msg, value)?))
    };
    rows.iter().map(row).collect()
}
