//! The use cases around numbers.

use std::collections::BTreeMap;
use std::sync::Arc;

use wasup_store::id::{AccountId, AccountNo, Millis};
use wasup_store::records::{Direction, HourCounts, TenantCounters};
use wasup_store::repo::stat;
use wasup_store::repo::{account, counters};
use wasup_store::{ReadTx, StoreError};

use crate::context::Context;
use crate::principal::{Principal, sees};
use crate::seen;

/// Why there are no numbers.
#[derive(Debug, thiserror::Error)]
pub enum StatsError {
    /// There is no such account.
    #[error("no such account")]
    AccountNotFound,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A span of whole hours: the one of its beginning, up to and with the one of its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hours {
    from: u32,
    to: u32,
}

impl Hours {
    /// The hours that a span touches.
    #[must_use]
    pub fn touching(since_ms: Millis, until_ms: Millis) -> Self {
        let last = stat::hour_of(until_ms.saturating_sub(1));
        Self { from: stat::hour_of(since_ms), to: last.saturating_add(1) }
    }

    /// When the first begins.
    #[must_use]
    pub fn begin_ms(self) -> Millis {
        Millis::from(self.from) * stat::HOUR_MS
    }

    /// When the last is over.
    #[must_use]
    pub fn end_ms(self) -> Millis {
        Millis::from(self.to) * stat::HOUR_MS
    }
}

/// Messages by way and type.
pub type ByType = BTreeMap<(Way, &'static str), u64>;

/// Which way a message went; received ones come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// Received.
    Inbound,
    /// Sent.
    Outbound,
}

impl From<Direction> for Way {
    fn from(direction: Direction) -> Self {
        match direction {
            Direction::Inbound => Self::Inbound,
            Direction::Outbound => Self::Outbound,
        }
    }
}

/// The use cases around numbers. Clones are the same.
#[derive(Clone)]
pub struct Stats {
    ctx: Arc<Context>,
}

impl std::fmt::Debug for Stats {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stats").finish_non_exhaustive()
    }
}

impl Stats {
    pub(crate) const fn new(ctx: Arc<Context>) -> Self {
        Self { ctx }
    }

    /// What the principal's tenant has.
    ///
    /// # Errors
    /// [`StatsError::Store`].
    pub async fn of_tenant(&self, principal: &Principal) -> Result<TenantCounters, StatsError> {
        Ok(self.ctx.store.read(|tx| counters::tenant(tx, principal.tenant)).await?)
    }

    /// An account's messages hour by hour.
    ///
    /// # Errors
    /// [`StatsError::AccountNotFound`].
    pub async fn of_account(
        &self,
        principal: &Principal,
        id: &AccountId,
        hours: Hours,
    ) -> Result<Vec<HourCounts>, StatsError> {
        let owner = self.ctx.store.read(|tx| account::get(tx, id)).await?;
        let owner = owner.filter(|owner| sees(principal, owner)).ok_or(StatsError::AccountNotFound)?;
        Ok(self.ctx.store.read(|tx| stat::list(tx, owner.no, hours.from, hours.to)).await?)
    }

    /// The messages of one account, or of all that the principal sees, by way and type.
    ///
    /// # Errors
    /// [`StatsError::AccountNotFound`].
    pub async fn by_type(
        &self,
        principal: &Principal,
        id: Option<&AccountId>,
        hours: Hours,
    ) -> Result<ByType, StatsError> {
        let mut sums = ByType::new();
        if let Some(id) = id {
            add(&mut sums, &self.of_account(principal, id, hours).await?);
            return Ok(sums);
        }
        for (no, _) in seen::all(&self.ctx, principal).await? {
            add(&mut sums, &self.counts(no, hours).await?);
        }
        Ok(sums)
    }

    async fn counts(&self, no: AccountNo, hours: Hours) -> Result<Vec<HourCounts>, StoreError> {
        let read = |tx: &ReadTx<'_>| stat::list(tx, no, hours.from, hours.to);
        self.ctx.store.read(read).await
    }
}

/// The sums of hours by way and type.
#[must_use]
pub fn by_type(hours: &[HourCounts]) -> ByType {
    let mut sums = ByType::new();
    add(&mut sums, hours);
    sums
}

fn add(sums: &mut ByType, hours: &[HourCounts]) {
    for (direction, kind, count) in hours.iter().flat_map(HourCounts::iter) {
        *sums.entry((direction.into(), kind)).or_default() += u64::from(count);
    }
}
