//! The use cases around people. Lists come from what the store knows; everything else asks the network.

use std::sync::Arc;
use std::time::Duration;

use wasup_sessions::ports::{AskError, Link};
use wasup_store::StoreError;
use wasup_store::id::{AccountId, AccountNo, ChatId, ContactId, PersonNo};
use wasup_store::jid::JidKind;
use wasup_store::records::{AccountRecord, Participant};
use wasup_store::repo::account;
use wasup_store::repo::contact_list::{self, ContactLine};

pub use wasup_sessions::ports::{Checked, PersonInfo, PictureAt, PictureStream, Seen};

use crate::context::Context;
use crate::principal::{Principal, sees};

/// Humans looked at in one read, so that a write never waits long.
const LOOKS: usize = 256;

/// Why something about people can't be done.
#[derive(Debug, thiserror::Error)]
pub enum PeopleError {
    /// There is no such account.
    #[error("no such account")]
    AccountNotFound,
    /// Nobody on the network goes by this address, or they do not show what was asked for.
    #[error("nobody has this address")]
    NotFound,
    /// The network did not do it.
    #[error(transparent)]
    Network(AskError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<AskError> for PeopleError {
    fn from(error: AskError) -> Self {
        match error {
            AskError::NotFound => Self::NotFound,
            other => Self::Network(other),
        }
    }
}

/// Whom a caller means.
#[derive(Debug, Clone)]
pub enum ContactName {
    /// A human that the account knows, by our id.
    Id(ContactId),
    /// Whoever has this address.
    Address(Participant),
}

/// A human that an account knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    /// Their id.
    pub id: ContactId,
    /// What is known of them.
    pub line: ContactLine,
    /// The chat with them.
    pub chat: Option<ChatId>,
}

/// A piece of the list of those whom an account knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContactsFound {
    /// The humans, in the order in which they became known.
    pub contacts: Vec<Contact>,
    /// Behind whom to look on; `None` at the end.
    pub next: Option<PersonNo>,
}

/// Somebody, as the account knows them and as they show themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContactDetail {
    /// Who.
    pub who: Participant,
    /// What the account knows of them.
    pub known: Option<Contact>,
    /// What they say of themselves now; `None` where the network was not asked.
    pub shown: Option<PersonInfo>,
}

/// The use cases around people. Clones are the same.
#[derive(Clone)]
pub struct People {
    pub(crate) ctx: Arc<Context>,
}

impl std::fmt::Debug for People {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("People").finish_non_exhaustive()
    }
}

impl People {
    pub(crate) const fn new(ctx: Arc<Context>) -> Self {
        Self { ctx }
    }

    pub(super) async fn account(&self, principal: &Principal, id: &AccountId) -> Result<AccountRecord, PeopleError> {
        let found = self.ctx.store.read(|tx| account::get(tx, id)).await?;
        found.filter(|record| sees(principal, record)).ok_or(PeopleError::AccountNotFound)
    }

    async fn link(&self, principal: &Principal, id: &AccountId) -> Result<Arc<dyn Link>, PeopleError> {
        Ok(self.ctx.link(self.account(principal, id).await?.no)?)
    }

    /// Those whom an account knows, at most `limit` behind one; only those with a text in a name or the number.
    ///
    /// # Errors
    /// [`PeopleError::AccountNotFound`].
    pub async fn list(
        &self,
        principal: &Principal,
        id: &AccountId,
        after: Option<PersonNo>,
        text: Option<&str>,
        limit: usize,
    ) -> Result<ContactsFound, PeopleError> {
        let no = self.account(principal, id).await?.no;
        let (mut contacts, mut after) = (Vec::new(), after);
        // One more than is wanted: only then does anybody follow.
        while contacts.len() <= limit {
            let left = (limit + 1 - contacts.len(), LOOKS);
            let page = self.ctx.store.read(|tx| contact_list::page(tx, no, after, text, left)).await?;
            contacts.extend(page.lines.into_iter().map(|line| contact(no, line)));
            after = page.next;
            if after.is_none() {
                break;
            }
            tokio::task::yield_now().await;
        }
        let more = contacts.len() > limit;
        contacts.truncate(limit);
        let next = contacts.last().filter(|_| more).map(|last| last.id.person);
        Ok(ContactsFound { contacts, next })
    }

    /// Somebody, by whatever names them: what the account knows of them and, where it is connected, what they say of
    /// themselves now. `ask` insists on the latter, or does without it.
    ///
    /// # Errors
    /// [`PeopleError::NotFound`] where neither the account nor the network knows them.
    pub async fn get(
        &self,
        principal: &Principal,
        id: &AccountId,
        name: &ContactName,
        ask: Option<bool>,
    ) -> Result<ContactDetail, PeopleError> {
        let no = self.account(principal, id).await?.no;
        let known = self.known(no, name).await?;
        let who = whom(name, known.as_ref())?;
        let shown = match ask {
            Some(false) => None,
            _ => match self.shown(no, &who).await {
                Ok(shown) => Some(shown),
                Err(PeopleError::Network(_)) if ask.is_none() && known.is_some() => None,
                Err(error) => return Err(error),
            },
        };
        if known.is_none() && shown.is_none() {
            return Err(PeopleError::NotFound);
        }
        let who = shown.as_ref().map_or(who, |shown| shown.who.clone());
        Ok(ContactDetail { who, known, shown })
    }

