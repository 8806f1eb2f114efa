//! One store job for everything that a turn of an account's actor comes to.

use std::time::Duration;

use wasup_store::id::{AccountNo, Epoch, MessageId, Millis};
use wasup_store::records::{AccountState, Identity, MessageRecord, Restriction};
use wasup_store::repo::send::Settlement;
use wasup_store::repo::take::{self, TakeRule, Taken};
use wasup_store::repo::{account, receipt, restriction, send};
use wasup_store::{StoreError, WriteTx};

use super::batch::Receipts;
use super::restriction::Change;
use super::state::turned_away;
use crate::principal::Asker;

/// Whose rows are written, and by which incarnation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Owner {
    pub(super) no: AccountNo,
    pub(super) epoch: Epoch,
}

/// What is to be committed, in the order of the fields.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) identity: Option<Identity>,
    /// The identity is that of a phone which has just linked the device, and another account may not have the same.
    pub(super) refuse_same_phone: bool,
    pub(super) states: Vec<AccountState>,
    pub(super) settlements: Vec<(MessageId, Settlement)>,
    pub(super) receipts: Vec<Receipts>,
    /// Sends to be put on the wire once more.
    pub(super) again: Vec<MessageId>,
    /// What the network forbids from now on, and whether that is told.
    pub(super) restriction: Option<(Option<Restriction>, Change)>,
    /// Queued sends to be taken for the wire.
    pub(super) take: Option<Take>,
    /// The link is over: fresh keys next time. Makes this incarnation's epoch stale.
    pub(super) log_out: bool,
    /// What is noted beside the states.
    pub(super) note: Note,
}

/// What is noted beside a state.
#[derive(Debug, Default)]
pub(super) struct Note {
    /// The shortest time between two events of the account's state.
    pub(super) every: Duration,
    /// Who asked for what led to it.
    pub(super) by: Option<Asker>,
}

/// What is taken for the wire.
#[derive(Debug, Clone, Copy)]
pub(super) struct Take {
    pub(super) rule: TakeRule,
    /// How long it is noted; `None` where nobody asks how fast the account sends.
    pub(super) keep_ms: Option<Millis>,
}

/// What a commit made.
#[derive(Debug, Default)]
pub(super) struct Committed {
    /// When.
    pub(super) at_ms: Millis,
    /// Sends for the wire, in order.
    pub(super) outgoing: Vec<(MessageId, MessageRecord)>,
    /// Those of them that go to somebody who never wrote, as far as that was asked.
    pub(super) cold: Vec<MessageId>,
    /// Sends that were put aside.
    pub(super) held: Vec<MessageId>,
    /// There is more to be moved at once.
    pub(super) more: bool,
    /// How many of them go there once more.
    pub(super) repeated: usize,
    /// Messages that a receipt moved on.
    pub(super) moved: Vec<MessageId>,
    /// The account has to leave again: another one is linked to the same phone. Nothing else was written.
    pub(super) turned_away: bool,
}

impl Plan {
    /// Whether there is nothing to write.
    pub(super) fn is_empty(&self) -> bool {
        self.identity.is_none()
            && self.states.is_empty()
            && self.settlements.is_empty()
            && self.receipts.is_empty()
            && self.again.is_empty()
            && self.restriction.is_none()
            && self.take.is_none()
            && !self.log_out
    }

    /// Whether it is about messages only. Nothing of that leaves but by the link's frames, by deliveries and by answers
    /// to those who wait for a message, and all of these wait for the disk.
    pub(super) const fn is_messages_only(&self) -> bool {
        self.identity.is_none() && self.states.is_empty() && self.restriction.is_none() && !self.log_out
    }

    /// Writes it.
    pub(super) fn apply(&self, tx: &mut WriteTx<'_>, owner: Owner, now_ms: Millis) -> Result<Committed, StoreError> {
        let Owner { no, epoch } = owner;
        account::fence(tx, no, epoch)?;
        if let Some(identity) = &self.identity {
            let others = account::set_identity(tx, no, epoch, identity, now_ms)?;
            if self.refuse_same_phone && !others.is_empty() {
                account::turn_away(tx, no, epoch, &turned_away(false), now_ms)?;
                return Ok(Committed { turned_away: true, ..Committed::default() });
            }
        }
        for state in &self.states {
            let by = self.note.by.as_deref().cloned();
            let every_ms = u64::try_from(self.note.every.as_millis()).unwrap_or(u64::MAX);
            let change = account::StateChange { every_ms, by, ..account::StateChange::told_at_once(state) };
            account::change_state(tx, no, Some(epoch), &change, now_ms)?;
        }
        if !self.settlements.is_empty() {
            send::settle(tx, no, epoch, &self.settlements, now_ms)?;
        }
        let mut moved = Vec::new();
        for receipts in &self.receipts {
            let Receipts { seen, at_ms, provider_ids } = receipts;
            moved.extend(receipt::apply(tx, no, epoch, provider_ids, *seen, *at_ms, now_ms)?);
        }
        if let Some((restriction, change)) = self.restriction {
            restriction::set(tx, no, epoch, restriction, change != Change::Noted, now_ms)?;
        }
        let mut outgoing = send::again(tx, no, epoch, &self.again, now_ms)?;
        let repeated = outgoing.len();
        let taken = match self.take {
            Some(Take { rule, keep_ms: Some(keep) }) => take::take_paced(tx, no, epoch, now_ms, &rule, keep)?,
            Some(Take { rule, keep_ms: None }) => take::take(tx, no, epoch, now_ms, &rule)?,
            None => Taken::default(),
        };
        outgoing.extend(taken.outgoing);
        if self.log_out {
            account::log_out(tx, no, epoch, now_ms)?;
        }
        let Taken { cold, held, more, .. } = taken;
        Ok(Committed { at_ms: now_ms, outgoing, cold, held, more, repeated, moved, turned_away: false })
    }
}
