//! What goes to the wire next: queued sends by lane, and those that were held, as far as the account may write to people who
//! never wrote to it.

use super::pace::{self, ColdChats};
use super::scope::AccountScope;
use super::send::{self, MAX_IN_FLIGHT};
use super::{account, chat, held, message, outbox, revival};
use crate::id::{AccountNo, Epoch, MessageId, Millis};
use crate::records::{FailReason, Identity, Lane, MessageRecord, MessageState};
use crate::{StoreError, WriteTx};

/// Most messages that one commit puts aside or lets go: each costs about ten rows.
const MOVES: usize = 64;

/// How much is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TakeRule {
    /// At most so many.
    pub limit: usize,
    /// What holds for sends to people who never wrote; `None` lets them go as all others, and looks at nothing.
    pub cold: Option<ColdRule>,
}

/// Which sends go to humans who never wrote to the account. Groups are not meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ColdRule {
    /// The network's code, while it forbids them.
    pub code: Option<u16>,
    /// At most so many of them now; the others are held.
    pub most: usize,
    /// Most chats in 24 hours.
    pub per_day: Option<u32>,
    /// Of an odd number of places, the odd one goes to those that are held.
    pub held_first: bool,
}

/// What was taken.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Taken {
    /// For the wire, in this order.
    pub outgoing: Vec<(MessageId, MessageRecord)>,
    /// Those of them that go to somebody who never wrote. Empty without a rule for them.
    pub cold: Vec<MessageId>,
    /// Put aside.
    pub held: Vec<MessageId>,
    /// There is more to be done at once.
    pub more: bool,
}

/// Takes sends for the wire and notes them as being sent.
///
/// # Errors
/// [`StoreError::StaleEpoch`] for an older incarnation.
pub fn take(
    tx: &mut WriteTx<'_>,
    no: AccountNo,
    epoch: Epoch,
    now_ms: Millis,
    rule: &TakeRule,
) -> Result<Taken, StoreError> {
    account::fence(tx, no, epoch)?;
    if tx.reading(|tx| revival::outbox_paused(tx, no))? {
        return Ok(Taken::default());
    }
    // Sends that wait for their acknowledgement still stand in front; there are never more than the in-flight limit.
    let in_flight = tx.reading(|tx| Ok(send::open_ids(tx, no, MessageState::Sending, MAX_IN_FLIGHT)?.len()))?;
    match rule.cold {
        None => Ok(Taken { outgoing: take_all(tx, no, now_ms, rule.limit, in_flight)?, ..Taken::default() }),
        Some(cold) => Taking::open(tx, no, epoch, now_ms, cold, rule.limit)?.run(tx, in_flight),
    }
}

/// As [`take`], for an account that is kept to a pace: what is taken is noted for `keep_ms`.
///
/// # Errors
/// As there.
pub fn take_paced(
    tx: &mut WriteTx<'_>,
    no: AccountNo,
    epoch: Epoch,
    now_ms: Millis,
    rule: &TakeRule,
    keep_ms: Millis,
) -> Result<Taken, StoreError> {
    let taken = take(tx, no, epoch, now_ms, rule)?;
    pace::note_sends(tx, no, taken.outgoing.len(), keep_ms, now_ms)?;
    Ok(taken)
}

fn take_all(
    tx: &mut WriteTx<'_>,
    no: AccountNo,
    now_ms: Millis,
    limit: usize,
    in_flight: usize,
) -> Result<Vec<(MessageId, MessageRecord)>, StoreError> {
    let mut taken = Vec::new();
    for lane in Lane::ALL {
        if taken.len() >= limit {
            break;
        }
        let waiting = tx.reading(|tx| outbox::oldest(tx, no, lane, limit + in_flight))?;
        for key in waiting {
            if taken.len() >= limit {
                break;
            }
            let id = MessageId { account: no, key };
            taken.extend(send::begin(tx, id, MessageState::Queued, now_ms)?.map(|record| (id, record)));
        }
    }
    Ok(taken)
}

/// A take that tells those who wrote from those who never did.
struct Taking {
    scope: AccountScope,
    now_ms: Millis,
    cold: ColdRule,
    me: Option<Identity>,
    chats: Option<ColdChats>,
    /// Places left.
    left: usize,
    /// Messages that may still be moved in this commit.
    moves: usize,
    taken: Taken,
}

impl Taking {
    fn open(
        tx: &WriteTx<'_>,
        no: AccountNo,
        epoch: Epoch,
        now_ms: Millis,
        cold: ColdRule,
        left: usize,
    ) -> Result<Self, StoreError> {
        let scope = AccountScope::fenced(tx, no, epoch)?;
        let load = |most| tx.reading(|tx| ColdChats::load(tx, no, most, now_ms));
        let chats = cold.per_day.map(load).transpose()?;
        let me = tx.reading(|tx| account::by_no(tx, no))?.and_then(|record| record.identity);
        Ok(Self { scope, now_ms, cold, me, chats, left, moves: MOVES, taken: Taken::default() })
    }

