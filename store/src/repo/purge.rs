//! What the janitor clears: rows of deleted accounts, of ended links, of removed endpoints, of deleted lists and schedules, a little at a time.
//!
//! `meta`: `purge/` · kind · id → cut-off time. A row stays until everything it names is gone, so a crash in the middle
//! only means that the rest is done later.

use super::scope::AccountScope;
use super::send::{Settlement, settle_one};
use super::{account, campaign, counters, delivery, endpoint, expiry, job, media, message, outbox, run, schedule};
use crate::id::{
    AccountNo, DeliveryId, EndpointId, LinkNo, ListId, MessageId, MessageKey, Millis, Position, ScheduleId,
};
use crate::key::{Key, Parts};
use crate::records::{FailReason, IdempotencyRecord, Lane, MessageState, RunId};
use crate::{Direction, StoreError, Tree, WriteTx};

pub(crate) const PREFIX: &[u8] = b"purge/";
pub(crate) const ACCOUNT: u8 = 1;
pub(crate) const LINK: u8 = 2;
pub(crate) const ENDPOINT: u8 = 3;
pub(crate) const LIST: u8 = 4;
pub(crate) const RUN: u8 = 5;
pub(crate) const SCHEDULE: u8 = 6;

/// Trees whose keys begin with the account's number and that no other row leads to.
const OWNED: &[Tree] = &[
    Tree::Wa,
    Tree::Person,
    Tree::Alias,
    Tree::Chat,
    Tree::ChatRecent,
    Tree::Msg,
    Tree::MsgChat,
    Tree::MsgNum,
    Tree::MsgWid,
    Tree::MsgOpen,
    Tree::MsgText,
    Tree::MsgMark,
    Tree::History,
    Tree::Outbox,
    Tree::Pace,
    Tree::Stat,
    Tree::Timeline,
    Tree::RecipientOf,
    Tree::Group,
    Tree::BotSender,
    Tree::Keep,
    Tree::TextTodo,
    Tree::Early,
];

/// About what dropping one delivery changes.
const DELIVERY_ROWS: usize = 5;

fn row(kind: u8) -> Key {
    Key::new().bytes(PREFIX).u8(kind)
}

pub(super) fn account(tx: &mut WriteTx<'_>, no: AccountNo, now_ms: Millis) -> Result<(), StoreError> {
    tx.put_fixed(Tree::Meta, row(ACCOUNT).u32(no.0), &now_ms.to_be_bytes())
}

pub(super) fn link(tx: &mut WriteTx<'_>, no: AccountNo, link: LinkNo, now_ms: Millis) -> Result<(), StoreError> {
    tx.put_fixed(Tree::Meta, row(LINK).u32(no.0).u32(link.0), &now_ms.to_be_bytes())
}

pub(super) fn list(tx: &mut WriteTx<'_>, id: ListId) -> Result<(), StoreError> {
    tx.put_fixed(Tree::Meta, row(LIST).bytes(&id.to_bytes()), &[])
}

pub(super) fn endpoint(tx: &mut WriteTx<'_>, id: EndpointId) -> Result<(), StoreError> {
    delivery::forget_replays(tx, id)?;
    tx.put_fixed(Tree::Meta, row(ENDPOINT).bytes(&id.to_bytes()), &[])
}

pub(super) fn run(tx: &mut WriteTx<'_>, id: RunId) -> Result<(), StoreError> {
    tx.put_fixed(Tree::Meta, row(RUN).bytes(run::prefix(id).as_slice()), &[])
}

pub(super) fn schedule(tx: &mut WriteTx<'_>, id: ScheduleId) -> Result<(), StoreError> {
    tx.put_fixed(Tree::Meta, row(SCHEDULE).bytes(schedule::parts(id).as_slice()), &[])
}