    async fn shown(&self, no: AccountNo, who: &Participant) -> Result<PersonInfo, PeopleError> {
        Ok(self.ctx.link(no)?.people().info(who).await?)
    }

    async fn known(&self, no: AccountNo, name: &ContactName) -> Result<Option<Contact>, PeopleError> {
        let found = self.ctx.store.read(|tx| match name {
            ContactName::Id(id) if id.account == no => contact_list::one(tx, no, id.person),
            ContactName::Id(_) => Ok(None),
            ContactName::Address(who) => contact_list::find(tx, no, who),
        });
        Ok(found.await?.map(|line| contact(no, line)))
    }

    /// The address behind a name.
    async fn resolve(
        &self,
        principal: &Principal,
        id: &AccountId,
        name: &ContactName,
    ) -> Result<Participant, PeopleError> {
        let no = self.account(principal, id).await?.no;
        let known = self.known(no, name).await?;
        whom(name, known.as_ref())
    }

    /// Whether these are on the network; in the order of the question.
    ///
    /// # Errors
    /// [`PeopleError`].
    pub async fn check(
        &self,
        principal: &Principal,
        id: &AccountId,
        who: &[Participant],
    ) -> Result<Vec<Checked>, PeopleError> {
        Ok(self.link(principal, id).await?.people().check(who).await?)
    }

    /// Keeps somebody away, or lets them write again.
    ///
    /// # Errors
    /// [`PeopleError::NotFound`] for somebody who is not on the network.
    pub async fn block(
        &self,
        principal: &Principal,
        id: &AccountId,
        name: &ContactName,
        blocked: bool,
    ) -> Result<(), PeopleError> {
        let who = self.resolve(principal, id, name).await?;
        Ok(self.link(principal, id).await?.people().block(&who, blocked).await?)
    }

    /// Whom the account keeps away.
    ///
    /// # Errors
    /// [`PeopleError`].
    pub async fn blocked(&self, principal: &Principal, id: &AccountId) -> Result<Vec<Participant>, PeopleError> {
        Ok(self.link(principal, id).await?.people().blocked().await?)
    }

    /// Watches somebody from now on, and answers how they were seen last; where nothing is known yet it is waited for.
    ///
    /// # Errors
    /// [`PeopleError`].
    pub async fn watch(
        &self,
        principal: &Principal,
        id: &AccountId,
        name: &ContactName,
        wait: Duration,
    ) -> Result<Seen, PeopleError> {
        let who = self.resolve(principal, id, name).await?;
        Ok(self.link(principal, id).await?.people().watch(&who, wait).await?)
    }

    /// Lets somebody go.
    ///
    /// # Errors
    /// [`PeopleError::NotFound`] where they were not watched.
    pub async fn unwatch(&self, principal: &Principal, id: &AccountId, name: &ContactName) -> Result<(), PeopleError> {
        let who = self.resolve(principal, id, name).await?;
        Ok(self.link(principal, id).await?.people().unwatch(&who).await?)
    }

    /// Shows the account as there, or as not there.
    ///
    /// # Errors
    /// [`PeopleError`].
    pub async fn appear(&self, principal: &Principal, id: &AccountId, available: bool) -> Result<(), PeopleError> {
        Ok(self.link(principal, id).await?.people().appear(available).await?)
    }

    /// Refuses a call.
    ///
    /// # Errors
    /// [`PeopleError::NotFound`] where it does not ring.
    pub async fn refuse_call(&self, principal: &Principal, id: &AccountId, call: &str) -> Result<(), PeopleError> {
        Ok(self.link(principal, id).await?.people().refuse_call(call).await?)
    }

    /// The picture of somebody, or of a group; the whole one or a small one.
    ///
    /// # Errors
    /// [`PeopleError::NotFound`] where there is none, or they do not show it to the account.
    pub async fn picture(
        &self,
        principal: &Principal,
        id: &AccountId,
        name: &ContactName,
        small: bool,
    ) -> Result<PictureStream, PeopleError> {
        let who = self.resolve(principal, id, name).await?;
        let link = self.link(principal, id).await?;
        let at = link.people().picture(&who, small).await?;
        Ok(link.people().open_picture(&at).await?)
    }

    /// Where the picture of somebody lies, for some days.
    ///
    /// # Errors
    /// As [`People::picture`].
    pub async fn picture_at(
        &self,
        principal: &Principal,
        id: &AccountId,
        who: &Participant,
    ) -> Result<PictureAt, PeopleError> {
        Ok(self.link(principal, id).await?.people().picture(who, false).await?)
    }
}

fn contact(account: AccountNo, line: ContactLine) -> Contact {
    Contact {
        id: ContactId { account, person: line.person },
        chat: line.chat.map(|chat| ChatId { account, chat }),
        line,
    }
}

/// Whoever is known goes by all of their addresses.
fn whom(name: &ContactName, known: Option<&Contact>) -> Result<Participant, PeopleError> {
    match (known, name) {
        (Some(known), ContactName::Address(asked)) if asked.jid.kind() != JidKind::Group => Ok(Participant {
            // A number may have moved on since: then the one that was asked for counts.
            phone: asked.phone.clone().or_else(|| known.line.who.phone.clone()),
            ..known.line.who.clone()
        }),
        (Some(known), ContactName::Id(_)) => Ok(known.line.who.clone()),
        (_, ContactName::Address(asked)) => Ok(asked.clone()),
        (None, ContactName::Id(_)) => Err(PeopleError::NotFound),
    }
}
