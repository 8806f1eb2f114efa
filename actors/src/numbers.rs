//! What is known of phone numbers across accounts. All of it comes from the store.

use wasup_store::StoreError;
use wasup_store::id::{AccountId, AccountNo, ChatId, ContactId};
use wasup_store::records::{AccountRecord, Participant};
use wasup_store::repo::{account, contact_list, phone};

use crate::people::{Contact, People, PeopleError};
use crate::principal::{Principal, sees};

/// Rows looked at in one read, so that a write never waits long.
const LOOKS: usize = 256;

/// Somebody whom an account with a number knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberContact {
    /// The account.
    pub account: AccountId,
    /// Whom it knows.
    pub contact: Contact,
}

/// As what an account knows a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberMapping {
    /// The account.
    pub account: AccountId,
    /// By every address that the account knows.
    pub who: Participant,
    /// It is the account's own number.
    pub own: bool,
    /// As whom the account knows it, where it does.
    pub contact: Option<Contact>,
}

impl People {
    /// Whom the accounts know that are linked to a number (digits), at most `limit` behind one, account by account, in
    /// the order in which they became known.
    ///
    /// # Errors
    /// [`PeopleError::Store`].
    pub async fn of_number(
        &self,
        principal: &Principal,
        digits: &str,
        after: Option<ContactId>,
        limit: usize,
    ) -> Result<(Vec<NumberContact>, Option<ContactId>), PeopleError> {
        let store = &self.ctx.store;
        let linked = store.read(|tx| phone::linked_to(tx, principal.tenant, digits)).await?;
        let mut found = Vec::new();
        for no in linked.into_iter().filter(|no| after.is_none_or(|after| *no >= after.account)) {
            let owner = store.read(|tx| account::by_no(tx, no)).await?;
            let Some(owner) = owner.filter(|owner| sees(principal, owner)) else { continue };
            let mut place = after.filter(|after| after.account == no).map(|after| after.person);
            loop {
                // One more than is wanted: only then does anybody follow.
                let wanted = (limit + 1 - found.len(), LOOKS);
                let page = store.read(|tx| contact_list::page(tx, no, place, None, wanted)).await?;
                let of = |contact| NumberContact { account: owner.id.clone(), contact };
                found.extend(page.lines.into_iter().map(|line| of(contact(no, line))));
                if found.len() > limit {
                    found.truncate(limit);
                    let last = found.last().map(|last| last.contact.id);
                    return Ok((found, last));
                }
                place = page.next;
                if place.is_none() {
                    break;
                }
                tokio::task::yield_now().await;
            }
        }
        Ok((found, None))
    }

    /// Which accounts know a number (digits), and as whom; at most `limit` behind an account. The second answer is where to
    /// look on.
    ///
    /// # Errors
    /// [`PeopleError::Store`].
    pub async fn mapping(
        &self,
        principal: &Principal,
        digits: &str,
        after: Option<AccountId>,
        limit: usize,
    ) -> Result<(Vec<NumberMapping>, Option<AccountId>), PeopleError> {
        let (mut found, mut after): (Vec<NumberMapping>, _) = (Vec::new(), after);
        loop {
            let read = |tx: &wasup_store::ReadTx<'_>| {
                let accounts = account::list(tx, after.as_ref(), LOOKS)?;
                let mut known = Vec::with_capacity(accounts.len());
                for owner in accounts {
                    let mapping = if sees(principal, &owner) { mapped(tx, &owner, digits)? } else { None };
                    known.push((owner.id, mapping));
                }
                Ok::<_, StoreError>(known)
            };
            let looked = self.ctx.store.read(read).await?;
            let whole = looked.len() == LOOKS;
            for (id, mapping) in looked {
                after = Some(id);
                found.extend(mapping);
                if found.len() > limit {
                    found.truncate(limit);
                    let last = found.last().map(|last| last.account.clone());
                    return Ok((found, last));
                }
            }
            if !whole {
                return Ok((found, None));
            }
            tokio::task::yield_now().await;
        }
    }
}

fn contact(account: AccountNo, line: contact_list::ContactLine) -> Contact {
    Contact {
        id: ContactId { account, person: line.person },
        chat: line.chat.map(|chat| ChatId { account, chat }),
        line,
    }
}

fn mapped(
    tx: &wasup_store::ReadTx<'_>,
    owner: &AccountRecord,
    digits: &str,
) -> Result<Option<NumberMapping>, StoreError> {
    let jid = wasup_store::jid::Jid::phone(digits);
    let asked = Participant { jid: jid.clone(), phone: Some(digits.to_owned()), lid: None };
    let found = contact_list::find(tx, owner.no, &asked)?.map(|line| contact(owner.no, line));
    let own = owner.identity.as_ref().filter(|identity| identity.jid == jid);
    let who = match (own, &found) {
        (Some(identity), _) => Participant {
            jid: identity.lid.clone().unwrap_or_else(|| identity.jid.clone()),
            phone: Some(digits.to_owned()),
            lid: identity.lid.clone(),
        },
        (None, Some(found)) => found.line.who.clone(),
        (None, None) => return Ok(None),
    };
    Ok(Some(NumberMapping { account: owner.id.clone(), who, own: own.is_some(), contact: found }))
}
