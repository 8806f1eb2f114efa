//! The keys under which messages stand, and what is found by them.

use bytes::Bytes;

use crate::id::{AccountNo, ChatNo, MessageKey, PersonNo};
use crate::key::{Key, Parts};
use crate::records::MessageState;
use crate::{Direction as Walk, ReadTx, StoreError, Tree, envelope};

/// Most messages of an account that share one id of the network and are looked at: peers choose the ids.
const MAX_SAME_ID: usize = 1_024;

pub(in crate::repo) fn chat_key(no: AccountNo, chat: ChatNo, key: MessageKey) -> Key {
    Key::new().u32(no.0).u32(chat.0).bytes(&key.to_bytes())
}

pub(in crate::repo) fn sender_key(no: AccountNo, person: PersonNo, key: MessageKey) -> Key {
    Key::new().u32(no.0).u32(person.0).bytes(&key.to_bytes())
}

pub(in crate::repo) fn open_key(no: AccountNo, state: MessageState, key: MessageKey) -> Key {
    Key::new().u32(no.0).u8(state as u8).bytes(&key.to_bytes())
}

pub(in crate::repo) fn wid_prefix(no: AccountNo, provider_id: &str) -> Key {
    Key::new().u32(no.0).wire(provider_id.as_bytes())
}

/// A message under an id of the network: which chat, which sender (0 is the account itself), which row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::repo) struct SameId {
    pub(in crate::repo) chat: ChatNo,
    pub(in crate::repo) sender: PersonNo,
    pub(in crate::repo) key: MessageKey,
}

/// Every message of the account under an id of the network.
pub(in crate::repo) fn with_provider_id(
    tx: &ReadTx<'_>,
    no: AccountNo,
    provider_id: &str,
) -> Result<Vec<SameId>, StoreError> {
    let prefix = wid_prefix(no, provider_id);
    let rows = tx.prefix(Tree::MsgWid, &prefix, Walk::Forward, MAX_SAME_ID)?;
    let bad = || StoreError::corrupt(Tree::MsgWid, "an index row is damaged");
    let row = |(key, value): &(Bytes, Bytes)| {
        let mut parts = Parts(key.get(prefix.as_slice().len()..).unwrap_or_default());
        let (chat, sender) = (parts.u32().ok_or_else(bad)?, parts.u32().ok_or_else(bad)?);
        let body = envelope::open(Tree::MsgWid, envelope::Codec::Fixed, value)?;
        let key = MessageKey::from_bytes(&body).ok_or_else(bad)?;
        Ok(SameId { chat: ChatNo(chat), sender: PersonNo(sender), key })
    };
    rows.iter().map(row).collect()
}

/// At most `limit` messages of a chat, the newest first.
pub(in crate::repo) fn newest_of_chat(
    tx: &ReadTx<'_>,
    no: AccountNo,
    chat: ChatNo,
    limit: usize,
) -> Result<Vec<MessageKey>, StoreError> {
    let rows = tx.prefix(Tree::MsgChat, Key::new().u32(no.0).u32(chat.0), Walk::Backward, limit)?;
    Ok(rows.iter().filter_map(|(key, _)| MessageKey::from_bytes(key.get(8..)?)).collect())
}