/// Clears at most about `limit` rows of the first thing that is left; `false` when nothing is.
pub(super) fn step(tx: &mut WriteTx<'_>, limit: usize) -> Result<bool, StoreError> {
    let Some((key, value)) = tx.first(Tree::Meta, PREFIX, Direction::Forward)? else { return Ok(false) };
    let cutoff = crate::envelope::open(Tree::Meta, crate::envelope::Codec::Fixed, &value)?;
    let cutoff = Parts(&cutoff).u64().unwrap_or(0);
    let mut parts = Parts(key.get(PREFIX.len()..).unwrap_or_default());
    let bad = || StoreError::corrupt(Tree::Meta, "a purge row is damaged");
    let left = match parts.u8().ok_or_else(bad)? {
        ACCOUNT => step_account(tx, AccountNo(parts.u32().ok_or_else(bad)?), cutoff, limit)?,
        LINK => {
            let (no, link) = (parts.u32().ok_or_else(bad)?, parts.u32().ok_or_else(bad)?);
            step_link(tx, AccountNo(no), LinkNo(link), cutoff, limit)?
        }
        ENDPOINT => {
            let id = EndpointId::from_bytes(parts.rest()).ok_or_else(bad)?;
            clear_prefixes(
                tx,
                &[Tree::Delivery, Tree::DeliveryTodo, Tree::DeliveryBad, Tree::DeliveryLane, Tree::Attempt],
                &id.to_bytes(),
                limit,
            )? == limit
        }
        LIST => clear_prefixes(tx, &[Tree::Contact], parts.rest(), limit)? == limit,
        RUN => step_run(tx, parts.rest(), limit)?,
        SCHEDULE => clear_prefixes(tx, &[Tree::Sched], parts.rest(), limit)? == limit,
        _ => return Err(bad()),
    };
    if !left {
        tx.delete(Tree::Meta, &key)?;
    }
    Ok(true)
}

/// Clears the items of a run, and who was to get a campaign.
fn step_run(tx: &mut WriteTx<'_>, prefix: &[u8], limit: usize) -> Result<bool, StoreError> {
    if let Some((RunId::Campaign(id), _)) = run::of_key(prefix)
        && clear_prefixes(tx, &[Tree::Campaign], campaign::owned(id).as_slice(), limit)? == limit
    {
        return Ok(true);
    }
    Ok(clear_prefixes(tx, &[Tree::Recipient, Tree::RecipientState], prefix, limit)? == limit)
}

/// Deletes at most `limit` rows under a prefix, tree by tree; answers how many.
fn clear_prefixes(tx: &mut WriteTx<'_>, trees: &[Tree], prefix: &[u8], limit: usize) -> Result<usize, StoreError> {
    let mut done = 0;
    for tree in trees {
        for (key, _) in tx.prefix(*tree, prefix, Direction::Forward, limit - done)? {
            tx.delete(*tree, &key)?;
            done += 1;
        }
        if done == limit {
            break;
        }
    }
    Ok(done)
}

fn step_account(tx: &mut WriteTx<'_>, no: AccountNo, cutoff_ms: Millis, limit: usize) -> Result<bool, StoreError> {
    // First its endpoints, so that nothing of a deleted account is delivered any more. Their deliveries have a purge row.
    for own in tx.reading(|tx| endpoint::owned_by(tx, no))? {
        endpoint::remove(tx, own.id, 0)?;
    }
    if job::fail_of_account(tx, no, cutoff_ms)?
        || campaign::leave(tx, no, cutoff_ms)?
        || schedule::end_of_account(tx, no, cutoff_ms)?
    {
        return Ok(true);
    }
    if media::let_go_of_account(tx, no, limit / 8 + 1)? > limit / 8 {
        return Ok(true);
    }
    if clear_prefixes(tx, OWNED, &no.0.to_be_bytes(), limit)? == limit || clear_answers(tx, no, limit)? {
        return Ok(true);
    }
    // Deliveries to endpoints that hear of every account are found through its events, which therefore go last.
    let endpoints = tx.reading(|tx| endpoint::owned_by(tx, endpoint::EVERY_ACCOUNT))?;
    let most = limit / (2 + DELIVERY_ROWS * endpoints.len()) + 1;
    let events = tx.prefix(Tree::EventAcct, no.0.to_be_bytes(), Direction::Forward, most)?;
    for (key, value) in &events {
        let body = crate::envelope::open(Tree::EventAcct, crate::envelope::Codec::Fixed, value)?;
        let position =
            Parts(&body).u64().ok_or_else(|| StoreError::corrupt(Tree::EventAcct, "a row is no position"))?;
        for endpoint in &endpoints {
            delivery::forget(tx, DeliveryId { endpoint: endpoint.id, position: Position(position) })?;
        }
        tx.delete(Tree::Event, position.to_be_bytes())?;
        tx.delete(Tree::EventAcct, key)?;
    }
    if events.len() == most {
        return Ok(true);
    }
    counters::drop_account(tx, no)?;
    Ok(false)
}

