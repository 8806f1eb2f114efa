//! What changed from the second layout to the third.

use std::collections::BTreeMap;

use super::migrate::Next;
use crate::id::AccountNo;
use crate::key::Parts;
use crate::records::{AccountCounters, MessageState};
use crate::repo::account;
use crate::repo::counters;
use crate::{Direction, Tree, WriteTx};

/// Rows looked at in one commit.
const PAGE: usize = 256;

/// Held sends are counted. Each page's messages are counted in the commit that moves the cursor, so none is counted twice.
pub(super) fn held(tx: &mut WriteTx<'_>, from: &[u8]) -> Next {
    let page = tx.range(Tree::MsgOpen, from, None, Direction::Forward, PAGE)?;
    let mut found: BTreeMap<u32, u64> = BTreeMap::new();
    for (key, _) in page.iter().filter(|(key, _)| key.get(4) == Some(&(MessageState::Held as u8))) {
        *found.entry(Parts(key).u32().unwrap_or(0)).or_default() += 1;
    }
    for (no, more) in found {
        let no = AccountNo(no);
        let Some(owner) = tx.reading(|tx| account::owner(tx, no))?.filter(|owner| !owner.gone) else { continue };
        let before = tx.reading(|tx| counters::account(tx, no))?;
        let after = AccountCounters { held: before.held + more, ..before };
        counters::put_account(tx, no, &after)?;
        counters::change_tenant(tx, owner.tenant, |sums| sums.moved(&before, &after))?;
    }
    Ok(page.last().filter(|_| page.len() == PAGE).map(|(last, _)| [last.as_ref(), &[0]].concat()))
}
