//! Endpoints are shown.

use std::collections::HashMap;

use wasup_store::id::{AccountId, AccountNo, EndpointId, TenantNo};
use wasup_store::records::{EndpointCounters, EndpointRecord};
use wasup_store::repo::{account, counters, endpoint};
use wasup_store::{ReadTx, StoreError};

use super::{Endpoint, EndpointError, Endpoints, visible};
use crate::principal::Principal;
use crate::webhook::resolve;

/// Rows read at a time.
const PAGE: usize = 256;

/// Which endpoints.
#[derive(Debug, Clone, Default)]
pub struct EndpointQuery {
    /// Only those of this account; those for every account are not among them.
    pub account: Option<AccountId>,
    /// Only those after this one, in the order of their ids, which is that of their creation.
    pub after: Option<EndpointId>,
    /// At most so many.
    pub limit: usize,
}

type Row = (EndpointRecord, Option<AccountId>, EndpointCounters);

impl Endpoints {
    /// An endpoint.
    ///
    /// # Errors
    /// [`EndpointError::NotFound`].
    pub async fn get(&self, principal: &Principal, id: EndpointId) -> Result<Endpoint, EndpointError> {
        let tenant = principal.tenant;
        let read = |tx: &ReadTx<'_>| match visible(tx, tenant, id)? {
            Some(record) => Names::default().row(tx, record),
            None => Ok(None),
        };
        self.ctx.store.read(read).await?.map(|row| self.whole(row)).ok_or(EndpointError::NotFound)
    }

    /// Endpoints in the order of their creation.
    ///
    /// # Errors
    /// [`EndpointError::AccountNotFound`] for an account that is asked for and is none.
    pub async fn list(&self, principal: &Principal, query: &EndpointQuery) -> Result<Vec<Endpoint>, EndpointError> {
        let owner = match &query.account {
            Some(id) => Some(self.owner(principal, Some(id)).await?.no),
            None => None,
        };
        let tenant = principal.tenant;
        let rows = self.ctx.store.read(|tx| page(tx, tenant, owner, query)).await?;
        Ok(rows.into_iter().map(|row| self.whole(row)).collect())
    }

    pub(super) fn whole(&self, (mut record, account, counters): Row) -> Endpoint {
        let now_ms = self.ctx.store.now_ms();
        record.retired.retain(|retired| retired.until_ms > now_ms);
        let policy = resolve(&record, &self.ctx.settings.webhooks);
        Endpoint { record, account, counters, policy }
    }
}

fn page(
    tx: &ReadTx<'_>,
    tenant: TenantNo,
    owner: Option<AccountNo>,
    query: &EndpointQuery,
) -> Result<Vec<Row>, StoreError> {
    let mut names = Names::default();
    let mut found = Vec::new();
    if let Some(owner) = owner {
        let own = endpoint::of_tenant(tx, owner, tenant)?;
        for record in own.into_iter().filter(|own| query.after.is_none_or(|after| own.id > after)).take(query.limit) {
            found.extend(names.row(tx, record)?);
        }
        return Ok(found);
    }
    let mut after = query.after;
    loop {
        let rows = endpoint::list(tx, after, PAGE)?;
        let (last, read) = (rows.last().map(|record| record.id), rows.len());
        for record in rows.into_iter().filter(|record| record.tenant == tenant) {
            found.extend(names.row(tx, record)?);
            if found.len() == query.limit {
                return Ok(found);
            }
        }
        if read < PAGE {
            return Ok(found);
        }
        after = last;
    }
}

/// Names of accounts by their numbers, looked up once each.
#[derive(Default)]
pub(super) struct Names(HashMap<AccountNo, Option<AccountId>>);

impl Names {
    /// An endpoint with what belongs to it; `None` where its account is deleted and it is about to go, too.
    pub(super) fn row(&mut self, tx: &ReadTx<'_>, record: EndpointRecord) -> Result<Option<Row>, StoreError> {
        let account = match (record.account, self.0.get(&record.account)) {
            (endpoint::EVERY_ACCOUNT, _) => None,
            (_, Some(known)) => known.clone(),
            (no, None) => {
                let name = account::by_no(tx, no)?.map(|record| record.id);
                self.0.insert(no, name.clone());
                name
            }
        };
        if account.is_none() && record.account != endpoint::EVERY_ACCOUNT {
            return Ok(None);
        }
        let counters = counters::endpoint(tx, record.id)?;
        Ok(Some((record, account, counters)))
    }
}
