//! What the store holds, counted from its counters: right from the first look after a restart.

use wasup_store::id::{AccountId, EndpointId};
use wasup_store::records::{AccountCounters, Lane, Phase};
use wasup_store::repo::{account, counters, endpoint};
use wasup_store::{Store, StoreError};

/// Rows looked at in one read, so that no read is long.
const PAGE: usize = 500;

/// What the store holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Census {
    phases: [u64; Phase::ALL.len()],
    outbox: [u64; Lane::ALL.len()],
    /// Messages kept.
    pub(crate) messages: u64,
    /// Messages received since the accounts were made.
    pub(crate) received: u64,
    /// Deliveries that are not decided.
    pub(crate) deliveries_pending: u64,
    /// Webhook endpoints.
    pub(crate) endpoints: u64,
}

impl Census {
    /// Counts.
    ///
    /// # Errors
    /// [`StoreError`] when the store can't be read.
    pub(crate) async fn of(store: &Store) -> Result<Self, StoreError> {
        let mut census = Self::default();
        let mut after: Option<AccountId> = None;
        loop {
            let page = store.read(|tx| {
                let page = account::list(tx, after.as_ref(), PAGE)?;
                page.into_iter()
                    .map(|row| Ok((counters::account(tx, row.no)?, row)))
                    .collect::<Result<Vec<_>, StoreError>>()
            });
            let page = page.await?;
            page.iter().for_each(|(counts, row)| census.account(row.state.phase, counts));
            if page.len() < PAGE {
                break;
            }
            after = page.into_iter().last().map(|(_, row)| row.id);
        }
        census.endpoints(store).await?;
        Ok(census)
    }

    async fn endpoints(&mut self, store: &Store) -> Result<(), StoreError> {
        let mut after: Option<EndpointId> = None;
        loop {
            let page = store.read(|tx| {
                let page = endpoint::list(tx, after, PAGE)?;
                page.iter()
                    .map(|row| Ok((row.id, counters::endpoint(tx, row.id)?)))
                    .collect::<Result<Vec<_>, StoreError>>()
            });
            let page = page.await?;
            self.endpoints += page.len() as u64;
            self.deliveries_pending += page.iter().map(|(_, counts)| counts.pending).sum::<u64>();
            if page.len() < PAGE {
                return Ok(());
            }
            after = page.last().map(|(id, _)| *id);
        }
    }

    fn account(&mut self, phase: Phase, counts: &AccountCounters) {
        if let Some(place) = Phase::ALL.iter().position(|known| *known == phase) {
            self.phases[place] += 1;
        }
        for (sum, lane) in self.outbox.iter_mut().zip(counts.outbox) {
            *sum += lane;
        }
        self.messages += counts.messages;
        self.received += counts.received;
    }

    /// Accounts by phase, zeroes too.
    pub(crate) fn phases(&self) -> impl Iterator<Item = (Phase, u64)> + '_ {
        Phase::ALL.into_iter().zip(self.phases)
    }

    /// Messages that wait to be sent, by lane.
    pub(crate) fn outbox(&self) -> impl Iterator<Item = (Lane, u64)> + '_ {
        Lane::ALL.into_iter().zip(self.outbox)
    }
}