/// Forgets the first answers to an account's requests, with their deadlines; `true` when some are left.
fn clear_answers(tx: &mut WriteTx<'_>, no: AccountNo, limit: usize) -> Result<bool, StoreError> {
    let Some(owner) = tx.reading(|tx| account::owner(tx, no))? else { return Ok(false) };
    let most = limit / 2 + 1;
    let rows = tx.prefix(Tree::Idem, Key::new().u32(owner.tenant.0).u32(no.0), Direction::Forward, most)?;
    for (key, value) in &rows {
        let answer: IdempotencyRecord = crate::envelope::open_record(Tree::Idem, value)?;
        expiry::clear(tx, answer.expires_ms, Tree::Idem, key)?;
        tx.delete(Tree::Idem, key)?;
    }
    Ok(rows.len() == most)
}

/// Deletes an ended link's keys and rejects what was waiting to go over it.
fn step_link(
    tx: &mut WriteTx<'_>,
    no: AccountNo,
    link: LinkNo,
    cutoff_ms: Millis,
    limit: usize,
) -> Result<bool, StoreError> {
    let prefix = Key::new().u32(no.0).u32(link.0);
    if clear_prefixes(tx, &[Tree::Wa], prefix.as_slice(), limit)? == limit {
        return Ok(true);
    }
    let Ok(mut scope) = AccountScope::open(tx, no) else { return Ok(false) };
    // A rejected send costs about ten rows.
    let ended = unsettled_until(tx, no, cutoff_ms, limit / 10 + 1)?;
    for (id, lane) in &ended {
        settle_one(tx, &mut scope, *id, Settlement::Failed(FailReason::LoggedOut), cutoff_ms)?;
        // Whatever became of the message, its row must go, or this step would find it for ever.
        match lane {
            Some(lane) => outbox::remove(tx, &mut scope, *lane, id.key)?,
            None => tx.delete(Tree::MsgOpen, message::open_key(no, MessageState::Held, id.key))?,
        }
    }
    scope.close(tx)?;
    Ok(!ended.is_empty())
}

/// Some of the sends accepted until a time that are not settled, with their lanes where they stand in the outbox.
fn unsettled_until(
    tx: &WriteTx<'_>,
    no: AccountNo,
    cutoff_ms: Millis,
    limit: usize,
) -> Result<Vec<(MessageId, Option<Lane>)>, StoreError> {
    let mut found = Vec::new();
    for lane in Lane::ALL {
        let keys = tx.reading(|tx| outbox::until(tx, no, lane, cutoff_ms, limit - found.len()))?;
        found.extend(keys.into_iter().map(|key| (MessageId { account: no, key }, Some(lane))));
    }
    let held = Key::new().u32(no.0).u8(MessageState::Held as u8);
    let to = held.clone().u64(cutoff_ms.saturating_add(1));
    let rows =
        tx.range(Tree::MsgOpen, held.as_slice(), Some(to.as_slice()), Direction::Forward, limit - found.len())?;
    for (key, _) in &rows {
        let key = key.get(5..).and_then(MessageKey::from_bytes);
        let key = key.ok_or_else(|| StoreError::corrupt(Tree::MsgOpen, "a key holds no message"))?;
        found.push((MessageId { account: no, key }, None));
    }
    Ok(found)
}
