//! A job's turn: its next item becomes a message of its account.

use super::ending::{fail, move_in_line};
use super::{LOOKS, find, put};
use crate::id::{JobId, MessageId, Millis};
use crate::records::{JobReason, JobRecord, JobState, Lane, MessageSecret, RunId, RunItem, RunRef};
use crate::repo::run;
use crate::repo::scope::AccountScope;
use crate::repo::send::{self, AcceptError, NewSend};
use crate::{ReadTx, StoreError, Tree, WriteTx};

/// What the caller draws for a message.
#[derive(Debug, Clone)]
pub struct Draw {
    /// The network's id, the same for every try to send this item.
    pub provider_id: String,
    /// Makes the row's key.
    pub rand: u64,
    /// The message's own secret, where its content needs one.
    pub secret: Option<MessageSecret>,
}

/// What became of a job's turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Turn {
    /// Its next item is accepted as this message.
    Accepted(MessageId),
    /// There were bad ones, and more may follow.
    Again,
    /// Every item's turn has come.
    NothingLeft,
    /// It stands in no line.
    NotInLine,
    /// The account's outbox is full.
    OutboxFull,
    /// The account is gone, and the job over.
    AccountGone,
}

/// The next item that would be sent, to draw what its message needs.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn next_item(tx: &ReadTx<'_>, id: JobId) -> Result<Option<(u32, RunItem)>, StoreError> {
    let at = run::tally(tx, RunId::Job(id))?.next;
    Ok(run::item(tx, RunId::Job(id), at)?.map(|item| (at, item)))
}

/// Accepts a job's next item as a message of its account: item, cursor, message and outbox row in one commit.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn enqueue(
    tx: &mut WriteTx<'_>,
    id: JobId,
    (expected, draw): (u32, &Draw),
    (now_ms, outbox_max): (Millis, u64),
) -> Result<Turn, StoreError> {
    let Some(mut job) = tx.reading(|tx| find(tx, id))?.filter(|job| job.is_in_line()) else {
        return Ok(Turn::NotInLine);
    };
    let (run, job_account) = (RunId::Job(id), job.account);
    let found = run::next(tx, run, LOOKS)?;
    let Some((seq, item)) = found else {
        let tally = tx.reading(|tx| run::tally(tx, run))?;
        if tally.next < tally.total {
            return Ok(Turn::Again);
        }
        move_in_line(tx, id, &JobRecord { handed_over: true, ..job })?;
        // Its last ones were bad: nothing else may end it.
        let mut scope = AccountScope::open(tx, job_account)?;
        run::through(tx, &mut scope, run, now_ms)?;
        scope.close(tx)?;
        return Ok(Turn::NothingLeft);
    };
    if seq != expected {
        return Ok(Turn::Again);
    }
    let whole = item.load.zip(item.chat);
    let (load, chat) = whole.ok_or_else(|| StoreError::corrupt(Tree::Recipient, "an item holds nothing to send"))?;
    if job.state == JobState::Queued {
        job.state = JobState::Running;
        job.started_ms = Some(now_ms);
        put(tx, id, &job)?;
    }
    let new = NewSend {
        no: job.account,
        chat,
        content: load.content,
        context: load.context,
        secret: draw.secret,
        lane: Lane::Bulk,
        provider_id: draw.provider_id.clone(),
        rand: draw.rand,
        now_ms,
        client_message_id: load.client_message_id,
        idempotency: None,
        outbox_max,
        run: Some(RunRef { run, seq }),
    };
    match send::accept(tx, &new) {
        Ok(accepted) => {
            if run::hand_over(tx, run, seq)? {
                move_in_line(tx, id, &JobRecord { handed_over: true, ..job })?;
            }
            Ok(Turn::Accepted(accepted.id))
        }
        Err(AcceptError::OutboxFull) => Ok(Turn::OutboxFull),
        Err(AcceptError::NoAccount | AcceptError::KeyReused) => {
            fail(tx, (id, &job), JobReason::AccountGone, now_ms)?;
            Ok(Turn::AccountGone)
        }
        Err(AcceptError::Store(error)) => Err(error),
    }
}
