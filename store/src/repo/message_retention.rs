//! How much of an account's messages stays: by age, by number, by bytes. A little at a time, the oldest first.
//!
//! What is forgotten leaves a row without content, by which a repeat is known, until the network can't bring it again
//! any more. What hangs on a message goes with it: its place in the chat, marks, its file. Counts of hours stay, and
//! events have a retention of their own.

use super::scope::AccountScope;
use super::{counters, forget};
use crate::id::{AccountNo, MessageId, MessageKey, Millis};
use crate::records::{AccountCounters, Content, MessageRecord};
use crate::{Direction, ReadTx, StoreError, Tree, WriteTx, envelope};

/// What may stay of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KeepRule {
    /// Messages from before this time go; 0 for none.
    pub before_ms: Millis,
    /// So many messages stay; `None` for any number.
    pub messages: Option<u64>,
    /// So many bytes of what messages say stay; `None` for any number.
    pub bytes: Option<u64>,
    /// Rows by which repeats are known go, where they are from before this time.
    pub ids_before_ms: Millis,
}

impl KeepRule {
    fn is_crowded(&self, counters: &AccountCounters) -> bool {
        self.messages.is_some_and(|most| counters.messages > most)
            || self.bytes.is_some_and(|most| counters.messages > 0 && counters.message_bytes > most)
    }

    /// Whether anything may have to go.
    ///
    /// # Errors
    /// [`StoreError`] when a row can't be read.
    pub fn is_due(&self, tx: &ReadTx<'_>, no: AccountNo) -> Result<bool, StoreError> {
        let counters = counters::account(tx, no)?;
        Ok(self.is_crowded(&counters) || counters.fleeting > 0 || (self.before_ms > 0 && counters.messages > 0))
    }

    /// Whether a row was there long enough.
    fn id_is_over(&self, record: &MessageRecord, key: MessageKey) -> bool {
        // One that came with the history came again with it, if at all, and is left out there by its age.
        key.ts_ms < self.ids_before_ms && record.times.queued_ms.unwrap_or(0) < self.ids_before_ms
    }
}

/// What a step did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KeepStep {
    /// Messages that are not kept any more.
    pub forgotten: u64,
    /// Rows that were left of such and are gone.
    pub dropped: u64,
    /// Where to go on; `None` at the end.
    pub next: Option<MessageKey>,
    /// Everything up to here was looked at.
    pub passed: Option<MessageKey>,
}

/// Forgets what may not stay of an account, from behind a place on: at most `looks` messages are looked at and about
/// `budget` rows changed.
///
/// # Errors
/// [`StoreError::StaleEpoch`] where there is no such account.
pub fn step(
    tx: &mut WriteTx<'_>,
    no: AccountNo,
    rule: KeepRule,
    behind: Option<MessageKey>,
    (looks, budget): (usize, usize),
) -> Result<KeepStep, StoreError> {
    let mut scope = AccountScope::open(tx, no)?;
    let mut step = KeepStep { passed: behind, ..KeepStep::default() };
    let from = match behind {
        Some(key) => [MessageId { account: no, key }.to_bytes().as_slice(), &[0]].concat(),
        None => no.0.to_be_bytes().to_vec(),
    };
    let end = crate::key::prefix_end(&no.0.to_be_bytes());
    let rows = tx.range(Tree::Msg, &from, end.as_deref(), Direction::Forward, looks)?;
    let more = rows.len() == looks;
    for (row, value) in rows {
        let id = MessageId::from_bytes(&row).ok_or_else(|| StoreError::corrupt(Tree::Msg, "a key is no message id"))?;
        if tx.rows() >= budget {
            step.next = step.passed;
            break;
        }
        let record: MessageRecord = envelope::open_record(Tree::Msg, &value)?;
        let crowded = rule.is_crowded(&scope.counters);
        let rest_is_young = id.key.ts_ms >= rule.before_ms.max(rule.ids_before_ms);
        if !crowded && (rest_is_young || (id.key.ts_ms >= rule.before_ms && scope.counters.fleeting == 0)) {
            scope.close(tx)?;
            return Ok(KeepStep { next: None, ..step });
        }
        one(tx, &mut scope, id, record, (&rule, crowded), &mut step)?;
        step.passed = Some(id.key);
        if more {
            step.next = step.passed;
        }
    }
    scope.close(tx)?;
    Ok(step)
}

fn one(
    tx: &mut WriteTx<'_>,
    scope: &mut AccountScope,
    id: MessageId,
    record: MessageRecord,
    (rule, crowded): (&KeepRule, bool),
    step: &mut KeepStep,
) -> Result<(), StoreError> {
    let over = rule.id_is_over(&record, id.key);
    if record.fleeting {
        let empty = matches!(record.content, Content::Erased | Content::Unavailable);
        if over && empty && forget::message(tx, scope, id)? {
            step.dropped += 1;
        }
        return Ok(());
    }
    if id.key.ts_ms < rule.before_ms || crowded {
        let gone = if over { forget::message(tx, scope, id)? } else { forget::reduce(tx, scope, id, record)? };
        step.forgotten += u64::from(gone);
    }
    Ok(())
}
