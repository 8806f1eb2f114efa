//! What the store holds, counted from its counters: right from the first look after a restart.

use wasup_store::id::{AccountId, AccountNo, CampaignId, EndpointId, ListId, Millis, Position};
use wasup_store::records::{
    AccountCounters, AccountRecord, Desired, Lane, MediaTotals, Off, Phase, Reason, UserAction,
};
use wasup_store::repo::{account, campaign, counters, delivery, endpoint, event, job, lists, media, outbox};
use wasup_store::{ReadTx, Store, StoreError};

/// Rows looked at in one read, so that no read is long.
const PAGE: usize = 500;

/// What the store holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Census {
    phases: [u64; Phase::ALL.len()],
    actions: [u64; UserAction::ALL.len()],
    reasons: Vec<u64>,
    /// Accounts that the network restricts.
    pub(crate) restricted: u64,
    /// Sends that are held.
    pub(crate) held: u64,
    outbox: [u64; Lane::ALL.len()],
    accounts: u64,
    /// Accounts that are wanted to run.
    pub(crate) wanted: u64,
    /// When the oldest send that is not settled was accepted.
    pub(crate) oldest_send_ms: Option<Millis>,
    /// Messages kept.
    pub(crate) messages: u64,
    /// Files kept.
    pub(crate) media: MediaTotals,
    /// Deliveries that are not decided.
    pub(crate) deliveries_pending: u64,
    /// When the first endpoint is due, or has been.
    pub(crate) next_delivery_ms: Option<Millis>,
    /// Webhook endpoints.
    pub(crate) endpoints: u64,
    /// ... that are off, by why.
    endpoints_off: [u64; Off::ALL.len()],
    /// When the oldest event happened that an endpoint has not got whose deliveries are tried.
    pub(crate) oldest_on_ms: Option<Millis>,
    /// ... and one whose deliveries wait.
    pub(crate) oldest_off_ms: Option<Millis>,
    /// Lists of contacts.
    pub(crate) lists: u64,
    /// Contacts in all of them.
    pub(crate) contacts: u64,
    /// Jobs in the lines of their accounts.
    pub(crate) jobs: u64,
    /// When the oldest job was accepted that stands first in a line.
    pub(crate) oldest_job_ms: Option<Millis>,
    /// Campaigns that run.
    pub(crate) campaigns: u64,
    /// The first accounts by id, as many as were asked for.
    pub(crate) shown: Vec<OneAccount>,
    /// How many were asked for.
    show: usize,
}

/// An account that is shown by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OneAccount {
    pub(crate) id: AccountId,
    pub(crate) no: AccountNo,
    /// Whether it is connected; `None` where nobody wants it to run.
    pub(crate) up: Option<bool>,
    /// Sends that are not settled.
    pub(crate) outbox: u64,
}

/// An account's row with what is counted of it.
struct Row {
    record: AccountRecord,
    counts: AccountCounters,
    oldest_send_ms: Option<Millis>,
}

impl Row {
    fn read(tx: &ReadTx<'_>, record: AccountRecord) -> Result<Self, StoreError> {
        let counts = counters::account(tx, record.no)?;
        // Most accounts have nothing waiting: they cost no look.
        let oldest_send_ms = if counts.outbox_depth() == 0 { None } else { outbox::oldest_ms(tx, record.no)? };
        Ok(Self { record, counts, oldest_send_ms })
    }
}

impl Census {
    /// Counts.
    ///
    /// # Errors
    /// [`StoreError`] when the store can't be read.
    pub(crate) async fn of(store: &Store) -> Result<Self, StoreError> {
        Self::showing(store, 0).await
    }

    /// Counts, and shows at most `show` accounts by themselves.
    ///
    /// # Errors
    /// [`StoreError`] when the store can't be read.
    pub(crate) async fn showing(store: &Store, show: usize) -> Result<Self, StoreError> {
        let mut census = Self { show, reasons: vec![0; Reason::ALL.len()], ..Self::default() };
        let mut after: Option<AccountId> = None;
        loop {
            let page = store.read(|tx| {
                let page = account::list(tx, after.as_ref(), PAGE)?;
                page.into_iter().map(|record| Row::read(tx, record)).collect::<Result<Vec<_>, StoreError>>()
            });
            let page = page.await?;
            page.iter().for_each(|row| census.account(row));
            if page.len() < PAGE {
                break;
            }
            after = page.into_iter().last().map(|row| row.record.id);
        }
        census.endpoints(store).await?;
        census.lists(store).await?;
        census.jobs(store).await?;
        census.campaigns(store).await?;
        census.media = store.read(media::totals).await?;
        census.next_delivery_ms = store.read(delivery::next_wake).await?;
        Ok(census)
    }

