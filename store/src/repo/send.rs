//! A send, from its acceptance to its one outcome.

use super::scope::AccountScope;
use super::take::{self, TakeRule};
use super::{account, chat, fleeting, held, idempotency, message, outbox, person};
use crate::id::{AccountNo, Epoch, MessageId, MessageKey, Millis, PersonNo, Position};
use crate::key::Key;
use crate::records::{
    Aftermath, Content, Direction, FailReason, Lane, MessageContext, MessageRecord, MessageSecret, MessageState,
    Participant, RunRef, StateTimes,
};
use crate::{Direction as Walk, ReadTx, StoreError, Tree, WriteTx};

pub use super::idempotency::Idempotency;

/// A send as it is asked for.
#[derive(Debug, Clone)]
pub struct NewSend {
    /// The account that sends.
    pub no: AccountNo,
    /// Where it goes.
    pub chat: Participant,
    /// What it says.
    pub content: Content,
    /// What surrounds that.
    pub context: Option<Box<MessageContext>>,
    /// Its own secret, drawn by the caller so that every try carries the same; the poll's for a vote.
    pub secret: Option<MessageSecret>,
    /// The lane it waits in.
    pub lane: Lane,
    /// The network's id, chosen here so that every try carries the same.
    pub provider_id: String,
    /// Drawn by the caller; makes the row's key.
    pub rand: u64,
    /// Now.
    pub now_ms: Millis,
    /// The caller's own id.
    pub client_message_id: Option<String>,
    /// The request's key, where it may be repeated.
    pub idempotency: Option<Idempotency>,
    /// Most unsettled sends of the account, held ones among them.
    pub outbox_max: u64,
    /// What it is a part of, where it is.
    pub run: Option<RunRef>,
}

/// An accepted send: on disk when the write resolves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// Its id.
    pub id: MessageId,
    /// Its record.
    pub record: MessageRecord,
    /// The request had been accepted before; this is its first answer.
    pub replayed: bool,
}

/// Why a send is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum AcceptError {
    /// There is no such account.
    #[error("no such account")]
    NoAccount,
    /// The request's key was used with another body.
    #[error("the idempotency key was used with another request")]
    KeyReused,
    /// Too many sends wait already.
    #[error("the account's outbox is full")]
    OutboxFull,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What became of a try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settlement {
    /// The server acknowledged it without error.
    Sent,
    /// The server refused it with this code.
    Rejected(u16),
    /// The server refused it with a code that forbids it only for now.
    Held(u16),
    /// Given up.
    Failed(FailReason),
    /// It certainly did not leave: back into the queue.
    Requeue,
}

/// Accepts a send: message, outbox row, idempotency row, counters and event in one commit.
///
/// # Errors
/// [`AcceptError`]; nothing is kept of a refused one.
pub fn accept(tx: &mut WriteTx<'_>, new: &NewSend) -> Result<Accepted, AcceptError> {
    let owner = tx.reading(|tx| account::owner(tx, new.no))?.filter(|owner| !owner.gone);
    let owner = owner.filter(|owner| account::reaches(tx, owner.tenant));
    let tenant = owner.ok_or(AcceptError::NoAccount)?.tenant;
    if let Some(request) = &new.idempotency
        && let Some(first) = tx.reading(|tx| idempotency::find(tx, tenant, new.no, request.key, new.now_ms))?
    {
        return tx.reading(|tx| Ok(replay(tx, request, &first)))?;
    }
    let mut scope = AccountScope::open(tx, new.no)?;
    if scope.counters.unsettled() >= new.outbox_max {
        return Err(AcceptError::OutboxFull);
    }
    let (chat_no, _) = chat::resolve(tx, &mut scope, &new.chat, false)?;
    let key = MessageKey::new(new.now_ms, new.rand);
    let id = MessageId { account: new.no, key };
    let record = MessageRecord {
        direction: Direction::Outbound,
        chat: new.chat.clone(),
        chat_no,
        sender: None,
        sender_no: None,
        provider_id: new.provider_id.clone(),
        ts_ms: new.now_ms,
        content: new.content.clone(),
        state: MessageState::Queued,
        times: StateTimes { queued_ms: Some(new.now_ms), ..StateTimes::default() },
        reason: None,
        lane: new.lane,
        tries: 0,
        client_message_id: new.client_message_id.clone(),
        push_name: None,
        context: new.context.clone(),
        aftermath: Aftermath::default(),
        secret: new.secret,
        fleeting: !fleeting::keeps(tx, &mut scope)?,
        run: new.run,
    };
    message::put_new(tx, &mut scope, key, &record, false)?;
    if record.fleeting {
        // Events of its states say nothing of what it says.
        fleeting::note(tx, id, Position(0), new.now_ms)?;
    }
    outbox::insert(tx, &mut scope, new.lane, key)?;
    if let Some(request) = &new.idempotency {
        idempotency::remember(tx, tenant, new.no, request, id)?;
    }
    message::tell_state(tx, &mut scope, id, &record, new.now_ms)?;
    person::tell_merges(tx, &mut scope, new.now_ms)?;
    scope.close(tx)?;
    Ok(Accepted { id, record, replayed: false })
}

