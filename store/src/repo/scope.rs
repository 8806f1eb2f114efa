//! An account while a write works on it: who it is, its counters, and who listens to its events.

use super::account::{self, Owner};
use super::{counters, endpoint};
use crate::id::{AccountId, AccountNo, Epoch};
use crate::records::{AccountCounters, EndpointRecord};
use crate::{StoreError, WriteTx};

/// Opened once in a write, closed once at its end: a write of thirty messages reads and writes the counters once.
pub(super) struct AccountScope {
    pub(super) no: AccountNo,
    pub(super) id: AccountId,
    pub(super) counters: AccountCounters,
    before: AccountCounters,
    endpoints: Option<Vec<EndpointRecord>>,
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

    fn of(tx: &WriteTx<'_>, no: AccountNo, may: impl Fn(&Owner) -> bool) -> Result<Self, StoreError> {
        let (owner, counters) = tx.reading(|tx| Ok((account::owner(tx, no)?, counters::account(tx, no)?)))?;
        match owner.filter(|owner| !owner.gone && may(owner)) {
            Some(Owner { id, .. }) => Ok(Self { no, id, counters, before: counters, endpoints: None }),
            None => Err(StoreError::StaleEpoch),
        }
    }

    /// The endpoints that get this account's events.
    pub(super) fn endpoints(&mut self, tx: &WriteTx<'_>) -> Result<&[EndpointRecord], StoreError> {
        if self.endpoints.is_none() {
            self.endpoints = Some(tx.reading(|tx| endpoint::for_account(tx, self.no))?);
        }
        Ok(self.endpoints.as_deref().unwrap_or_default())
    }

    /// Writes the counters back.
    pub(super) fn close(self, tx: &mut WriteTx<'_>) -> Result<(), StoreError> {
        if self.counters == self.before {
            return Ok(());
        }
        counters::put_account(tx, self.no, &self.counters)
    }
}
