//! A chat's messages in both orders, from a place on: as dear at any depth, because every page begins with one look into
//! the index.

use std::collections::BTreeMap;

use super::{chat, message};
use crate::id::{AccountNo, ChatNo, MessageId, MessageKey, PersonNo};
use crate::records::MessageRecord;
use crate::{Direction, ReadTx, StoreError, Tree};

/// From where on, and which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum From {
    /// Those before a message, the newest first; before nothing means from the end.
    Before(Option<MessageKey>),
    /// Those after a message, the oldest first; after nothing means from the beginning.
    After(Option<MessageKey>),
}

/// At most `limit` messages of a chat and those merged with it.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn page(
    tx: &ReadTx<'_>,
    no: AccountNo,
    chat: ChatNo,
    from: From,
    limit: usize,
) -> Result<Vec<(MessageId, MessageRecord)>, StoreError> {
    let mut keys = Vec::new();
    for chat in chat::siblings(tx, no, chat)? {
        keys.extend(keys_of(tx, no, chat, from, limit)?);
    }
    match from {
        From::Before(_) => keys.sort_unstable_by(|a, b| b.cmp(a)),
        From::After(_) => keys.sort_unstable(),
    }
    keys.truncate(limit);
    let mut found = Vec::with_capacity(keys.len());
    for key in keys {
        let id = MessageId { account: no, key };
        found.extend(message::get(tx, id)?.map(|record| (id, record)));
    }
    Ok(found)
}

fn keys_of(
    tx: &ReadTx<'_>,
    no: AccountNo,
    chat: ChatNo,
    from: From,
    limit: usize,
) -> Result<Vec<MessageKey>, StoreError> {
    const LAST: MessageKey = MessageKey::new(u64::MAX, u64::MAX);
    let at = |key| message::chat_key(no, chat, key).into_vec();
    let (begin, end, way) = match from {
        From::Before(before) => (at(MessageKey::new(0, 0)), at(before.unwrap_or(LAST)), Direction::Backward),
        From::After(None) => (at(MessageKey::new(0, 0)), at(LAST), Direction::Forward),
        From::After(Some(after)) => ([at(after).as_slice(), &[0]].concat(), at(LAST), Direction::Forward),
    };
    let rows = tx.range(Tree::MsgChat, &begin, Some(&end), way, limit)?;
    Ok(rows.iter().filter_map(|(key, _)| MessageKey::from_bytes(key.get(8..)?)).collect())
}

/// The message of a chat under an id of the network; the newest where several share it.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn by_provider_id(
    tx: &ReadTx<'_>,
    no: AccountNo,
    chat: ChatNo,
    provider_id: &str,
) -> Result<Option<MessageKey>, StoreError> {
    let chats = chat::siblings(tx, no, chat)?;
    let same = message::with_provider_id(tx, no, provider_id)?;
    Ok(same.iter().filter(|same| chats.contains(&same.chat)).map(|same| same.key).max())
}

/// The newest received message of each chat among those under some ids of the network.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn newest_by_chat(
    tx: &ReadTx<'_>,
    no: AccountNo,
    provider_ids: &[String],
) -> Result<Vec<(ChatNo, MessageKey)>, StoreError> {
    let mut newest: BTreeMap<ChatNo, MessageKey> = BTreeMap::new();
    for provider_id in provider_ids {
        // What the account itself wrote stands under nobody.
        for same in message::with_provider_id(tx, no, provider_id)?.iter().filter(|same| same.sender != PersonNo(0)) {
            let key = newest.entry(same.chat).or_insert(same.key);
            *key = (*key).max(same.key);
        }
    }
    Ok(newest.into_iter().collect())
}