/// The first answer to a request, where it is a repeat: asked before anything is done for it.
///
/// # Errors
/// [`AcceptError::KeyReused`] where the key was used with another body.
pub fn replayed(
    tx: &ReadTx<'_>,
    no: AccountNo,
    request: &Idempotency,
    now_ms: Millis,
) -> Result<Option<Accepted>, AcceptError> {
    let owner = account::owner(tx, no)?.filter(|owner| !owner.gone).ok_or(AcceptError::NoAccount)?;
    let Some(first) = idempotency::find(tx, owner.tenant, no, request.key, now_ms)? else { return Ok(None) };
    replay(tx, request, &first).map(Some)
}

fn replay(
    tx: &ReadTx<'_>,
    request: &Idempotency,
    first: &crate::records::IdempotencyRecord,
) -> Result<Accepted, AcceptError> {
    // A key that made a job makes no message.
    let Some(id) = first.message.filter(|_| first.body == request.body) else { return Err(AcceptError::KeyReused) };
    let record = message::get(tx, id)?;
    let record = record.ok_or_else(|| StoreError::corrupt(Tree::Idem, "the first answer's message is gone"))?;
    Ok(Accepted { id, record, replayed: true })
}

/// Takes at most `limit` queued sends for the wire, lanes in their order, and notes them as being sent.
///
/// # Errors
/// [`StoreError::StaleEpoch`] for an older incarnation.
pub fn take(
    tx: &mut WriteTx<'_>,
    no: AccountNo,
    epoch: Epoch,
    now_ms: Millis,
    limit: usize,
) -> Result<Vec<(MessageId, MessageRecord)>, StoreError> {
    Ok(take::take(tx, no, epoch, now_ms, &TakeRule { limit, cold: None })?.outgoing)
}

/// Most sends of an account that are on the wire at once.
pub const MAX_IN_FLIGHT: usize = 1_024;

/// Notes another try, under the same id, of sends that are still unsettled; hands back those.
///
/// # Errors
/// [`StoreError::StaleEpoch`] for an older incarnation.
pub fn again(
    tx: &mut WriteTx<'_>,
    no: AccountNo,
    epoch: Epoch,
    ids: &[MessageId],
    now_ms: Millis,
) -> Result<Vec<(MessageId, MessageRecord)>, StoreError> {
    account::fence(tx, no, epoch)?;
    let mut begun = Vec::new();
    for id in ids.iter().filter(|id| id.account == no) {
        begun.extend(begin(tx, *id, MessageState::Sending, now_ms)?.map(|record| (*id, record)));
    }
    Ok(begun)
}

pub(super) fn begin(
    tx: &mut WriteTx<'_>,
    id: MessageId,
    from: MessageState,
    now_ms: Millis,
) -> Result<Option<MessageRecord>, StoreError> {
    let Some(mut record) = tx.reading(|tx| message::get(tx, id))? else { return Ok(None) };
    if record.state != from {
        return Ok(None);
    }
    record.state = MessageState::Sending;
    record.tries += 1;
    record.times.sending_ms.get_or_insert(now_ms);
    message::restate(tx, id, from, &record)?;
    Ok(Some(record))
}