    fn run(mut self, tx: &mut WriteTx<'_>, in_flight: usize) -> Result<Taken, StoreError> {
        let waiting = self.scope.counters.outbox_depth() > in_flight as u64;
        let (gone, all) = held::let_go_of_writers(tx, &mut self.scope, self.moves, self.now_ms)?;
        self.moves = self.moves.saturating_sub(gone);
        self.taken.more = !all;
        // A newer message to somebody who wrote must not overtake those that were held.
        if all {
            self.take_held(tx, waiting || gone > 0)?;
            for lane in Lane::ALL {
                self.take_lane(tx, lane, in_flight)?;
            }
        }
        self.scope.close(tx)?;
        Ok(self.taken)
    }

    /// Those that were held first, as long as the others get their share.
    fn take_held(&mut self, tx: &mut WriteTx<'_>, waiting: bool) -> Result<(), StoreError> {
        if self.scope.counters.held == 0 || self.cold.most == 0 {
            return Ok(());
        }
        let share = if waiting { (self.left + usize::from(self.cold.held_first)) / 2 } else { self.left };
        let no = self.scope.no;
        let mut given = 0;
        for id in tx.reading(|tx| send::open_ids(tx, no, MessageState::Held, MOVES))? {
            if given == share || self.cold.most == 0 || self.moves == 0 {
                break;
            }
            let Some(record) = tx.reading(|tx| message::get(tx, id))? else { continue };
            if !self.may_begin(tx, &record)? {
                continue;
            }
            held::let_go(tx, &mut self.scope, id, record, self.now_ms)?;
            self.moves -= 1;
            self.begin(tx, id, true)?;
            given += 1;
        }
        Ok(())
    }

    fn take_lane(&mut self, tx: &mut WriteTx<'_>, lane: Lane, in_flight: usize) -> Result<(), StoreError> {
        let no = self.scope.no;
        loop {
            let most = self.left + in_flight + self.taken.outgoing.len();
            let (mut aside, page) = (false, tx.reading(|tx| outbox::oldest(tx, no, lane, most))?);
            for key in page {
                let id = MessageId { account: no, key };
                if self.left == 0 {
                    return Ok(());
                }
                let Some(record) = tx.reading(|tx| message::get(tx, id))? else { continue };
                if record.state != MessageState::Queued {
                    continue;
                }
                if self.is_warm(tx, &record)? {
                    self.begin(tx, id, false)?;
                } else if self.overtakes_nobody(&record) && self.cold.most > 0 && self.may_begin(tx, &record)? {
                    self.begin(tx, id, true)?;
                } else if self.moves == 0 {
                    self.taken.more = true;
                    return Ok(());
                } else {
                    let why = self.cold.code.map_or(FailReason::Paced, |error| FailReason::Server { error });
                    held::hold(tx, &mut self.scope, id, record, why, self.now_ms)?;
                    self.taken.held.push(id);
                    self.moves -= 1;
                    aside = true;
                }
            }
            // Where some were put aside, others behind them may be reached now.
            if !aside {
                return Ok(());
            }
        }
    }

    fn begin(&mut self, tx: &mut WriteTx<'_>, id: MessageId, cold: bool) -> Result<(), StoreError> {
        let Some(record) = send::begin(tx, id, MessageState::Queued, self.now_ms)? else { return Ok(()) };
        self.left = self.left.saturating_sub(1);
        if cold {
            self.cold.most = self.cold.most.saturating_sub(1);
            self.taken.cold.push(id);
        }
        self.taken.outgoing.push((id, record));
        Ok(())
    }

    fn is_warm(&self, tx: &WriteTx<'_>, record: &MessageRecord) -> Result<bool, StoreError> {
        let to = &record.chat;
        let own = self.me.as_ref().is_some_and(|me| {
            me.jid == to.jid
                || me.lid.as_ref() == Some(&to.jid)
                || (to.phone.is_some() && me.jid.phone_digits() == to.phone.as_deref())
        });
        Ok(own || tx.reading(|tx| chat::heard(tx, self.scope.no, record.chat_no))?)
    }

    /// Whether none that is held waits for the same chat: one that counts today was let through when it was its turn.
    fn overtakes_nobody(&self, record: &MessageRecord) -> bool {
        let counts = self.chats.as_ref().is_some_and(|chats| chats.has(record.chat_no));
        self.scope.counters.held == 0 || (counts && self.cold.code.is_none())
    }

    /// Whether the limit of a day has a place for it, which it then takes.
    fn may_begin(&mut self, tx: &mut WriteTx<'_>, record: &MessageRecord) -> Result<bool, StoreError> {
        let Some(chats) = &mut self.chats else { return Ok(true) };
        let has = chats.has(record.chat_no);
        if !has && chats.has_room() {
            chats.add(tx, record.chat_no)?;
            return Ok(true);
        }
        Ok(has)
    }
}
