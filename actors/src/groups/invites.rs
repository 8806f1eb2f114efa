//! Invite links, and who asks to be let in.

use wasup_sessions::ports::{AskError, GroupPreview, JoinRequest};
use wasup_store::id::AccountId;
use wasup_store::jid::Jid;
use wasup_store::records::GroupRecord;
use wasup_store::repo::group;

use super::{GroupError, Groups, unknown};
use crate::principal::Principal;

/// Most groups whose links are asked for at once.
const LINKS_MAX: usize = 100;

/// What came of joining.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinAnswer {
    /// The group's address.
    pub group: Jid,
    /// The group, once the account is in it; `None` while an admin has to let it in.
    pub joined: Option<GroupRecord>,
}

/// A group and the code of its invite link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupLink {
    /// The group.
    pub group: GroupRecord,
    /// The code; `None` where the account may not see it.
    pub code: Option<String>,
}

impl Groups {
    /// The code of a group's invite link; with `renew` a new one, and the old one is void.
    ///
    /// # Errors
    /// [`GroupError`].
    pub async fn invite_code(
        &self,
        principal: &Principal,
        id: &AccountId,
        group: &Jid,
        renew: bool,
    ) -> Result<String, GroupError> {
        let account = self.account(principal, id).await?;
        self.link(account.no)?.groups().invite_code(group, renew).await.map_err(unknown)
    }

    /// The codes of the groups that the account administers, at most a hundred.
    ///
    /// # Errors
    /// [`GroupError`]; a group whose link the account may not see has none.
    pub async fn invite_links(&self, principal: &Principal, id: &AccountId) -> Result<Vec<GroupLink>, GroupError> {
        let account = self.account(principal, id).await?;
        let link = self.link(account.no)?;
        if self.ctx.store.read(|tx| group::all_told(tx, account.no)).await?.is_none() {
            self.refresh(principal, account.no).await?;
        }
        let groups = self.ctx.store.read(|tx| group::list(tx, account.no, None, usize::MAX)).await?;
        let mut links = Vec::new();
        for (_, group) in groups.into_iter().filter(|(_, group)| group.joined).take(LINKS_MAX) {
            let code = match link.groups().invite_code(&group.jid, false).await {
                Ok(code) => Some(code),
                Err(AskError::Forbidden | AskError::NotFound) => None,
                Err(error) => return Err(error.into()),
            };
            links.push(GroupLink { group, code });
        }
        Ok(links)
    }

    /// The group that a code leads to, as an outsider sees it.
    ///
    /// # Errors
    /// [`GroupError::NotFound`] for a code that leads nowhere, or does not any more.
    pub async fn preview(&self, principal: &Principal, id: &AccountId, code: &str) -> Result<GroupPreview, GroupError> {
        let account = self.account(principal, id).await?;
        self.link(account.no)?.groups().preview(code).await.map_err(unknown)
    }

    /// Joins by a code.
    ///
    /// # Errors
    /// [`GroupError`].
    pub async fn join(&self, principal: &Principal, id: &AccountId, code: &str) -> Result<JoinAnswer, GroupError> {
        let account = self.account(principal, id).await?;
        let link = self.link(account.no)?;
        let joined = link.groups().join(code).await.map_err(unknown)?;
        if joined.waiting {
            return Ok(JoinAnswer { group: joined.group, joined: None });
        }
        let told = link.groups().get(&joined.group).await.map_err(unknown)?;
        let group = self.keep_whole(principal, account.no, told, true).await?;
        Ok(JoinAnswer { group: joined.group, joined: Some(group) })
    }

    /// Who asks to be let in.
    ///
    /// # Errors
    /// [`GroupError`].
    pub async fn requests(
        &self,
        principal: &Principal,
        id: &AccountId,
        group: &Jid,
    ) -> Result<Vec<JoinRequest>, GroupError> {
        let account = self.account(principal, id).await?;
        self.link(account.no)?.groups().requests(group).await.map_err(unknown)
    }
}
