//! How a campaign comes, changes while it has not begun, and goes.

use super::{Wish, Wished, get, key, put, records, wish};
use crate::id::{AccountNo, CampaignId, MediaId, Millis, TenantNo};
use crate::records::{Act, CampaignPlan, CampaignRecord, CampaignState, Gathering, IdempotencyRecord, RunId};
use crate::repo::send::Idempotency;
use crate::repo::{audit, idempotency, purge};
use crate::{ReadTx, StoreError, Tree, WriteTx};

/// A campaign as it is asked for.
#[derive(Debug, Clone)]
pub struct NewCampaign {
    /// Its id, drawn by the caller.
    pub id: CampaignId,
    /// Whose it is.
    pub tenant: TenantNo,
    /// What people call it.
    pub name: String,
    /// What is to be done.
    pub plan: CampaignPlan,
    /// When it is to start, where it is to start by itself.
    pub start: Option<Wish>,
    /// Which draw of variants it is.
    pub seed: u64,
    /// Now.
    pub now_ms: Millis,
}

/// What became of a campaign that was to be made.
#[derive(Debug, Clone, PartialEq)]
pub enum Created {
    /// It is there.
    New(Box<CampaignRecord>),
    /// The request had been accepted before, as this one.
    Replayed(CampaignId),
    /// The request's key was used with another body.
    KeyReused,
}

/// Makes a campaign: a draft, or one that starts by itself.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn create(tx: &mut WriteTx<'_>, new: &NewCampaign, request: Option<&Idempotency>) -> Result<Created, StoreError> {
    if let Some(request) = request {
        if let Some(first) = tx.reading(|tx| replayed(tx, new.tenant, request, new.now_ms))? {
            return Ok(first);
        }
        idempotency::remember_campaign(tx, new.tenant, request, new.id)?;
    }
    let record = CampaignRecord {
        tenant: new.tenant,
        name: new.name.clone(),
        plan: new.plan.clone(),
        state: CampaignState::Draft,
        reason: None,
        gathering: Gathering::Not,
        seed: new.seed,
        created_ms: new.now_ms,
        start_at_ms: None,
        started_ms: None,
        ended_ms: None,
    };
    put(tx, new.id, None, &record)?;
    audit::note(tx, Act::CampaignCreated(new.id), None, new.now_ms)?;
    match new.start {
        Some(start) => match wish(tx, new.id, start, new.now_ms)? {
            Wished::Done(record) => Ok(Created::New(record)),
            Wished::Cant(_) | Wished::NoSender | Wished::Unknown => Ok(Created::New(Box::new(record))),
        },
        None => Ok(Created::New(Box::new(record))),
    }
}

fn replay(request: &Idempotency, first: &IdempotencyRecord) -> Created {
    match first.campaign {
        Some(campaign) if first.body == request.body => Created::Replayed(campaign),
        _ => Created::KeyReused,
    }
}

/// What a request was accepted as, where it is a repeat.
///
/// # Errors
/// [`StoreError`] when the row can't be read.
pub fn replayed(
    tx: &ReadTx<'_>,
    tenant: TenantNo,
    request: &Idempotency,
    now_ms: Millis,
) -> Result<Option<Created>, StoreError> {
    let first = idempotency::find(tx, tenant, AccountNo(0), request.key, now_ms)?;
    Ok(first.map(|first| replay(request, &first)))
}

/// Changes the name or the plan of a campaign that has not begun; `None` where it has, or there is none.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn change(
    tx: &mut WriteTx<'_>,
    id: CampaignId,
    name: Option<&str>,
    plan: impl FnOnce(CampaignPlan) -> CampaignPlan,
    now_ms: Millis,
) -> Result<Option<CampaignRecord>, StoreError> {
    let Some(before) = tx.reading(|tx| get(tx, id))?.filter(|before| before.state.is_before()) else { return Ok(None) };
    let name = name.map_or_else(|| before.name.clone(), str::to_owned);
    let after = CampaignRecord { name, plan: plan(before.plan.clone()), ..before.clone() };
    if after != before {
        put(tx, id, Some(&before), &after)?;
        audit::note(tx, Act::CampaignChanged(id), None, now_ms)?;
    }
    Ok(Some(after))
}

/// Deletes a campaign that has not begun or is over, with what is known of its recipients; its messages stay. `false` where
/// there is none, or it is under way.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn delete(tx: &mut WriteTx<'_>, id: CampaignId, now_ms: Millis) -> Result<bool, StoreError> {
    let may = |record: &CampaignRecord| record.state.is_over() || record.state.is_before();
    let Some(record) = tx.reading(|tx| get(tx, id))?.filter(may) else { return Ok(false) };
    // A draft has no index rows but those that are its tenant's and its accounts'.
    let over = CampaignRecord { state: CampaignState::Cancelled, ..record.clone() };
    put(tx, id, Some(&record), &over)?;
    for (tree, row) in super::index_keys(id, &over) {
        tx.delete(tree, row)?;
    }
    tx.delete(Tree::Campaign, key(id))?;
    audit::note(tx, Act::CampaignDeleted(id), None, now_ms)?;
    purge::run(tx, RunId::Campaign(id))?;
    Ok(true)
}

/// What a walk over campaigns met.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Walked {
    /// Those that were over before a time.
    pub over: Vec<CampaignId>,
    /// The files of those that are not over.
    pub files: Vec<MediaId>,
    /// The one to go on from.
    pub next: Option<CampaignId>,
}

/// Walks over at most `looks` campaigns after one, the oldest first, for those that were over before a time, and for the files
/// of the others.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn walk(tx: &ReadTx<'_>, after: Option<CampaignId>, before_ms: Millis, looks: usize) -> Result<Walked, StoreError> {
    let found = records(tx, after, looks)?;
    let mut walked =
        Walked { next: found.last().map(|(id, _)| *id).filter(|_| found.len() == looks), ..Walked::default() };
    for (id, record) in found {
        if !record.state.is_over() {
            walked.files.extend(record.plan.load.content.media().and_then(|media| media.file));
        } else if record.ended_ms.is_some_and(|ended_ms| ended_ms < before_ms) {
            walked.over.push(id);
        }
    }
    Ok(walked)
}