/// At most `limit` messages in a state that `msg_open` lists, the oldest first.
pub(super) fn open_ids(
    tx: &ReadTx<'_>,
    no: AccountNo,
    state: MessageState,
    limit: usize,
) -> Result<Vec<MessageId>, StoreError> {
    let rows = tx.prefix(Tree::MsgOpen, Key::new().u32(no.0).u8(state as u8), Walk::Forward, limit)?;
    let id = |key: &[u8]| Some(MessageId { account: no, key: MessageKey::from_bytes(key.get(5..)?)? });
    Ok(rows.iter().filter_map(|(key, _)| id(key)).collect())
}

/// The time of the newest send that is not settled.
pub(super) fn newest_open_ms(tx: &ReadTx<'_>, no: AccountNo) -> Result<Option<Millis>, StoreError> {
    let held = tx.first(Tree::MsgOpen, Key::new().u32(no.0).u8(MessageState::Held as u8), Walk::Backward)?;
    let held = held.and_then(|(key, _)| MessageKey::from_bytes(key.get(5..)?)).map(|key| key.ts_ms);
    Ok(held.max(outbox::newest_ms(tx, no)?))
}

/// At most `limit` sends that were on the wire and are not settled, the oldest first: what a new incarnation resolves.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn unsettled(tx: &ReadTx<'_>, no: AccountNo, limit: usize) -> Result<Vec<(MessageId, MessageRecord)>, StoreError> {
    let mut found = Vec::new();
    for id in open_ids(tx, no, MessageState::Sending, limit)? {
        found.extend(message::get(tx, id)?.map(|record| (id, record)));
    }
    Ok(found)
}

/// The unsettled or settled send under an id of the network that this account chose.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn by_provider_id(
    tx: &ReadTx<'_>,
    no: AccountNo,
    provider_id: &str,
) -> Result<Option<(MessageId, MessageRecord)>, StoreError> {
    for same in message::with_provider_id(tx, no, provider_id)? {
        let id = MessageId { account: no, key: same.key };
        if same.sender == PersonNo(0)
            && let Some(record) = message::get(tx, id)?
        {
            return Ok(Some((id, record)));
        }
    }
    Ok(None)
}

/// Notes outcomes of tries. One that is settled already keeps its outcome, except that a late proof still counts.
///
/// # Errors
/// [`StoreError::StaleEpoch`] for an older incarnation.
pub fn settle(
    tx: &mut WriteTx<'_>,
    no: AccountNo,
    epoch: Epoch,
    outcomes: &[(MessageId, Settlement)],
    now_ms: Millis,
) -> Result<(), StoreError> {
    let mut scope = AccountScope::fenced(tx, no, epoch)?;
    for (id, outcome) in outcomes.iter().filter(|(id, _)| id.account == no) {
        settle_one(tx, &mut scope, *id, *outcome, now_ms)?;
    }
    scope.close(tx)
}

pub(super) fn settle_one(
    tx: &mut WriteTx<'_>,
    scope: &mut AccountScope,
    id: MessageId,
    outcome: Settlement,
    now_ms: Millis,
) -> Result<(), StoreError> {
    let Some(mut record) = tx.reading(|tx| message::get(tx, id))? else { return Ok(()) };
    let before = record.state;
    if outcome == Settlement::Sent {
        message::advance(tx, scope, id, record, MessageState::Sent, now_ms, now_ms)?;
        return Ok(());
    }
    if before.is_settled() {
        return Ok(());
    }
    (record.state, record.reason) = match outcome {
        Settlement::Rejected(error) => (MessageState::Rejected, Some(FailReason::Server { error })),
        Settlement::Held(error) => (MessageState::Held, Some(FailReason::Server { error })),
        Settlement::Failed(FailReason::LoggedOut) => (MessageState::Rejected, Some(FailReason::LoggedOut)),
        Settlement::Failed(reason) => (MessageState::Failed, Some(reason)),
        Settlement::Requeue | Settlement::Sent => (MessageState::Queued, None),
    };
    if outcome == Settlement::Requeue {
        outbox::insert(tx, scope, record.lane, id.key)?;
    } else {
        outbox::remove(tx, scope, record.lane, id.key)?;
    }
    if record.state.is_settled() {
        record.times.ended_ms = Some(now_ms);
        scope.counters.unsent += 1;
    }
    held::count(scope, before, record.state);
    message::restate(tx, id, before, &record)?;
    if outcome == Settlement::Requeue {
        return Ok(());
    }
    message::tell_state(tx, scope, id, &record, now_ms)
}
