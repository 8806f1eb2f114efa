//! A campaign's turn: recipients become messages of its accounts, or are left out, in one commit.

use super::{ASIDE, complete, counts, get, owned, reply};
use crate::id::{AccountNo, CampaignId, MessageId, Millis};
use crate::key::Key;
use crate::records::{
    CampaignCounts, CampaignRecord, CampaignState, CampaignTo, Direction as Way, EarlierWho, ItemState, ItemTrouble,
    Lane, Load, Participant, RunId, RunItem, RunRef, StateTimes,
};
use crate::repo::bulk::{self, BulkCaps};
use crate::repo::job::Draw;
use crate::repo::send::{self, AcceptError, NewSend};
use crate::repo::{account, chat, message, opt_out, person, run};
use crate::{Direction, ReadTx, StoreError, Tree, WriteTx};

/// Newest messages of a chat that are looked at for whether the other side wrote lately.
const LOOK_BACK: usize = 16;

/// What is to become of a recipient, as far as the caller can say.
#[derive(Debug, Clone)]
pub enum Proposal {
    /// This account sends this.
    Send {
        /// The account.
        sender: AccountNo,
        /// What it sends.
        load: Box<Load>,
        /// What its message needs.
        draw: Draw,
        /// How many it may send.
        caps: BulkCaps,
    },
    /// It is put aside until then.
    Defer(Millis),
    /// It can't be made into a message.
    Fail(ItemTrouble),
}

/// A recipient and what is to become of them.
#[derive(Debug, Clone)]
pub struct Offer {
    /// Their place.
    pub seq: u32,
    /// Their number, in digits.
    pub number: String,
    /// Until when they were put aside; `None` for one whose turn comes for the first time.
    pub aside_ms: Option<Millis>,
    /// What is to become of them.
    pub what: Proposal,
}

/// What became of a recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// There is a message.
    Accepted(AccountNo, MessageId),
    /// They were left out, failed, or were put aside.
    Settled,
    /// The account can't send now: its last bulk message has no outcome, a limit holds it back, or its outbox is full.
    Busy(AccountNo),
    /// The account is gone.
    Gone(AccountNo),
}

/// What became of a turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Turn {
    /// It does not run.
    NotRunning,
    /// What became of the first ones; the others were not looked at, or stand elsewhere by now.
    Done(Vec<Outcome>),
}

fn aside_rows(id: CampaignId) -> Key {
    owned(id).u8(ASIDE)
}

/// At most `limit` recipients that were put aside, those whose time comes first, with it.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn aside(tx: &ReadTx<'_>, id: CampaignId, limit: usize) -> Result<Vec<(Millis, u32)>, StoreError> {
    let rows = tx.prefix(Tree::Campaign, aside_rows(id), Direction::Forward, limit)?;
    let row = |key: &[u8]| {
        let mut parts = crate::key::Parts(key.get(18..)?);
        Some((parts.u64()?, parts.u32()?))
    };
    let bad = || StoreError::corrupt(Tree::Campaign, "a key holds no time");
    rows.iter().map(|(key, _)| row(key).ok_or_else(bad)).collect()
}

/// Does with recipients what is proposed, in their order, as far as it can be done now.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn offer(
    tx: &mut WriteTx<'_>,
    id: CampaignId,
    offers: &[Offer],
    (now_ms, outbox_max): (Millis, u64),
) -> Result<Turn, StoreError> {
    let Some(record) = tx.reading(|tx| get(tx, id))?.filter(|record| record.state == CampaignState::Running) else {
        return Ok(Turn::NotRunning);
    };
    let turn = Taking { id, record, now_ms, outbox_max };
    let mut outcomes = Vec::with_capacity(offers.len());
    for one in offers {
        let Some(outcome) = turn.one(tx, one)? else { break };
        outcomes.push(outcome);
        if matches!(outcome, Outcome::Busy(_) | Outcome::Gone(_)) {
            break;
        }
    }
    complete(tx, None, id, now_ms)?;
    Ok(Turn::Done(outcomes))
}

struct Taking {
    id: CampaignId,
    record: CampaignRecord,
    now_ms: Millis,
    outbox_max: u64,
}

impl Taking {
    const fn run(&self) -> RunId {
        RunId::Campaign(self.id)
    }

    /// `None` where their turn is not now.
    fn one(&self, tx: &mut WriteTx<'_>, offer: &Offer) -> Result<Option<Outcome>, StoreError> {
        let before = match offer.aside_ms {
            None if tx.reading(|tx| run::tally(tx, self.run()))?.next != offer.seq => return Ok(None),
            None => None,
            Some(_) => {
                let item = tx.reading(|tx| run::item(tx, self.run(), offer.seq))?;
                let Some(item) = item.filter(|item| item.state == ItemState::Deferred) else { return Ok(None) };
                Some(item)
            }
        };
        let item = before.unwrap_or_else(|| run::unwritten(&offer.number));
        if tx.reading(|tx| opt_out::get(tx, self.record.tenant, &offer.number))?.is_some() {
            return self.settle(tx, offer, item, (ItemState::Skipped, Some(ItemTrouble::OptedOut))).map(Some);
        }
        match &offer.what {
            Proposal::Fail(why) => self.settle(tx, offer, item, (ItemState::Failed, Some(why.clone()))).map(Some),
            Proposal::Defer(until_ms) => {
                tx.put_fixed(Tree::Campaign, aside_rows(self.id).u64(*until_ms).u32(offer.seq), &[])?;
                self.settle(tx, offer, item, (ItemState::Deferred, None)).map(Some)
            }
            Proposal::Send { sender, load, draw, caps } => {
                let owner = tx.reading(|tx| account::owner(tx, *sender))?;
                if owner.is_none_or(|owner| owner.gone || owner.tenant != self.record.tenant) {
                    return Ok(Some(Outcome::Gone(*sender)));
                }
                if let Some(why) = tx.reading(|tx| self.rule(tx, *sender, item.chat.as_ref()))? {
                    return self.settle(tx, offer, item, (ItemState::Skipped, Some(why))).map(Some);
                }
                let standing = tx.reading(|tx| bulk::standing(tx, *sender, caps, self.now_ms))?;
                if standing.waiting || standing.not_before_ms > self.now_ms {
                    return Ok(Some(Outcome::Busy(*sender)));
                }
                self.send(tx, offer, RunItem { sender: Some(*sender), ..item }, (load, draw)).map(Some)
            }
        }
    }

