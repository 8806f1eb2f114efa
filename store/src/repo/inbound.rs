//! What the durability hook commits: messages, their chats and persons, events and deliveries, all at once.

use super::scope::AccountScope;
use super::{acts, campaign, chat, fleeting, message, person, receipt, refer};
use crate::id::{AccountNo, ChatNo, Epoch, MessageId, MessageKey, Millis, PersonNo, believable_ms};
use crate::records::{
    Aftermath, Content, Direction, Lane, MessageContext, MessageRecord, MessageSecret, MessageState, Participant,
    StateTimes,
};
use crate::{ReadTx, StoreError, WriteTx};

/// Most messages of one commit: a drain of hundreds is cut, so that a group stays small.
pub const MAX_BATCH: usize = 32;

/// A message as it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewInbound {
    /// The network's id, chosen by the sender.
    pub provider_id: String,
    /// The chat.
    pub chat: Participant,
    /// Who wrote it; `None` for the account itself.
    pub sender: Option<Participant>,
    /// The account itself wrote it, on another of its devices.
    pub from_me: bool,
    /// The chat is a group.
    pub group: bool,
    /// When it was written, as the network says.
    pub ts_ms: Millis,
    /// Drawn by the caller; makes the row's key.
    pub rand: u64,
    /// What it says.
    pub content: Content,
    /// What surrounds that.
    pub context: Option<Box<MessageContext>>,
    /// Its own secret, where it brings one.
    pub secret: Option<MessageSecret>,
    /// The name the sender shows.
    pub push_name: Option<String>,
}

/// Messages of one account, in the order they arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboundBatch {
    /// The account.
    pub no: AccountNo,
    /// The incarnation that received them.
    pub epoch: Epoch,
    /// Now.
    pub now_ms: Millis,
    /// At most [`MAX_BATCH`].
    pub messages: Vec<NewInbound>,
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InboundOutcome {
    /// It is new, and an event tells it.
    Stored(MessageId),
    /// It could not be read when it first arrived and can be now; an event tells it.
    Filled(MessageId),
    /// It was known.
    Repeat(MessageId),
}

/// Commits a batch in order. Messages that are known are skipped, so a batch that was committed in part can come again.
///
/// # Errors
/// [`StoreError::StaleEpoch`] for an older incarnation.
pub fn commit(tx: &mut WriteTx<'_>, batch: &InboundBatch) -> Result<Vec<InboundOutcome>, StoreError> {
    let mut scope = AccountScope::fenced(tx, batch.no, batch.epoch)?;
    let mut outcomes = Vec::with_capacity(batch.messages.len());
    for new in &batch.messages {
        outcomes.push(commit_one(tx, &mut scope, new, batch.now_ms)?);
    }
    person::tell_merges(tx, &mut scope, batch.now_ms)?;
    scope.close(tx)?;
    Ok(outcomes)
}

fn commit_one(
    tx: &mut WriteTx<'_>,
    scope: &mut AccountScope,
    new: &NewInbound,
    now_ms: Millis,
) -> Result<InboundOutcome, StoreError> {
    let (chat_no, sender) = whose(tx, scope, new)?;
    if let (Some(sender), Some(name)) = (sender, &new.push_name) {
        person::rename(tx, scope.no, sender, |record| record.push_name = Some(name.clone()))?;
    }
    let known = tx.reading(|tx| find(tx, scope.no, &new.provider_id, chat_no, sender))?;
    if let Some(id) = known {
        return repeat(tx, scope, id, new, now_ms);
    }
    let ts_ms = message::in_order(tx, scope.no, chat_no, believable_ms(new.ts_ms, now_ms), now_ms)?;
    let key = MessageKey::new(ts_ms, new.rand);
    let id = MessageId { account: scope.no, key };
    let mut record = record(new, chat_no, sender, key.ts_ms, now_ms);
    tx.reading(|tx| refer::fill(tx, scope.no, &mut record))?;
    record.fleeting = !fleeting::keeps(tx, scope)?;
    message::put_new(tx, scope, key, &record, new.group)?;
    acts::apply(tx, scope, &record)?;
    scope.count(record.direction, &record.content, now_ms);
    scope.counters.received += u64::from(!new.from_me);
    scope.counters.unavailable += u64::from(new.content == Content::Unavailable);
    message::tell(tx, scope, id, &record, now_ms)?;
    if new.from_me {
        receipt::catch_up(tx, scope, id, &record, now_ms)?;
    } else if let Some(person) = sender.filter(|_| !new.group) {
        campaign::heard(tx, scope, person, &record, now_ms)?;
    }
    Ok(InboundOutcome::Stored(id))
}

