//! What a link can be asked about groups.

use async_trait::async_trait;
use wasup_store::id::Millis;
use wasup_store::jid::Jid;
use wasup_store::records::{GroupChange, GroupRecord, Participant};

use super::{AskError, NoNetwork};

/// What is done to members of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MemberVerb {
    /// Puts them in.
    Add,
    /// Puts them out.
    Remove,
    /// Makes them admins.
    Promote,
    /// Makes them members like any other.
    Demote,
    /// Lets those in who asked.
    Approve,
    /// Turns those away who asked.
    Reject,
}

/// What became of one person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberOutcome {
    /// Who, as asked for.
    pub who: Participant,
    /// The network's code, where it was not done.
    pub refused: Option<u16>,
}

/// People to do something to, and how their group addresses them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Members {
    /// Who.
    pub who: Vec<Participant>,
    /// The group addresses its members by the network's own numbers.
    pub lid: bool,
}

/// A group that was asked for with people in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewGroup {
    /// Its name, at most 100 characters.
    pub subject: String,
    /// The text below it, at most 2,048 characters.
    pub description: Option<String>,
    /// Who is to be in it, but the account itself.
    pub members: Vec<Participant>,
}

/// What came of joining by a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinedGroup {
    /// The group.
    pub group: Jid,
    /// An admin has to let the account in first.
    pub waiting: bool,
}

/// A group as an outsider sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupPreview {
    /// The group, with some of its members.
    pub group: GroupRecord,
    /// How many are in it.
    pub size: usize,
}

/// Somebody who asks to be let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinRequest {
    /// Who.
    pub who: Participant,
    /// Since when, where the network says so.
    pub at_ms: Option<Millis>,
}

/// Questions about groups, and changes of them. Each ends within the link's query timeout.
///
/// # Errors
/// All of them: [`AskError`].
#[async_trait]
pub trait GroupCalls: Send + Sync {
    /// Every group that the account is in, with members.
    async fn all(&self) -> Result<Vec<GroupRecord>, AskError>;

    /// One group that the account is in.
    async fn get(&self, group: &Jid) -> Result<GroupRecord, AskError>;

    /// Makes a group. People who could not be added are missing among its members.
    async fn create(&self, new: &NewGroup) -> Result<GroupRecord, AskError>;

    /// Changes what a group shows, or how it is set; [`GroupChange::New`], `Picture`, `InviteLink` and `Deleted` are no
    /// such changes.
    async fn change(&self, group: &Jid, change: &GroupChange) -> Result<(), AskError>;

    /// Gives a group another picture (JPEG), or none. Answers what names it.
    async fn set_picture(&self, group: &Jid, jpeg: Option<Vec<u8>>) -> Result<Option<String>, AskError>;

    /// Does something to people.
    async fn members(&self, group: &Jid, verb: MemberVerb, of: &Members) -> Result<Vec<MemberOutcome>, AskError>;

    /// Leaves a group.
    async fn leave(&self, group: &Jid) -> Result<(), AskError>;

    /// The code of a group's invite link; with `renew` a new one, and the old one is void.
    async fn invite_code(&self, group: &Jid, renew: bool) -> Result<String, AskError>;

    /// The group that a code leads to, as an outsider sees it.
    async fn preview(&self, code: &str) -> Result<GroupPreview, AskError>;

    /// Joins by a code.
    async fn join(&self, code: &str) -> Result<JoinedGroup, AskError>;

    /// Who asks to be let in.
    async fn requests(&self, group: &Jid) -> Result<Vec<JoinRequest>, AskError>;
}

#[async_trait]
impl GroupCalls for NoNetwork {
    async fn all(&self) -> Result<Vec<GroupRecord>, AskError> {
        Err(AskError::NotConnected)
    }

    async fn get(&self, _group: &Jid) -> Result<GroupRecord, AskError> {
        Err(AskError::NotConnected)
    }

    async fn create(&self, _new: &NewGroup) -> Result<GroupRecord, AskError> {
        Err(AskError::NotConnected)
    }

    async fn change(&self, _group: &Jid, _change: &GroupChange) -> Result<(), AskError> {
        Err(AskError::NotConnected)
    }

    async fn set_picture(&self, _group: &Jid, _jpeg: Option<Vec<u8>>) -> Result<Option<String>, AskError> {
        Err(AskError::NotConnected)
    }

    async fn members(&self, _group: &Jid, _verb: MemberVerb, _of: &Members) -> Result<Vec<MemberOutcome>, AskError> {
        Err(AskError::NotConnected)
    }

    async fn leave(&self, _group: &Jid) -> Result<(), AskError> {
        Err(AskError::NotConnected)
    }

    async fn invite_code(&self, _group: &Jid, _renew: bool) -> Result<String, AskError> {
        Err(AskError::NotConnected)
    }

    async fn preview(&self, _code: &str) -> Result<GroupPreview, AskError> {
        Err(AskError::NotConnected)
    }

    async fn join(&self, _code: &str) -> Result<JoinedGroup, AskError> {
        Err(AskError::NotConnected)
    }

    async fn requests(&self, _group: &Jid) -> Result<Vec<JoinRequest>, AskError> {
        Err(AskError::NotConnected)
    }
}
