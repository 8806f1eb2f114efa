//! How campaigns are looked at.

use wasup_store::id::{AccountId, AccountNo, CampaignId, Millis};
use wasup_store::records::{
    CampaignCounts, CampaignRecord, CampaignState, ItemState, ListedContact, RunId, RunItem, RunTally,
};
use wasup_store::repo::{account, campaign, run};
use wasup_store::{ReadTx, StoreError};

use super::sight::find;
use super::step::{SenderNow, judge};
use super::{CampaignError, CampaignSeen, Campaigns};
use crate::principal::Principal;

/// Campaigns that one read sums up.
const SUMMED: usize = 100;

/// A recipient of a campaign.
#[derive(Debug, Clone, PartialEq)]
pub struct RecipientSeen {
    /// Their place, from 0.
    pub seq: u32,
    /// Who they are, as they were written down.
    pub contact: ListedContact,
    /// What became of them.
    pub item: RunItem,
    /// The account that sent, or is to; `None` where none was chosen, or it is gone.
    pub sender: Option<AccountId>,
}

/// Which recipients are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecipientsOf {
    /// Everybody.
    All,
    /// Those in a state.
    State(ItemState),
    /// Those who answered.
    Replied,
}

/// What happened in a campaign.
#[derive(Debug, Clone, PartialEq)]
pub struct CampaignStats {
    /// The campaign.
    pub seen: CampaignSeen,
    /// By the account that sent, and what that can do now where the campaign runs.
    pub senders: Vec<SenderSeen>,
    /// By the hour, in which anything happened, with its beginning.
    pub hours: Vec<(Millis, CampaignCounts)>,
}

/// An account in a campaign.
#[derive(Debug, Clone, PartialEq)]
pub struct SenderSeen {
    /// Its name; `None` where it is gone.
    pub account: Option<AccountId>,
    /// What happened.
    pub counts: CampaignCounts,
    /// What it can do now, as far as that is more than the moment; `None` where the campaign does not run.
    pub now: Option<SenderNow>,
}

/// All campaigns together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CampaignsOverview {
    /// Campaigns in each state, in the order of [`CampaignState::ALL`].
    pub states: [u32; 7],
    /// Recipients written down.
    pub recipients: u64,
    /// What became of them: in each state, in the order of [`ItemState::ALL`].
    pub items: [u64; 9],
    /// Those who answered.
    pub replied: u64,
}

impl Campaigns {
    /// A campaign.
    ///
    /// # Errors
    /// [`CampaignError::NotFound`] for an unknown one, or one of another tenant.
    pub async fn get(&self, principal: &Principal, id: CampaignId) -> Result<CampaignSeen, CampaignError> {
        let found = self.ctx.store.read_durable(|tx| seen(tx, id)).await?;
        found.filter(|seen| seen.record.tenant == principal.tenant).ok_or(CampaignError::NotFound)
    }

    /// At most `limit` campaigns before one, the newest first.
    ///
    /// # Errors
    /// [`CampaignError::Store`].
    pub async fn list(
        &self,
        principal: &Principal,
        before: Option<CampaignId>,
        limit: usize,
    ) -> Result<Vec<CampaignSeen>, CampaignError> {
        let page = |tx: &ReadTx<'_>| {
            let page = campaign::page(tx, principal.tenant, before, limit)?;
            page.into_iter().map(|(id, record)| whole(tx, id, record)).collect::<Result<Vec<_>, StoreError>>()
        };
        Ok(self.ctx.store.read(page).await?)
    }

    /// At most `limit` recipients from a place on.
    ///
    /// # Errors
    /// [`CampaignError::NotFound`] for an unknown campaign.
    pub async fn recipients(
        &self,
        principal: &Principal,
        id: CampaignId,
        of: RecipientsOf,
        (from, limit): (u32, usize),
    ) -> Result<Vec<RecipientSeen>, CampaignError> {
        self.get(principal, id).await?;
        let page = |tx: &ReadTx<'_>| {
            let run = RunId::Campaign(id);
            let items = match of {
                RecipientsOf::All => run::page(tx, run, None, from, limit)?,
                RecipientsOf::State(state) => run::page(tx, run, Some(state), from, limit)?,
                RecipientsOf::Replied => run::answered(tx, run, from, limit)?,
            };
            with_names(tx, id, items)
        };
        Ok(self.ctx.store.read(page).await?)
    }

    /// What happened in a campaign: at most `limit` hours from a time on.
    ///
    /// # Errors
    /// [`CampaignError::NotFound`] for an unknown campaign.
    pub async fn stats(
        &self,
        principal: &Principal,
        id: CampaignId,
        (from_ms, limit): (Millis, usize),
    ) -> Result<CampaignStats, CampaignError> {
        let seen = self.get(principal, id).await?;
        let now_ms = self.ctx.store.now_ms();
        let (senders, hours) = self
            .ctx
            .store
            .read(|tx| {
                Ok::<_, StoreError>((senders(tx, id, &seen.record, now_ms)?, campaign::hours(tx, id, from_ms, limit)?))
            })
            .await?;
        Ok(CampaignStats { seen, senders, hours })
    }

    /// All campaigns of the caller together.
    ///
    /// # Errors
    /// [`CampaignError::Store`].
    pub async fn overview(&self, principal: &Principal) -> Result<CampaignsOverview, CampaignError> {
        let (mut overview, mut before) = (CampaignsOverview::default(), None);
        loop {
            let page = |tx: &ReadTx<'_>| {
                let page = campaign::page(tx, principal.tenant, before, SUMMED)?;
                let with = |(id, record): (CampaignId, CampaignRecord)| {
                    Ok((id, record.state, run::tally(tx, RunId::Campaign(id))?))
                };
                page.into_iter().map(with).collect::<Result<Vec<_>, StoreError>>()
            };
            let page = self.ctx.store.read(page).await?;
            page.iter().for_each(|(_, state, tally)| overview.add(*state, tally));
            before = page.last().map(|(id, ..)| *id);
            if page.len() < SUMMED {
                return Ok(overview);
            }
            tokio::task::yield_now().await;
        }
    }
}

