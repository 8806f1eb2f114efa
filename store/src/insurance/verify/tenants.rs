//! A tenant's counters are the sums over its accounts'.

use std::collections::BTreeMap;

use super::check::{Check, record};
use super::finding::FindingCode;
use crate::Tree;
use crate::id::{AccountNo, TenantNo};
use crate::key::Parts;
use crate::records::{AccountCounters, TenantCounters};
use crate::repo::account::Owner;
use crate::repo::counters;

const ROWS: &[u8] = b"count/tenant/";

pub(super) fn check(check: &mut Check<'_>) {
    // The first layout had none.
    if check.schema == 1 {
        return;
    }
    let mut sums: BTreeMap<TenantNo, TenantCounters> = BTreeMap::new();
    check.under(Tree::AccountNo, &[], |check, key, value| {
        let owner: Owner = record(Tree::AccountNo, value)?;
        if !owner.gone {
            let no = AccountNo(Parts(key).u32().unwrap_or(0));
            let counted = counters::account(&check.tx, no)?;
            let sum = sums.entry(owner.tenant).or_default();
            let moved = sum.moved(&AccountCounters::default(), &counted);
            *sum = TenantCounters { accounts: sum.accounts + 1, ..moved };
        }
        Ok(())
    });
    check.under(Tree::Meta, ROWS, |check, key, value| {
        let stored: TenantCounters = record(Tree::Meta, value)?;
        let tenant = Parts(key.get(ROWS.len()..).unwrap_or_default()).u32().map(TenantNo);
        let expected = tenant.and_then(|tenant| sums.remove(&tenant)).unwrap_or_default();
        if stored != expected {
            check.fail(FindingCode::CounterWrong, Tree::Meta, key);
        }
        Ok(())
    });
    for tenant in sums.keys() {
        check.fail(FindingCode::CounterWrong, Tree::Meta, &tenant.0.to_be_bytes());
    }
}