/// The chat of a message, and who wrote it where that is not the account itself.
pub(super) fn whose(
    tx: &mut WriteTx<'_>,
    scope: &mut AccountScope,
    new: &NewInbound,
) -> Result<(ChatNo, Option<PersonNo>), StoreError> {
    let (chat_no, person) = chat::resolve(tx, scope, &new.chat, !new.from_me)?;
    let sender = match &new.sender {
        _ if new.from_me => None,
        Some(sender) if new.group || person.is_none() => Some(person::resolve(tx, scope, sender)?.0),
        _ => person,
    };
    Ok((chat_no, sender))
}

fn repeat(
    tx: &mut WriteTx<'_>,
    scope: &mut AccountScope,
    id: MessageId,
    new: &NewInbound,
    now_ms: Millis,
) -> Result<InboundOutcome, StoreError> {
    let stored = tx.reading(|tx| message::get(tx, id))?;
    let was_unreadable = stored.is_some_and(|message| message.content == Content::Unavailable);
    if was_unreadable && new.content != Content::Unavailable {
        message::fill(tx, scope, id, new, now_ms)?;
        return Ok(InboundOutcome::Filled(id));
    }
    scope.counters.repeats += 1;
    Ok(InboundOutcome::Repeat(id))
}

pub(super) fn record(
    new: &NewInbound,
    chat_no: ChatNo,
    sender_no: Option<PersonNo>,
    ts_ms: Millis,
    now_ms: Millis,
) -> MessageRecord {
    let (direction, state) = if new.from_me {
        (Direction::Outbound, MessageState::Sent)
    } else {
        (Direction::Inbound, MessageState::Delivered)
    };
    MessageRecord {
        direction,
        chat: new.chat.clone(),
        chat_no,
        sender: new.sender.clone().filter(|_| !new.from_me),
        sender_no,
        provider_id: new.provider_id.clone(),
        ts_ms,
        content: new.content.clone(),
        state,
        times: StateTimes { queued_ms: Some(now_ms), ..StateTimes::default() },
        reason: None,
        lane: Lane::Interactive,
        tries: 0,
        client_message_id: None,
        push_name: new.push_name.clone(),
        context: new.context.clone(),
        aftermath: Aftermath::default(),
        secret: new.secret,
        fleeting: false,
        run: None,
    }
}

/// Whether a message is stored already, whichever address of its chat or sender it is asked by.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn known(
    tx: &ReadTx<'_>,
    no: AccountNo,
    provider_id: &str,
    chat: &Participant,
    sender: Option<&Participant>,
) -> Result<bool, StoreError> {
    // In a chat with one human the sender goes without saying.
    let person = person::find(tx, no, sender.unwrap_or(chat))?;
    for chat in chat::find(tx, no, chat)? {
        // The account's own messages stand under no sender.
        for sender in [person, None] {
            if find(tx, no, provider_id, chat, sender)?.is_some() {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

pub(super) fn find(
    tx: &ReadTx<'_>,
    no: AccountNo,
    provider_id: &str,
    chat_no: ChatNo,
    sender: Option<PersonNo>,
) -> Result<Option<MessageId>, StoreError> {
    for same in message::with_provider_id(tx, no, provider_id)? {
        if chat::same(tx, no, same.chat, chat_no)? && same_person(tx, no, same.sender, sender.unwrap_or_default())? {
            return Ok(Some(MessageId { account: no, key: same.key }));
        }
    }
    Ok(None)
}

pub(super) fn same_person(tx: &ReadTx<'_>, no: AccountNo, a: PersonNo, b: PersonNo) -> Result<bool, StoreError> {
    let nobody = PersonNo(0);
    if a == b || a == nobody || b == nobody {
        return Ok(a == b);
    }
    Ok(person::canonical(tx, no, a)? == person::canonical(tx, no, b)?)
}