impl CampaignsOverview {
    fn add(&mut self, state: CampaignState, tally: &RunTally) {
        if let Some(at) = CampaignState::ALL.iter().position(|known| *known == state) {
            self.states[at] += 1;
        }
        self.recipients += u64::from(tally.total);
        self.replied += u64::from(tally.replied);
        for (sum, more) in self.items.iter_mut().zip(tally.states) {
            *sum += u64::from(more);
        }
    }
}

pub(super) fn seen(tx: &ReadTx<'_>, id: CampaignId) -> Result<Option<CampaignSeen>, StoreError> {
    campaign::get(tx, id)?.map(|record| whole(tx, id, record)).transpose()
}

fn whole(tx: &ReadTx<'_>, id: CampaignId, record: CampaignRecord) -> Result<CampaignSeen, StoreError> {
    let senders = record.plan.senders.iter().map(|no| name_of(tx, *no)).collect::<Result<_, _>>()?;
    Ok(CampaignSeen { id, senders, tally: run::tally(tx, RunId::Campaign(id))?, record, replayed: false })
}

fn name_of(tx: &ReadTx<'_>, no: AccountNo) -> Result<Option<AccountId>, StoreError> {
    Ok(account::by_no(tx, no)?.map(|record| record.id))
}

/// Who the recipients are: neighbours stand in one row, which is read once.
fn with_names(tx: &ReadTx<'_>, id: CampaignId, items: Vec<(u32, RunItem)>) -> Result<Vec<RecipientSeen>, StoreError> {
    let (mut found, mut near) = (Vec::with_capacity(items.len()), Vec::new());
    let mut names: Vec<(AccountNo, Option<AccountId>)> = Vec::new();
    for (seq, item) in items {
        let place = |near: &[(u32, ListedContact)]| near.binary_search_by_key(&seq, |(at, _)| *at).ok();
        if place(&near).is_none() {
            near = campaign::recipients(tx, id, seq, campaign::PACK)?;
        }
        let Some(at) = place(&near) else { continue };
        if let Some(no) = item.sender.filter(|no| names.iter().all(|(known, _)| known != no)) {
            names.push((no, name_of(tx, no)?));
        }
        let sender = names.iter().find(|(no, _)| item.sender == Some(*no)).and_then(|(_, name)| name.clone());
        found.push(RecipientSeen { seq, contact: near[at].1.clone(), item, sender });
    }
    Ok(found)
}

fn senders(
    tx: &ReadTx<'_>,
    id: CampaignId,
    record: &CampaignRecord,
    now_ms: Millis,
) -> Result<Vec<SenderSeen>, StoreError> {
    let counted = campaign::of_senders(tx, id)?;
    let running = find(tx, id, now_ms)?;
    let mut all = Vec::with_capacity(record.plan.senders.len());
    for no in &record.plan.senders {
        let counts = counted.iter().find(|(of, _)| of == no).map(|(_, counts)| *counts).unwrap_or_default();
        let now = running.as_ref().and_then(|found| found.sight(*no)).map(|sight| judge(&sight, now_ms));
        all.push(SenderSeen { account: name_of(tx, *no)?, counts, now });
    }
    Ok(all)
}
