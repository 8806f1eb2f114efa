//! What changed from the first layout to the second.

use super::migrate::Next;
use crate::id::AccountNo;
use crate::key::Parts;
use crate::records::{AccountCounters, MessageState, TenantCounters};
use crate::repo::account::Owner;
use crate::repo::counters;
use crate::{Direction, Tree, WriteTx, envelope};

/// Rows looked at in one commit.
const PAGE: usize = 256;

/// The outbox alone leads to queued messages.
pub(super) fn queued_rows(tx: &mut WriteTx<'_>, from: &[u8]) -> Next {
    let page = tx.range(Tree::MsgOpen, from, None, Direction::Forward, PAGE)?;
    for (key, _) in page.iter().filter(|(key, _)| key.get(4) == Some(&(MessageState::Queued as u8))) {
        tx.delete(Tree::MsgOpen, key)?;
    }
    Ok(page.last().filter(|_| page.len() == PAGE).map(|(last, _)| [last.as_ref(), &[0]].concat()))
}

/// Tenants have counters. Each page's accounts are added in the commit that moves the cursor, so none is counted twice.
pub(super) fn tenants(tx: &mut WriteTx<'_>, from: &[u8]) -> Next {
    let page = tx.range(Tree::AccountNo, from, None, Direction::Forward, PAGE)?;
    for (key, value) in &page {
        let owner: Owner = envelope::open_record(Tree::AccountNo, value)?;
        if owner.gone {
            continue;
        }
        let no = AccountNo(Parts(key).u32().unwrap_or(0));
        let counted = tx.reading(|tx| counters::account(tx, no))?;
        counters::change_tenant(tx, owner.tenant, |sums| {
            let moved = sums.moved(&AccountCounters::default(), &counted);
            TenantCounters { accounts: sums.accounts + 1, ..moved }
        })?;
    }
    Ok(page.last().filter(|_| page.len() == PAGE).map(|(last, _)| [last.as_ref(), &[0]].concat()))
}
