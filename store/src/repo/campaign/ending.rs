//! How a campaign starts, pauses and ends.

use super::{get, of_account, put};
use crate::id::{AccountNo, CampaignId, Millis};
use crate::records::{
    Act, CampaignEvent, CampaignReason, CampaignRecord, CampaignState, EventData, EventKind, Gathering, ItemState,
    RunId,
};
use crate::repo::scope::AccountScope;
use crate::repo::{account, audit, cancel, event, run};
use crate::{Direction, ReadTx, StoreError, Tree, WriteTx};

/// Most messages of a campaign that have no outcome: one waits on each account, some more may be held.
const OPEN_MAX: usize = 1_024;

/// What somebody wants of a campaign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// It starts, now or at a time.
    Start(Option<Millis>),
    /// It is a draft again, and starts at no time.
    Unschedule,
    /// Nothing more is sent for now.
    Pause,
    /// It goes on.
    Resume,
    /// It is given up; what waits for the wire is taken back.
    Stop,
}

/// What became of a wish.
#[derive(Debug, Clone, PartialEq)]
pub enum Wished {
    /// It is so now, or was so already.
    Done(Box<CampaignRecord>),
    /// Where it stands that can't be done.
    Cant(CampaignState),
    /// None of its accounts is there.
    NoSender,
    /// There is no such campaign.
    Unknown,
}

/// Why a campaign can't go on.
pub type CampaignEnd = CampaignReason;

fn has_sender(tx: &ReadTx<'_>, record: &CampaignRecord) -> Result<Option<AccountNo>, StoreError> {
    for no in &record.plan.senders {
        if account::owner(tx, *no)?.is_some_and(|owner| !owner.gone && owner.tenant == record.tenant) {
            return Ok(Some(*no));
        }
    }
    Ok(None)
}

/// Does to a campaign what somebody wants.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn wish(tx: &mut WriteTx<'_>, id: CampaignId, wish: Wish, now_ms: Millis) -> Result<Wished, StoreError> {
    use CampaignState::{Cancelled, Draft, Paused, Running, Scheduled};
    let Some(before) = tx.reading(|tx| get(tx, id))? else { return Ok(Wished::Unknown) };
    let (to, at, act) = match (wish, before.state) {
        (Wish::Stop, Cancelled) | (Wish::Pause, Paused) | (Wish::Resume, Running) | (Wish::Unschedule, Draft) => {
            return Ok(Wished::Done(Box::new(before)));
        }
        (Wish::Start(Some(at)), Draft | Scheduled) if at > now_ms => (Scheduled, Some(at), Act::CampaignStarted(id)),
        (Wish::Start(_), Draft | Scheduled) => (Running, None, Act::CampaignStarted(id)),
        (Wish::Unschedule, Scheduled) => (Draft, None, Act::CampaignChanged(id)),
        (Wish::Pause, Running) => (Paused, None, Act::CampaignPaused(id)),
        (Wish::Resume, Paused) => (Running, None, Act::CampaignResumed(id)),
        (Wish::Stop, Draft | Scheduled | Running | Paused) => (Cancelled, None, Act::CampaignStopped(id)),
        (_, state) => return Ok(Wished::Cant(state)),
    };
    if matches!(to, Running | Scheduled) && tx.reading(|tx| has_sender(tx, &before))?.is_none() {
        return Ok(Wished::NoSender);
    }
    audit::note(tx, act, None, now_ms)?;
    let after = CampaignRecord { start_at_ms: at.or(before.start_at_ms.filter(|_| to == Running)), ..before.clone() };
    if to == Cancelled {
        // It is over before its last messages are taken back, which would end it as completed.
        enter(tx, None, (id, &before), CampaignRecord { state: to, reason: None, ..after }, now_ms)?;
        for message in tx.reading(|tx| run::open(tx, RunId::Campaign(id), OPEN_MAX))? {
            cancel::cancel(tx, message, now_ms)?;
        }
        return tx.reading(|tx| Ok(get(tx, id)?.map_or(Wished::Unknown, |over| Wished::Done(Box::new(over)))));
    }
    let after = enter(tx, None, (id, &before), CampaignRecord { state: to, reason: None, ..after }, now_ms)?;
    Ok(Wished::Done(Box::new(after)))
}

/// Starts a campaign whose time has come; `false` where it has not, or it does not wait for it.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn start_due(tx: &mut WriteTx<'_>, id: CampaignId, now_ms: Millis) -> Result<bool, StoreError> {
    let Some(before) = tx.reading(|tx| get(tx, id))? else { return Ok(false) };
    let due = before.state == CampaignState::Scheduled && before.start_at_ms.is_some_and(|at| at <= now_ms);
    if due {
        enter(tx, None, (id, &before), CampaignRecord { state: CampaignState::Running, ..before.clone() }, now_ms)?;
    }
    Ok(due)
}

/// Pauses a running campaign that nobody asked to pause.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn auto_pause(
    tx: &mut WriteTx<'_>,
    id: CampaignId,
    reason: CampaignReason,
    now_ms: Millis,
) -> Result<bool, StoreError> {
    let Some(before) = tx.reading(|tx| get(tx, id))?.filter(|record| record.state == CampaignState::Running) else {
        return Ok(false);
    };
    let after = CampaignRecord { state: CampaignState::Paused, reason: Some(reason), ..before.clone() };
    enter(tx, None, (id, &before), after, now_ms)?;
    Ok(true)
}

