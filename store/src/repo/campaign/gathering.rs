//! How the recipients of a campaign are written down: read piece by piece where they stand, and packed. Several lists are
//! walked side by side in the order that all lists have, so that somebody who is in two of them is met once.

use std::collections::BTreeMap;

use super::{PACK, Packed, audience, complete, get, put};
use crate::id::{CampaignId, ListId, Millis};
use crate::records::{CampaignRecord, CampaignTo, EarlierWho, Gathering, ItemState, ListedContact, RunId, RunItem};
use crate::repo::{listed, lists, run};
use crate::{ReadTx, StoreError, WriteTx};

/// Fewest contacts that are read of a list at once.
const LEAST: usize = 50;

/// A piece of the recipients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gathered {
    /// They.
    pub recipients: Vec<ListedContact>,
    /// How far it is then.
    pub next: Gathering,
}

/// The next piece, of about `limit` recipients; `None` where what they were to be read from is gone.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn gather(tx: &ReadTx<'_>, record: &CampaignRecord, limit: usize) -> Result<Option<Gathered>, StoreError> {
    let after = match &record.gathering {
        Gathering::Done => return Ok(Some(Gathered { recipients: Vec::new(), next: Gathering::Done })),
        Gathering::Not => None,
        Gathering::At(at) => Some(at.as_str()),
    };
    match &record.plan.to {
        CampaignTo::Lists { lists, tags } => {
            for list in lists {
                if lists::get(tx, record.tenant, *list)?.is_none() {
                    return Ok(None);
                }
            }
            let mut sources: Vec<(ListId, Option<&str>)> = Vec::new();
            for list in lists {
                match tags.is_empty() {
                    true => sources.push((*list, None)),
                    false => sources.extend(tags.iter().map(|tag| (*list, Some(tag.as_str())))),
                }
            }
            of_lists(tx, &sources, after, limit).map(Some)
        }
        CampaignTo::Earlier { campaign, who } => {
            let there = get(tx, *campaign)?.is_some_and(|earlier| earlier.tenant == record.tenant);
            let from = after.map_or(Ok(0), str::parse).unwrap_or(u32::MAX);
            if there { of_earlier(tx, *campaign, *who, from, limit).map(Some) } else { Ok(None) }
        }
    }
}

fn of_lists(
    tx: &ReadTx<'_>,
    sources: &[(ListId, Option<&str>)],
    after: Option<&str>,
    limit: usize,
) -> Result<Gathered, StoreError> {
    let mut met: BTreeMap<(u32, String), ListedContact> = BTreeMap::new();
    // Behind the first place that a source was read to, another one may have somebody who is not read yet.
    let mut horizon: Option<(u32, String)> = None;
    // Many lists and tags share what is read at once.
    let share = (limit / sources.len().max(1)).max(LEAST);
    for (list, tag) in sources {
        let page = listed::page(tx, *list, *tag, after, share)?;
        if page.len() >= share {
            let last = page.last().map(|last| (listed::place(&last.number), last.number.clone()));
            horizon = match (horizon, last) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            };
        }
        for contact in page {
            met.entry((listed::place(&contact.number), contact.number.clone())).or_insert(contact);
        }
    }
    let all = met.len();
    let recipients: Vec<ListedContact> = met
        .into_iter()
        .take_while(|(at, _)| horizon.as_ref().is_none_or(|horizon| at <= horizon))
        .take(limit)
        .map(|(_, contact)| contact)
        .collect();
    let next = match recipients.last() {
        Some(last) if horizon.is_some() || recipients.len() < all => Gathering::At(last.number.clone()),
        _ => Gathering::Done,
    };
    Ok(Gathered { recipients, next })
}

fn is_meant(who: EarlierWho, item: &RunItem) -> bool {
    let sent = matches!(item.state, ItemState::Sent | ItemState::Delivered | ItemState::Read);
    match who {
        EarlierWho::Failed => item.state == ItemState::Failed,
        EarlierWho::Silent => sent && item.replied_ms.is_none(),
        EarlierWho::Replied => item.replied_ms.is_some(),
    }
}

fn of_earlier(
    tx: &ReadTx<'_>,
    id: CampaignId,
    who: EarlierWho,
    from: u32,
    limit: usize,
) -> Result<Gathered, StoreError> {
    let state = (who == EarlierWho::Failed).then_some(ItemState::Failed);
    let looked = run::page(tx, RunId::Campaign(id), state, from, limit)?;
    let next = match looked.last() {
        Some((last, _)) if looked.len() >= limit => Gathering::At(last.saturating_add(1).to_string()),
        _ => Gathering::Done,
    };
    let (mut recipients, mut near): (Vec<ListedContact>, Vec<(u32, ListedContact)>) = (Vec::new(), Vec::new());
    for (seq, _) in looked.iter().filter(|(_, item)| is_meant(who, item)) {
        if near.last().is_none_or(|(last, _)| last < seq) {
            near = audience::recipients(tx, id, *seq, PACK)?;
        }
        let found = near.iter().find(|(at, _)| at == seq);
        recipients.extend(found.map(|(_, contact)| contact.clone()));
    }
    Ok(Gathered { recipients, next })
}

/// Writes a piece down, where nobody else did meanwhile; `false` where somebody did, or the campaign does not run.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn gathered(
    tx: &mut WriteTx<'_>,
    id: CampaignId,
    from: &Gathering,
    (packs, next): (&[Packed], &Gathering),
    now_ms: Millis,
) -> Result<bool, StoreError> {
    let Some(before) = tx.reading(|tx| get(tx, id))? else { return Ok(false) };
    if before.state.is_over() || before.gathering != *from || before.gathering == Gathering::Done {
        return Ok(false);
    }
    for packed in packs {
        let first = run::promise(tx, RunId::Campaign(id), packed.count())?;
        audience::put(tx, id, first, packed)?;
    }
    put(tx, id, Some(&before), &CampaignRecord { gathering: next.clone(), ..before.clone() })?;
    if *next == Gathering::Done {
        complete(tx, None, id, now_ms)?;
    }
    Ok(true)
}
