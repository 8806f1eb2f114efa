//! Groups and what becomes of them.

use serde::Serialize;
use utoipa::ToSchema;
use wasup_store::records::{GroupChange, GroupEvent, GroupMember, GroupMembersEvent, GroupRecord};

use super::{PersonView, Time};

/// A group.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Group)]
pub struct GroupView {
    /// Its address, which messages are sent to.
    #[schema(examples("120363000000000001@g.us"))]
    pub id: String,
    /// Its name.
    pub subject: String,
    /// The text below it.
    pub description: Option<String>,
    /// Who made it.
    pub owner: Option<PersonView>,
    /// When it was made.
    pub created_at: Option<Time>,
    /// Whether its members are addressed by the network's own numbers (`lid`) or by phone numbers (`pn`).
    pub addressing: &'static str,
    /// The community it belongs to.
    pub parent: Option<String>,
    /// It is a community itself.
    pub community: bool,
    /// Whether the account is in it.
    pub joined: bool,
    /// How it is set.
    pub settings: GroupSettingsView,
    /// What names its picture, as far as one was told of; another picture has another name.
    pub picture_id: Option<String>,
    /// How many are in it.
    pub size: usize,
    /// Who is in it; left out of lists that do not ask for them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub participants: Option<Vec<GroupMemberView>>,
}

/// How a group is set.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = GroupSettings)]
pub struct GroupSettingsView {
    /// Only admins change its subject, description and picture.
    pub locked: bool,
    /// Only admins write.
    pub announce: bool,
    /// Seconds after which messages disappear; `null` keeps them.
    pub disappears_after: Option<u32>,
    /// Admins decide who joins by link.
    pub approval: bool,
    /// Members may add others; `null` where the network did not say.
    pub members_add: Option<bool>,
}

/// Somebody in a group.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = GroupMember)]
pub struct GroupMemberView {
    /// Who.
    #[serde(flatten)]
    pub who: PersonView,
    /// `member`, `admin` or `owner`.
    pub role: &'static str,
}

impl From<&GroupMember> for GroupMemberView {
    fn from(member: &GroupMember) -> Self {
        Self { who: PersonView::from(&member.who), role: member.role.as_str() }
    }
}

impl GroupView {
    /// The view of a group, with its members or without.
    #[must_use]
    pub fn new(group: &GroupRecord, members: bool) -> Self {
        let settings = group.settings;
        Self {
            id: group.jid.to_string(),
            subject: group.subject.clone(),
            description: group.description.clone(),
            owner: group.owner.as_ref().map(PersonView::from),
            created_at: group.created_ms.map(Time::from_ms),
            addressing: if group.lid { "lid" } else { "pn" },
            parent: group.parent.as_ref().map(ToString::to_string),
            community: group.community,
            joined: group.joined,
            settings: GroupSettingsView {
                locked: settings.locked,
                announce: settings.announce,
                disappears_after: settings.disappears_after,
                approval: settings.approval,
                members_add: settings.members_add,
            },
            picture_id: group.picture.clone().filter(|id| !id.is_empty()),
            size: group.members.len(),
            participants: members.then(|| group.members.iter().map(GroupMemberView::from).collect()),
        }
    }
}

/// The group of an event.
#[derive(Debug, Serialize)]
struct Named<'a> {
    id: &'a str,
    subject: &'a str,
}

/// `group.updated`.
#[derive(Debug, Serialize)]
pub(super) struct GroupChangeData<'a> {
    group: Named<'a>,
    by: Option<PersonView>,
    timestamp: Time,
    change: &'static str,
    value: Option<Value<'a>>,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Value<'a> {
    Text(&'a str),
    Flag(bool),
    Seconds(u32),
}

impl<'a> GroupChangeData<'a> {
    pub(super) fn new(event: &'a GroupEvent) -> Self {
        let value = match &event.change {
            GroupChange::Subject(text) => Some(Value::Text(text)),
            GroupChange::Description(text) => text.as_deref().map(Value::Text),
            GroupChange::Locked(on)
            | GroupChange::Announce(on)
            | GroupChange::Approval(on)
            | GroupChange::MembersAdd(on) => Some(Value::Flag(*on)),
            GroupChange::Picture(id) => Some(Value::Flag(id.is_some())),
            GroupChange::DisappearsAfter(seconds) => seconds.map(Value::Seconds),
            GroupChange::New | GroupChange::InviteLink | GroupChange::Deleted => None,
        };
        Self {
            group: Named { id: event.group.jid.as_str(), subject: &event.subject },
            by: event.by.as_ref().map(PersonView::from),
            timestamp: Time::from_ms(event.at_ms),
            change: event.change.as_str(),
            value,
        }
    }
}

/// `group.participants`.
#[derive(Debug, Serialize)]
pub(super) struct GroupMembersData<'a> {
    group: Named<'a>,
    by: Option<PersonView>,
    timestamp: Time,
    action: &'static str,
    participants: Vec<PersonView>,
}

impl<'a> GroupMembersData<'a> {
    pub(super) fn new(event: &'a GroupMembersEvent) -> Self {
        Self {
            group: Named { id: event.group.jid.as_str(), subject: &event.subject },
            by: event.by.as_ref().map(PersonView::from),
            timestamp: Time::from_ms(event.at_ms),
            action: event.act.as_str(),
            participants: event.members.iter().map(PersonView::from).collect(),
        }
    }
}
