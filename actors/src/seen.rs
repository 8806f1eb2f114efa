//! The accounts that a principal sees.

use wasup_store::id::{AccountId, AccountNo};
use wasup_store::records::AccountRecord;
use wasup_store::repo::{account, phone};
use wasup_store::{ReadTx, StoreError};

use crate::context::Context;
use crate::principal::{Principal, sees};

/// Accounts read at a time.
const PAGE: usize = 256;

/// All of them, read in pieces.
pub(crate) async fn all(ctx: &Context, principal: &Principal) -> Result<Vec<(AccountNo, AccountId)>, StoreError> {
    let (mut all, mut after) = (Vec::new(), None::<AccountId>);
    loop {
        let page = ctx.store.read(|tx| account::list(tx, after.as_ref(), PAGE)).await?;
        after = page.last().filter(|_| page.len() == PAGE).map(|owner| owner.id.clone());
        all.extend(page.into_iter().filter(|owner| sees(principal, owner)).map(name));
        if after.is_none() {
            return Ok(all);
        }
    }
}

/// Those that are linked to a phone number.
pub(crate) async fn linked_to(
    ctx: &Context,
    principal: &Principal,
    digits: &str,
) -> Result<Vec<(AccountNo, AccountId)>, StoreError> {
    let read = |tx: &ReadTx<'_>| {
        let linked = phone::linked_to(tx, principal.tenant, digits)?;
        linked.into_iter().map(|no| account::by_no(tx, no)).collect::<Result<Vec<_>, StoreError>>()
    };
    let found = ctx.store.read(read).await?;
    Ok(found.into_iter().flatten().filter(|owner| sees(principal, owner)).map(name).collect())
}

fn name(owner: AccountRecord) -> (AccountNo, AccountId) {
    (owner.no, owner.id)
}