/// Ends a campaign that can't go on.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn halt(tx: &mut WriteTx<'_>, id: CampaignId, reason: CampaignReason, now_ms: Millis) -> Result<bool, StoreError> {
    let Some(before) = tx.reading(|tx| get(tx, id))?.filter(|record| !record.state.is_over()) else { return Ok(false) };
    let after = CampaignRecord { state: CampaignState::Halted, reason: Some(reason), ..before.clone() };
    enter(tx, None, (id, &before), after, now_ms)?;
    Ok(true)
}

/// Writes where a campaign stands now, and tells it.
fn enter(
    tx: &mut WriteTx<'_>,
    scope: Option<&mut AccountScope>,
    (id, before): (CampaignId, &CampaignRecord),
    mut after: CampaignRecord,
    now_ms: Millis,
) -> Result<CampaignRecord, StoreError> {
    if after.state == CampaignState::Running {
        after.started_ms.get_or_insert(now_ms);
    }
    if after.state.is_over() {
        after.ended_ms = Some(now_ms);
        let counts_as = if after.state == CampaignState::Halted { ItemState::Failed } else { ItemState::Cancelled };
        run::stop(tx, RunId::Campaign(id), counts_as)?;
    }
    put(tx, id, Some(before), &after)?;
    tell(tx, scope, (id, &after), now_ms)?;
    Ok(after)
}

/// Tells where a campaign stands, as an event of the first of its accounts that is there.
fn tell(
    tx: &mut WriteTx<'_>,
    scope: Option<&mut AccountScope>,
    (id, record): (CampaignId, &CampaignRecord),
    now_ms: Millis,
) -> Result<(), StoreError> {
    let Some(no) = tx.reading(|tx| has_sender(tx, record))? else { return Ok(()) };
    let tally = tx.reading(|tx| run::tally(tx, RunId::Campaign(id)))?;
    let CampaignRecord { name, state, reason, .. } = record;
    let data = EventData::Campaign(CampaignEvent { id, name: name.clone(), state: *state, reason: *reason, tally });
    let told = event::NewEvent { kind: EventKind::CampaignState, data, chat_no: None, now_ms };
    // An account is opened once in a write.
    if let Some(scope) = scope.filter(|scope| scope.no == no) {
        return event::append(tx, scope, told).map(drop);
    }
    let mut scope = AccountScope::open(tx, no)?;
    event::append(tx, &mut scope, told)?;
    scope.close(tx)
}

/// Ends a campaign whose recipients are all written down and have their outcomes.
pub(in crate::repo) fn complete(
    tx: &mut WriteTx<'_>,
    scope: Option<&mut AccountScope>,
    id: CampaignId,
    now_ms: Millis,
) -> Result<(), StoreError> {
    let tally = tx.reading(|tx| run::tally(tx, RunId::Campaign(id)))?;
    if tally.stopped.is_some() || tally.next < tally.total || tally.ended() < tally.total {
        return Ok(());
    }
    let Some(before) = tx.reading(|tx| get(tx, id))? else { return Ok(()) };
    let begun = matches!(before.state, CampaignState::Running | CampaignState::Paused);
    if !begun || before.gathering != Gathering::Done {
        return Ok(());
    }
    let after = CampaignRecord { state: CampaignState::Completed, reason: None, ..before.clone() };
    enter(tx, scope, (id, &before), after, now_ms).map(drop)
}

/// Fails what an account that is gone was to send of one campaign, and forgets that it sends in it; `false` where there is none.
pub(in crate::repo) fn leave(tx: &mut WriteTx<'_>, no: AccountNo, now_ms: Millis) -> Result<bool, StoreError> {
    let Some((row, _)) = tx.first(Tree::Campaign, of_account(no), Direction::Forward)? else { return Ok(false) };
    let id = super::last_id(Tree::Campaign, &row)?;
    run::fail_open(tx, RunId::Campaign(id), Some(no), OPEN_MAX)?;
    complete(tx, None, id, now_ms)?;
    tx.delete(Tree::Campaign, row)?;
    Ok(true)
}

/// Pauses the campaigns in which an account sends whose store came out of a backup.
pub(in crate::repo) fn restored(tx: &mut WriteTx<'_>, no: AccountNo, now_ms: Millis) -> Result<(), StoreError> {
    for (row, _) in tx.prefix(Tree::Campaign, of_account(no), Direction::Forward, usize::MAX)? {
        let id = super::last_id(Tree::Campaign, &row)?;
        let Some(before) = tx.reading(|tx| get(tx, id))? else { continue };
        if matches!(before.state, CampaignState::Running | CampaignState::Scheduled) {
            let (state, reason) = (CampaignState::Paused, Some(CampaignReason::Restored));
            let after = CampaignRecord { state, reason, start_at_ms: None, ..before.clone() };
            put(tx, id, Some(&before), &after)?;
            tell(tx, None, (id, &after), now_ms)?;
        }
    }
    Ok(())
}
