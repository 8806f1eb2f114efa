//! What changed from the third layout to the fourth.

use std::collections::BTreeMap;

use super::migrate::Next;
use crate::id::{AccountNo, ChatNo};
use crate::key::Parts;
use crate::repo::{account, counters, recent};
use crate::{Direction, Tree, WriteTx};

/// Rows looked at in one commit.
const PAGE: usize = 256;

/// Chats are counted. Each page's are counted in the commit that moves the cursor, so none is counted twice. Whatever was
/// there before counts as read, which the rows say by holding nothing.
pub(super) fn chats(tx: &mut WriteTx<'_>, from: &[u8]) -> Next {
    let page = tx.range(Tree::ChatRecent, from, None, Direction::Forward, PAGE)?;
    let mut found: BTreeMap<u32, u64> = BTreeMap::new();
    for (key, _) in &page {
        let mut parts = Parts(key);
        let (Some(no), Some(_), Some(chat)) = (parts.u32(), parts.u64(), parts.u32()) else { continue };
        let counts = tx.reading(|tx| recent::stands_for_all(tx, AccountNo(no), ChatNo(chat)))?;
        *found.entry(no).or_default() += u64::from(counts);
    }
    for (no, more) in found {
        let no = AccountNo(no);
        if tx.reading(|tx| account::owner(tx, no))?.is_none_or(|owner| owner.gone) {
            continue;
        }
        let mut counted = tx.reading(|tx| counters::account(tx, no))?;
        counted.chats += more;
        counters::put_account(tx, no, &counted)?;
    }
    Ok(page.last().filter(|_| page.len() == PAGE).map(|(last, _)| [last.as_ref(), &[0]].concat()))
}