    /// The rule by which somebody is left out.
    fn rule(
        &self,
        tx: &ReadTx<'_>,
        no: AccountNo,
        to: Option<&Participant>,
    ) -> Result<Option<ItemTrouble>, StoreError> {
        let Some(to) = to else { return Ok(None) };
        let rules = &self.record.plan.replies;
        let chats = if rules.only_known || rules.skip_if_wrote_within_ms.is_some() {
            chat::find(tx, no, to)?
        } else {
            Vec::new()
        };
        if rules.only_known {
            let mut known = false;
            for chat in &chats {
                known |= chat::heard(tx, no, *chat)?;
            }
            if !known {
                return Ok(Some(ItemTrouble::NeverWrote));
            }
        }
        if let Some(within_ms) = rules.skip_if_wrote_within_ms {
            for chat in chats {
                for key in message::newest_of_chat(tx, no, chat, LOOK_BACK)? {
                    let found = message::get(tx, MessageId { account: no, key })?;
                    let lately = key.ts_ms.saturating_add(within_ms) > self.now_ms;
                    if lately && found.is_some_and(|message| message.direction == Way::Inbound) {
                        return Ok(Some(ItemTrouble::WroteLately));
                    }
                }
            }
        }
        if let CampaignTo::Earlier { campaign, who: EarlierWho::Silent } = self.record.plan.to {
            for no in get(tx, campaign)?.map(|earlier| earlier.plan.senders).unwrap_or_default() {
                if let Some(person) = person::find(tx, no, to)?
                    && reply::has_replied(tx, no, person, campaign)?
                {
                    return Ok(Some(ItemTrouble::Replied));
                }
            }
        }
        Ok(None)
    }

    /// An outcome without a message.
    fn settle(
        &self,
        tx: &mut WriteTx<'_>,
        offer: &Offer,
        before: RunItem,
        (state, trouble): (ItemState, Option<ItemTrouble>),
    ) -> Result<Outcome, StoreError> {
        let times = match state {
            ItemState::Deferred => before.times,
            _ => StateTimes { ended_ms: Some(self.now_ms), ..before.times },
        };
        self.leave_aside(tx, offer)?;
        let after = RunItem { state, trouble, times, ..before.clone() };
        run::place(tx, self.run(), offer.seq, (before.state, &after))?;
        let counts = CampaignCounts {
            failed: u32::from(state == ItemState::Failed),
            skipped: u32::from(state == ItemState::Skipped),
            ..CampaignCounts::default()
        };
        counts::skipped(tx, self.id, counts, self.now_ms)?;
        Ok(Outcome::Settled)
    }

    fn leave_aside(&self, tx: &mut WriteTx<'_>, offer: &Offer) -> Result<(), StoreError> {
        match offer.aside_ms {
            Some(due_ms) => tx.delete(Tree::Campaign, aside_rows(self.id).u64(due_ms).u32(offer.seq)),
            None => Ok(()),
        }
    }

    fn send(
        &self,
        tx: &mut WriteTx<'_>,
        offer: &Offer,
        item: RunItem,
        (load, draw): (&Load, &Draw),
    ) -> Result<Outcome, StoreError> {
        let (Some(no), Some(chat)) = (item.sender, item.chat.clone()) else {
            return Err(StoreError::corrupt(Tree::Recipient, "a recipient has no address"));
        };
        let depth = tx.reading(|tx| crate::repo::counters::account(tx, no))?.unsettled();
        if depth >= self.outbox_max {
            return Ok(Outcome::Busy(no));
        }
        self.leave_aside(tx, offer)?;
        // Its message moves it on from here.
        run::place(tx, self.run(), offer.seq, (item.state, &RunItem { state: ItemState::Pending, ..item }))?;
        let new = NewSend {
            no,
            chat: chat.clone(),
            content: load.content.clone(),
            context: load.context.clone(),
            secret: draw.secret,
            lane: Lane::Bulk,
            provider_id: draw.provider_id.clone(),
            rand: draw.rand,
            now_ms: self.now_ms,
            client_message_id: load.client_message_id.clone(),
            idempotency: None,
            outbox_max: u64::MAX,
            run: Some(RunRef { run: self.run(), seq: offer.seq }),
        };
        match send::accept(tx, &new) {
            Ok(accepted) => {
                if let Some(person) = tx.reading(|tx| person::find(tx, no, &chat))? {
                    reply::goes_to(tx, no, person, (self.id, offer.seq))?;
                }
                Ok(Outcome::Accepted(no, accepted.id))
            }
            // Both were looked for in this very commit.
            Err(AcceptError::OutboxFull | AcceptError::NoAccount | AcceptError::KeyReused) => {
                Err(StoreError::corrupt(Tree::Campaign, "a send was refused that could not be"))
            }
            Err(AcceptError::Store(error)) => Err(error),
        }
    }
}
