//! Changes of groups.

use wasup_sessions::ports::{MemberOutcome, MemberVerb, Members, NewGroup};
use wasup_store::id::{AccountId, AccountNo};
use wasup_store::jid::Jid;
use wasup_store::records::{GroupChange, GroupRecord, MembersAct, Participant};
use wasup_store::repo::group::GroupWhat;

use super::{GroupError, Groups, own, unknown};
use crate::principal::Principal;

/// A group that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MadeGroup {
    /// The group.
    pub group: GroupRecord,
    /// Who was asked for and is not in it: not on the network, or not to be added to groups.
    pub missing: Vec<Participant>,
}

fn same(a: &Participant, b: &Participant) -> bool {
    a.jid == b.jid || (a.phone.is_some() && a.phone == b.phone) || (a.lid.is_some() && a.lid == b.lid)
}

impl Groups {
    /// Makes a group.
    ///
    /// # Errors
    /// [`GroupError`].
    pub async fn create(&self, principal: &Principal, id: &AccountId, new: &NewGroup) -> Result<MadeGroup, GroupError> {
        let account = self.account(principal, id).await?;
        let made = self.link(account.no)?.groups().create(new).await?;
        let there = |who: &&Participant| !made.members.iter().any(|member| same(&member.who, who));
        let missing = new.members.iter().filter(there).cloned().collect();
        let group = self.keep_whole(principal, account.no, made, true).await?;
        Ok(MadeGroup { group, missing })
    }

    /// Changes what a group shows, or how it is set; one after the other, until one is refused.
    ///
    /// # Errors
    /// [`GroupError`]; what was done before it stays.
    pub async fn change(
        &self,
        principal: &Principal,
        id: &AccountId,
        group: &Jid,
        changes: Vec<GroupChange>,
    ) -> Result<GroupRecord, GroupError> {
        let account = self.account(principal, id).await?;
        let link = self.link(account.no)?;
        for change in changes {
            link.groups().change(group, &change).await.map_err(unknown)?;
            self.keep(principal, account.no, group, own(&account), vec![GroupWhat::Changed(change)]).await?;
        }
        self.whole(principal, account.no, group).await
    }

    /// Gives a group another picture (JPEG, square), or none.
    ///
    /// # Errors
    /// [`GroupError`].
    pub async fn set_picture(
        &self,
        principal: &Principal,
        id: &AccountId,
        group: &Jid,
        jpeg: Option<Vec<u8>>,
    ) -> Result<GroupRecord, GroupError> {
        let account = self.account(principal, id).await?;
        let picture = self.link(account.no)?.groups().set_picture(group, jpeg).await.map_err(unknown)?;
        let change = GroupWhat::Changed(GroupChange::Picture(picture));
        self.keep(principal, account.no, group, own(&account), vec![change]).await?;
        self.whole(principal, account.no, group).await
    }

    /// Does something to people; answers for each.
    ///
    /// # Errors
    /// [`GroupError`]; that single people could not be done it to is no error.
    pub async fn members(
        &self,
        principal: &Principal,
        id: &AccountId,
        group: &Jid,
        verb: MemberVerb,
        who: Vec<Participant>,
    ) -> Result<Vec<MemberOutcome>, GroupError> {
        let account = self.account(principal, id).await?;
        let link = self.link(account.no)?;
        let record = self.whole(principal, account.no, group).await?;
        // Members go by both of their addresses, of which the caller may have given one.
        let known = |who: Participant| {
            let member = record.members.iter().find(|member| same(&member.who, &who));
            member.map_or(who, |member| member.who.clone())
        };
        let of = Members { who: who.into_iter().map(known).collect(), lid: record.lid };
        let outcomes = link.groups().members(group, verb, &of).await.map_err(unknown)?;
        let done: Vec<Participant> =
            outcomes.iter().filter(|outcome| outcome.refused.is_none()).map(|outcome| outcome.who.clone()).collect();
        let act = match verb {
            MemberVerb::Add => Some(MembersAct::Added),
            MemberVerb::Remove => Some(MembersAct::Removed),
            MemberVerb::Promote => Some(MembersAct::Promoted),
            MemberVerb::Demote => Some(MembersAct::Demoted),
            MemberVerb::Approve => Some(MembersAct::Joined),
            // Who asked is not kept: the network's word alone tells it.
            MemberVerb::Reject => None,
        };
        if let Some(act) = act.filter(|_| !done.is_empty()) {
            self.keep(principal, account.no, group, own(&account), vec![GroupWhat::Members(act, done)]).await?;
        }
        Ok(outcomes)
    }

    /// Leaves a group.
    ///
    /// # Errors
    /// [`GroupError`].
    pub async fn leave(&self, principal: &Principal, id: &AccountId, group: &Jid) -> Result<(), GroupError> {
        let account = self.account(principal, id).await?;
        self.link(account.no)?.groups().leave(group).await.map_err(unknown)?;
        let Some(own) = own(&account) else { return Ok(()) };
        let left = GroupWhat::Members(MembersAct::Left, vec![own.clone()]);
        self.keep(principal, account.no, group, Some(own), vec![left]).await
    }

    /// The group as the store knows it, or as the network tells it where the store does not.
    async fn whole(&self, principal: &Principal, no: AccountNo, group: &Jid) -> Result<GroupRecord, GroupError> {
        if let Some(known) = self.known(no, group).await? {
            return Ok(known);
        }
        let told = self.link(no)?.groups().get(group).await.map_err(unknown)?;
        self.keep_whole(principal, no, told, false).await
    }
}
