//! What a campaign's actor reads before each step.

use jiff::tz::TimeZone;
use wasup_store::id::{AccountNo, CampaignId, Millis};
use wasup_store::records::{
    AccountRecord, CampaignRecord, CampaignState, ItemState, Phase, QuietZone, RunId, RunTally,
};
use wasup_store::repo::bulk::{self, BulkCaps, BulkStanding};
use wasup_store::repo::{account, campaign, run};
use wasup_store::{ReadTx, StoreError};

use super::quiet;
use super::step::{SenderSight, caps};

/// Recipients that are looked at for one who is awake.
pub(super) const LOOK_AHEAD: usize = 64;
/// Most messages of a campaign that are looked for because they have no outcome: one waits on each account, some are held.
const OPEN_MAX: usize = 1_024;

/// An account of a campaign.
pub(super) struct Sender {
    pub(super) no: AccountNo,
    account: Option<AccountRecord>,
    open: bool,
    standing: BulkStanding,
    pub(super) caps: BulkCaps,
    quiet_until_ms: Option<Millis>,
}

/// What there is to do.
pub(super) struct Found {
    pub(super) record: CampaignRecord,
    pub(super) tally: RunTally,
    pub(super) senders: Vec<Sender>,
    /// Those who were put aside, the next ones first.
    pub(super) aside: Vec<(Millis, u32)>,
}

/// A running campaign; `None` where it does not run.
pub(super) fn find(tx: &ReadTx<'_>, id: CampaignId, now_ms: Millis) -> Result<Option<Found>, StoreError> {
    let Some(record) = campaign::get(tx, id)?.filter(|record| record.state == CampaignState::Running) else {
        return Ok(None);
    };
    let open = run::page(tx, RunId::Campaign(id), Some(ItemState::Queued), 0, OPEN_MAX)?;
    let mut senders = Vec::with_capacity(record.plan.senders.len());
    for no in &record.plan.senders {
        let account = account::by_no(tx, *no)?.filter(|account| account.tenant == record.tenant);
        let linked_ms = account.as_ref().and_then(|account| account.number_since_ms);
        let caps = caps(&record.plan.pace, linked_ms, now_ms);
        let standing = bulk::standing(tx, *no, &caps, now_ms)?;
        let open = open.iter().any(|(_, item)| item.sender == Some(*no));
        let quiet_until_ms = sleeps(&record, account.as_ref(), now_ms);
        senders.push(Sender { no: *no, account, open, standing, caps, quiet_until_ms });
    }
    let aside = campaign::aside(tx, id, LOOK_AHEAD)?;
    Ok(Some(Found { tally: run::tally(tx, RunId::Campaign(id))?, record, senders, aside }))
}

/// Until when an account's hours are quiet, where the hours go by the account or by a zone.
fn sleeps(record: &CampaignRecord, account: Option<&AccountRecord>, now_ms: Millis) -> Option<Millis> {
    let hours = record.plan.quiet.as_ref()?;
    let zones = match &hours.zone {
        QuietZone::Recipient => return None,
        QuietZone::Named(zone) => TimeZone::get(zone).into_iter().collect(),
        QuietZone::Sender => {
            let digits = account.and_then(|account| account.identity.as_ref()?.jid.phone_digits());
            digits.map(quiet::zones_of_number).unwrap_or_default()
        }
    };
    quiet::until(hours, &zones, now_ms)
}

impl Found {
    /// What an account looks like, but for the wait after its last message.
    pub(super) fn sight(&self, no: AccountNo) -> Option<SenderSight> {
        let sender = self.senders.iter().find(|sender| sender.no == no)?;
        let Some(account) = &sender.account else { return Some(SenderSight { gone: true, ..SenderSight::default() }) };
        Some(SenderSight {
            gone: account.identity.is_none() || account.state.phase == Phase::LoggedOut,
            restricted: account.restriction.is_some(),
            connected: account.state.phase == Phase::Connected && !account.outbox_paused,
            open: sender.open,
            quiet_until_ms: sender.quiet_until_ms,
            standing: sender.standing,
            gap_until_ms: 0,
        })
    }

    /// What an account is kept to.
    pub(super) fn caps(&self, no: AccountNo) -> BulkCaps {
        self.senders.iter().find(|sender| sender.no == no).map(|sender| sender.caps.clone()).unwrap_or_default()
    }
}