    async fn endpoints(&mut self, store: &Store) -> Result<(), StoreError> {
        let mut after: Option<EndpointId> = None;
        // Positions follow time: the first one is the oldest.
        let (mut on, mut off): (Option<Position>, Option<Position>) = (None, None);
        loop {
            let page = store.read(|tx| {
                let page = endpoint::list(tx, after, PAGE)?;
                page.iter()
                    .map(|row| {
                        let oldest = delivery::oldest(tx, row.id)?;
                        Ok((row.id, row.off, oldest, counters::endpoint(tx, row.id)?.pending))
                    })
                    .collect::<Result<Vec<_>, StoreError>>()
            });
            let page = page.await?;
            self.endpoints += page.len() as u64;
            for (_, why, oldest, pending) in &page {
                self.deliveries_pending += pending;
                let place = why.and_then(|why| Off::ALL.iter().position(|known| *known == why));
                let first = if let Some(place) = place {
                    self.endpoints_off[place] += 1;
                    &mut off
                } else {
                    &mut on
                };
                *first = [*first, *oldest].into_iter().flatten().min();
            }
            if page.len() < PAGE {
                break;
            }
            after = page.last().map(|(id, ..)| *id);
        }
        let at = |tx: &ReadTx<'_>, place: Option<Position>| {
            Ok::<_, StoreError>(
                place.map(|place| event::get(tx, place)).transpose()?.flatten().map(|event| event.at_ms),
            )
        };
        (self.oldest_on_ms, self.oldest_off_ms) =
            store.read(|tx| Ok::<_, StoreError>((at(tx, on)?, at(tx, off)?))).await?;
        Ok(())
    }

    async fn lists(&mut self, store: &Store) -> Result<(), StoreError> {
        let mut after: Option<ListId> = None;
        loop {
            let page = store.read(|tx| lists::every(tx, after, PAGE)).await?;
            self.lists += page.len() as u64;
            self.contacts += page.iter().map(|(_, list)| list.contacts).sum::<u64>();
            after = page.last().map(|(id, _)| *id);
            if page.len() < PAGE {
                return Ok(());
            }
        }
    }

    async fn jobs(&mut self, store: &Store) -> Result<(), StoreError> {
        let mut after: Option<AccountNo> = None;
        loop {
            let page = store.read(|tx| {
                let lines = job::lines(tx, after, PAGE)?;
                let line = |no| {
                    let first = job::first(tx, no)?.map(|(_, first)| first.created_ms);
                    Ok((no, first, job::length(tx, no, PAGE)? as u64))
                };
                lines.into_iter().map(line).collect::<Result<Vec<_>, StoreError>>()
            });
            let page = page.await?;
            for (_, first, length) in &page {
                self.jobs += length;
                self.oldest_job_ms = [self.oldest_job_ms, *first].into_iter().flatten().min();
            }
            after = page.last().map(|(no, ..)| *no);
            if page.len() < PAGE {
                return Ok(());
            }
        }
    }

    async fn campaigns(&mut self, store: &Store) -> Result<(), StoreError> {
        let mut after: Option<CampaignId> = None;
        loop {
            let page = store.read(|tx| campaign::running(tx, after, PAGE)).await?;
            self.campaigns += page.len() as u64;
            after = page.last().copied();
            if page.len() < PAGE {
                return Ok(());
            }
        }
    }

    fn account(&mut self, row: &Row) {
        let Row { record, counts, oldest_send_ms } = row;
        let (phase, running) = (record.state.phase, record.desired == Desired::Running);
        self.accounts += 1;
        self.wanted += u64::from(running);
        if let Some(place) = Phase::ALL.iter().position(|known| *known == phase) {
            self.phases[place] += 1;
        }
        if let Some(place) = UserAction::ALL.iter().position(|action| *action == record.state.user_action) {
            self.actions[place] += 1;
        }
        if let Some(place) = Reason::ALL.iter().position(|reason| *reason == record.state.reason) {
            self.reasons[place] += 1;
        }
        self.restricted += u64::from(record.restriction.is_some());
        self.held += counts.held;
        for (sum, lane) in self.outbox.iter_mut().zip(counts.outbox) {
            *sum += lane;
        }
        self.oldest_send_ms = [self.oldest_send_ms, *oldest_send_ms].into_iter().flatten().min();
        self.messages += counts.messages;
        if self.shown.len() < self.show {
            let up = running.then_some(phase == Phase::Connected);
            let (id, outbox) = (record.id.clone(), counts.outbox_depth());
            self.shown.push(OneAccount { id, no: record.no, up, outbox });
        }
    }

    /// Accounts that are not shown by themselves.
    pub(crate) const fn left_out(&self) -> u64 {
        self.accounts - self.shown.len() as u64
    }

    /// Accounts by phase, zeroes too.
    pub(crate) fn phases(&self) -> impl Iterator<Item = (Phase, u64)> + '_ {
        Phase::ALL.into_iter().zip(self.phases)
    }

    /// Accounts by what a human has to do about them, zeroes too.
    pub(crate) fn user_actions(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        UserAction::ALL.into_iter().map(UserAction::as_str).zip(self.actions)
    }

    /// Accounts by why they are in their phase, zeroes too.
    pub(crate) fn reasons(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        Reason::ALL.into_iter().map(Reason::as_str).zip(self.reasons.iter().copied())
    }

    /// Endpoints that are off, by why, zeroes too.
    pub(crate) fn endpoints_off(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        Off::ALL.into_iter().map(Off::as_str).zip(self.endpoints_off)
    }

    /// Messages that wait to be sent, by lane.
    pub(crate) fn outbox(&self) -> impl Iterator<Item = (Lane, u64)> + '_ {
        Lane::ALL.into_iter().zip(self.outbox)
    }
}
