//! A group, as an account knows it, and what becomes of it.

use serde::{Deserialize, Serialize};

use super::Participant;
use crate::id::Millis;
use crate::jid::Jid;

/// What a member is in a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GroupRole {
    /// A member like any other.
    #[default]
    Member,
    /// Administers the group.
    Admin,
    /// Administers it, and can't be put out: its creator.
    Owner,
}

impl GroupRole {
    /// The word used in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Admin => "admin",
            Self::Owner => "owner",
        }
    }

    /// Whether the member administers the group.
    #[must_use]
    pub const fn is_admin(self) -> bool {
        matches!(self, Self::Admin | Self::Owner)
    }
}

/// Somebody in a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupMember {
    /// Who.
    pub who: Participant,
    /// What they are in it.
    #[serde(default)]
    pub role: GroupRole,
}

/// How a group is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct GroupSettings {
    /// Only admins change what the group shows.
    pub locked: bool,
    /// Only admins write.
    pub announce: bool,
    /// Seconds after which messages disappear; `None` keeps them.
    pub disappears_after: Option<u32>,
    /// Admins decide who joins by link.
    pub approval: bool,
    /// Members may add others; `None` where the network did not say.
    pub members_add: Option<bool>,
}

/// Row of `group`. A thousand members and more make it larger than a row may be; the store's waist cuts it then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupRecord {
    /// `…@g.us`.
    pub jid: Jid,
    /// Its name.
    #[serde(default)]
    pub subject: String,
    /// The text below it.
    #[serde(default)]
    pub description: Option<String>,
    /// Who made it.
    #[serde(default)]
    pub owner: Option<Participant>,
    /// When it was made.
    #[serde(default)]
    pub created_ms: Option<Millis>,
    /// Members are addressed by the network's own numbers.
    #[serde(default)]
    pub lid: bool,
    /// The community it belongs to.
    #[serde(default)]
    pub parent: Option<Jid>,
    /// It is a community itself.
    #[serde(default)]
    pub community: bool,
    /// How it is set.
    #[serde(default)]
    pub settings: GroupSettings,
    /// Who is in it.
    #[serde(default)]
    pub members: Vec<GroupMember>,
    /// Whether the account is in it.
    #[serde(default)]
    pub joined: bool,
    /// What names its picture; empty where it has none, `None` where nothing was told of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picture: Option<String>,
    /// When the network last told it whole.
    #[serde(default)]
    pub told_ms: Millis,
    /// The notifications taken in last: one that comes again says nothing new.
    #[serde(default)]
    pub taken: Vec<String>,
}

/// What became of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GroupChange {
    /// It is new to the account: made, or come into.
    New,
    /// Another subject.
    Subject(String),
    /// Another description, or none.
    Description(Option<String>),
    /// Only admins change what it shows, or everybody.
    Locked(bool),
    /// Only admins write, or everybody.
    Announce(bool),
    /// Messages disappear after so many seconds, or stay.
    DisappearsAfter(Option<u32>),
    /// Admins decide who joins by link, or nobody has to.
    Approval(bool),
    /// Members may add others, or only admins.
    MembersAdd(bool),
    /// Another picture by what names it, or none any more.
    Picture(Option<String>),
    /// Its invite link was made anew.
    InviteLink,
    /// It is no more.
    Deleted,
}

impl GroupChange {
    /// The word used in events.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Subject(_) => "subject",
            Self::Description(_) => "description",
            Self::Locked(_) => "locked",
            Self::Announce(_) => "announce",
            Self::DisappearsAfter(_) => "disappears_after",
            Self::Approval(_) => "approval",
            Self::MembersAdd(_) => "members_add",
            Self::Picture(_) => "picture",
            Self::InviteLink => "invite_link",
            Self::Deleted => "deleted",
        }
    }
}

/// What members did, or had done to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MembersAct {
    /// Were added.
    Added,
    /// Came by themselves, by a link.
    Joined,
    /// Were put out.
    Removed,
    /// Went by themselves.
    Left,
    /// Became admins.
    Promoted,
    /// Are no admins any more.
    Demoted,
    /// Ask to be let in.
    Asked,
    /// Do not ask any more, or were turned away.
    Withdrawn,
}

impl MembersAct {
    /// The word used in events.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Joined => "joined",
            Self::Removed => "removed",
            Self::Left => "left",
            Self::Promoted => "promoted",
            Self::Demoted => "demoted",
            Self::Asked => "asked",
            Self::Withdrawn => "withdrawn",
        }
    }
}

/// `group.updated`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupEvent {
    /// The group.
    pub group: Participant,
    /// Its name now.
    #[serde(default)]
    pub subject: String,
    /// Who did it, where the network says so.
    #[serde(default)]
    pub by: Option<Participant>,
    /// When, as the network says.
    pub at_ms: Millis,
    /// What changed.
    pub change: GroupChange,
}

/// `group.participants`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupMembersEvent {
    /// The group.
    pub group: Participant,
    /// Its name.
    #[serde(default)]
    pub subject: String,
    /// Who did it, where the network says so.
    #[serde(default)]
    pub by: Option<Participant>,
    /// When, as the network says.
    pub at_ms: Millis,
    /// What was done.
    pub act: MembersAct,
    /// To whom.
    pub members: Vec<Participant>,
}
