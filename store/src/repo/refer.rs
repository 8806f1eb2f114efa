//! Which message another one means: by the network's id, in the same chat, by its author where several share the id.

use super::{chat, inbound, message, person};
use crate::id::{AccountNo, ChatNo, MessageId, PersonNo};
use crate::records::{MessageRecord, Participant};
use crate::{ReadTx, StoreError};

/// The message of a chat under an id of the network. Where peers gave several messages the same id, the one by this author
/// comes first; `None` is the account itself.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub(super) fn find(
    tx: &ReadTx<'_>,
    no: AccountNo,
    chat_no: ChatNo,
    provider_id: &str,
    (from_me, author): (bool, Option<&Participant>),
) -> Result<Option<MessageId>, StoreError> {
    let author = match author {
        Some(author) if !from_me => person::find(tx, no, author)?,
        _ => None,
    };
    let mut found = None;
    for same in message::with_provider_id(tx, no, provider_id)? {
        if !chat::same(tx, no, same.chat, chat_no)? {
            continue;
        }
        let id = MessageId { account: no, key: same.key };
        let by_author = match author {
            Some(author) => inbound::same_person(tx, no, same.sender, author)?,
            None => (same.sender == PersonNo(0)) == from_me,
        };
        if by_author {
            return Ok(Some(id));
        }
        found.get_or_insert(id);
    }
    Ok(found)
}

/// Notes our ids of the messages that a message means, and everything that is known of whoever wrote them: a message names them
/// by one address.
pub(super) fn fill(tx: &ReadTx<'_>, no: AccountNo, record: &mut MessageRecord) -> Result<(), StoreError> {
    let chat = record.chat_no;
    if let Some(target) = record.content.target_mut().filter(|target| target.message.is_none()) {
        target.message = find(tx, no, chat, &target.provider_id, (target.from_me, target.sender.as_ref()))?;
        complete(tx, target.message, &mut target.sender)?;
    }
    if let Some(quoted) = record.context.as_mut().and_then(|context| context.quoted.as_mut())
        && quoted.message.is_none()
    {
        quoted.message = find(tx, no, chat, &quoted.provider_id, (quoted.from_me, quoted.sender.as_ref()))?;
        complete(tx, quoted.message, &mut quoted.sender)?;
    }
    Ok(())
}

fn complete(tx: &ReadTx<'_>, of: Option<MessageId>, sender: &mut Option<Participant>) -> Result<(), StoreError> {
    let (Some(of), Some(named)) = (of, sender) else { return Ok(()) };
    if named.phone.is_none()
        && let Some(known) = message::get(tx, of)?.and_then(|message| message.sender)
        && known.lid == named.lid
    {
        *named = known;
    }
    Ok(())
}
