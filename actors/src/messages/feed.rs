//! Messages of all accounts that somebody sees, in one order.

use std::collections::BTreeMap;

use wasup_store::id::{AccountId, AccountNo, MessageId, MessageKey};
use wasup_store::records::MessageRecord;
use wasup_store::repo::message_feed;
use wasup_store::repo::message_list::{MessageFilter, MessagePlace};
use wasup_store::{ReadTx, StoreError};

use super::{MessageError, Messages};
use crate::principal::Principal;
use crate::seen;

/// A piece of the messages of several accounts.
#[derive(Debug, Default)]
pub struct FeedPage {
    /// The messages, each with its account.
    pub found: Vec<(AccountId, MessageId, MessageRecord)>,
    /// Where to look on; `None` at the end.
    pub next: Option<MessageKey>,
}

impl Messages {
    /// A page of the messages of all accounts that the principal sees; with a phone number's digits, of those that are
    /// linked to it.
    ///
    /// # Errors
    /// [`MessageError::Store`].
    pub async fn feed(
        &self,
        principal: &Principal,
        phone: Option<&str>,
        filter: &MessageFilter,
        place: MessagePlace,
    ) -> Result<FeedPage, MessageError> {
        let owners: BTreeMap<AccountNo, AccountId> = match phone {
            Some(digits) => seen::linked_to(&self.ctx, principal, digits).await?,
            None => seen::all(&self.ctx, principal).await?,
        }
        .into_iter()
        .collect();
        let nos: Vec<AccountNo> = owners.keys().copied().collect();
        let read = |tx: &ReadTx<'_>| message_feed::page(tx, &nos, filter, place);
        let page = self.ctx.store.read::<_, StoreError>(read).await?;
        let with_owner =
            |(id, record): (MessageId, MessageRecord)| owners.get(&id.account).map(|owner| (owner.clone(), id, record));
        Ok(FeedPage { found: page.found.into_iter().filter_map(with_owner).collect(), next: page.next })
    }
}
