//! Who sees a status.

use wasup_store::id::AccountId;
use wasup_store::records::{AccountRecord, Audience, AudienceOf, Participant};
use wasup_store::repo::{account, contact_list};

use super::{MessageError, Messages};
use crate::principal::{Principal, sees};

/// Most people that see a status.
pub const AUDIENCE_MAX: usize = 2_000;

/// Humans looked at in one read, so that a write never waits long.
const LOOKS: usize = 256;

/// Why nobody can be shown a status.
#[derive(Debug, thiserror::Error)]
pub enum AudienceError {
    /// There is nobody to show it to.
    #[error("there is nobody to show it to")]
    Nobody,
    /// There are more people than [`AUDIENCE_MAX`].
    #[error("there are more than {AUDIENCE_MAX} people to show it to")]
    TooMany,
    /// There is no such account, or the store failed.
    #[error(transparent)]
    Message(#[from] MessageError),
}

fn same(a: &Participant, b: &Participant) -> bool {
    a.jid == b.jid || (a.phone.is_some() && a.phone == b.phone) || (a.lid.is_some() && a.lid == b.lid)
}

impl Messages {
    /// Who is to see a status: these, or everybody whom the account's address book names, but for those.
    ///
    /// # Errors
    /// [`AudienceError`].
    pub async fn audience(
        &self,
        principal: &Principal,
        id: &AccountId,
        only: Option<Vec<Participant>>,
        except: &[Participant],
    ) -> Result<Audience, AudienceError> {
        let found = self.ctx.store.read(|tx| account::get(tx, id)).await.map_err(MessageError::from)?;
        let owner = found.filter(|record| sees(principal, record)).ok_or(MessageError::AccountNotFound)?;
        let of = match (&only, except) {
            (Some(_), _) => AudienceOf::Only,
            (None, []) => AudienceOf::Contacts,
            (None, _) => AudienceOf::Except,
        };
        let all = match only {
            Some(only) => only,
            None => self.address_book(&owner).await?,
        };
        let mut who: Vec<Participant> = Vec::with_capacity(all.len().min(AUDIENCE_MAX));
        for one in all {
            if !except.iter().chain(&who).any(|other| same(other, &one)) {
                who.push(one);
            }
        }
        match who.len() {
            0 => Err(AudienceError::Nobody),
            many if many > AUDIENCE_MAX => Err(AudienceError::TooMany),
            _ => Ok(Audience { who, of }),
        }
    }

    /// Whom the account's address book names, but the account itself; one more than may be at most.
    async fn address_book(&self, owner: &AccountRecord) -> Result<Vec<Participant>, MessageError> {
        let (mut named, mut after) = (Vec::new(), None);
        let own = owner.identity.as_ref().and_then(|identity| identity.jid.phone_digits());
        loop {
            let place = (LOOKS, LOOKS);
            let page = self.ctx.store.read(|tx| contact_list::page(tx, owner.no, after, None, place)).await?;
            let lines = page.lines.into_iter().filter(|line| line.name.is_some());
            named.extend(lines.map(|line| line.who).filter(|who| who.phone.is_none() || who.phone.as_deref() != own));
            after = page.next;
            if after.is_none() || named.len() > AUDIENCE_MAX {
                return Ok(named);
            }
            tokio::task::yield_now().await;
        }
    }
}
