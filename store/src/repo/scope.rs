//! An account while a write works on it: who it is, its counters, and who listens to its events.

use super::account::{self, Owner};
use super::{counters, endpoint, stat};
use crate::id::{AccountId, AccountNo, DEFAULT_TENANT, Epoch, Millis, PersonNo, TenantNo};
use crate::records::{AccountCounters, Content, Direction, EndpointRecord, HourCounts};
use crate::{StoreError, WriteTx};

/// The number under which the server itself tells events; endpoints for every account hear them.
pub(super) const SERVER: AccountNo = endpoint::EVERY_ACCOUNT;

/// Opened once in a write, closed once at its end: a write of thirty messages reads and writes the counters once.
pub(super) struct AccountScope {
    pub(super) no: AccountNo,
    /// `None` for the server itself.
    pub(super) id: Option<AccountId>,
    pub(super) counters: AccountCounters,
    tenant: TenantNo,
    before: AccountCounters,
    endpoints: Option<Vec<EndpointRecord>>,
    /// Humans that turned out to be one, and into whom which of them went; told by `person::tell_merges`.
    pub(super) merges: Vec<(PersonNo, PersonNo)>,
    /// Numbers of an hour that is over and to be kept.
    over: Option<HourCounts>,
    /// Whether messages are kept, once somebody asked; see `fleeting::keeps`.
    pub(super) keeps: Option<bool>,
}

impl AccountScope {
    /// For a write that the account's owner makes.
    pub(super) fn fenced(tx: &WriteTx<'_>, no: AccountNo, epoch: Epoch) -> Result<Self, StoreError> {
        Self::of(tx, no, |owner| owner.epoch == epoch)
    }

    /// For a write on an account that exists, by whoever may.
    pub(super) fn open(tx: &WriteTx<'_>, no: AccountNo) -> Result<Self, StoreError> {
        Self::of(tx, no, |_| true)
    }

    /// For what the server tells of itself.
    pub(super) fn server(tx: &WriteTx<'_>) -> Result<Self, StoreError> {
        let counters = tx.reading(|tx| counters::account(tx, SERVER))?;
        Ok(Self {
            no: SERVER,
            id: None,
            counters,
            tenant: DEFAULT_TENANT,
            before: counters,
            endpoints: None,
            merges: Vec::new(),
            over: None,
            keeps: None,
        })
    }

    fn of(tx: &WriteTx<'_>, no: AccountNo, may: impl Fn(&Owner) -> bool) -> Result<Self, StoreError> {
        let (owner, counters) = tx.reading(|tx| Ok((account::owner(tx, no)?, counters::account(tx, no)?)))?;
        match owner.filter(|owner| !owner.gone && account::reaches(tx, owner.tenant) && may(owner)) {
            Some(Owner { id, tenant, .. }) => {
                let (before, merges) = (counters, Vec::new());
                Ok(Self {
                    no,
                    id: Some(id),
                    counters,
                    tenant,
                    before,
                    endpoints: None,
                    merges,
                    over: None,
                    keeps: None,
                })
            }
            None => Err(StoreError::StaleEpoch),
        }
    }

    /// The endpoints that get this account's events.
    pub(super) fn endpoints(&mut self, tx: &WriteTx<'_>) -> Result<&[EndpointRecord], StoreError> {
        if self.endpoints.is_none() {
            self.endpoints = Some(tx.reading(|tx| endpoint::for_account(tx, self.no, self.tenant))?);
        }
        Ok(self.endpoints.as_deref().unwrap_or_default())
    }

    /// Counts a message.
    pub(super) fn count(&mut self, direction: Direction, content: &Content, now_ms: Millis) {
        // One commit has one time: at most one hour is over in it.
        self.over = stat::count(&mut self.counters, direction, content, now_ms).or(self.over);
    }

    /// Writes the counters back, the tenant's with the account's.
    pub(super) fn close(self, tx: &mut WriteTx<'_>) -> Result<(), StoreError> {
        let Self { no, tenant, before, counters, over, .. } = self;
        if let Some(over) = &over {
            stat::keep(tx, no, over)?;
        }
        if counters == before {
            return Ok(());
        }
        counters::put_account(tx, no, &counters)?;
        counters::change_tenant(tx, tenant, |sums| sums.moved(&before, &counters))
    }
}
