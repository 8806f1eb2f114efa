//! What becomes of groups, in our words. Pure.

use wacore::stanza::groups::{GroupNotificationAction as Action, GroupParticipantInfo};
use wacore::types::events::{GroupUpdate, PictureUpdate};
use wacore_binary::Jid as LibraryJid;
use wasup_store::id::Millis;
use wasup_store::jid::JidKind;
use wasup_store::records::{GroupChange, GroupRecord, MembersAct, Participant};
use wasup_store::repo::group::{GroupNews, GroupWhat};

use super::super::groups::record;
use super::super::inbound::address;

/// One thing that happened in a group.
pub(crate) struct GroupNote(pub(super) GroupNews);

impl GroupNote {
    /// The group.
    pub(crate) const fn group(&self) -> &wasup_store::jid::Jid {
        &self.0.group
    }
}

/// The news in a notification's action; `None` where we have no word for it.
pub(super) fn of(update: &GroupUpdate) -> Option<GroupNote> {
    let by = update.participant.as_ref();
    let by = by.and_then(|jid| address::participant(jid, update.participant_pn.as_ref()));
    let what = what(&update.action, by.as_ref())?;
    let id = update.notification_id.as_ref();
    Some(GroupNote(GroupNews {
        group: address::canonical(&update.group_jid)?,
        by,
        at_ms: u64::try_from(update.timestamp.timestamp_millis()).unwrap_or_default(),
        // Each action of a notification is one thing.
        id: id.map(|id| format!("{id}.{}", update.action_index)),
        what,
    }))
}

/// A group's other picture; `None` where it is a human's.
pub(super) fn of_picture(update: &PictureUpdate) -> Option<GroupNote> {
    let group = address::canonical(&update.jid).filter(|jid| jid.kind() == JidKind::Group)?;
    Some(GroupNote(GroupNews {
        group,
        by: update.author.as_ref().and_then(|jid| address::participant(jid, None)),
        at_ms: u64::try_from(update.timestamp.timestamp_millis()).unwrap_or_default(),
        id: None,
        what: GroupWhat::Changed(GroupChange::Picture(update.picture_id.clone().filter(|_| !update.removed))),
    }))
}

/// A group that was asked for.
pub(super) fn whole(group: &GroupRecord, now_ms: Millis) -> GroupNews {
    let what = GroupWhat::Whole(Box::new(group.clone()), false);
    GroupNews { group: group.jid.clone(), by: None, at_ms: now_ms, id: None, what }
}

fn what(action: &Action, by: Option<&Participant>) -> Option<GroupWhat> {
    let changed = |change| Some(GroupWhat::Changed(change));
    let members = |act, people: &[GroupParticipantInfo]| {
        let people: Vec<Participant> = people.iter().filter_map(person).collect();
        (!people.is_empty()).then_some(GroupWhat::Members(act, people))
    };
    match action {
        Action::Create { raw } => created(raw),
        Action::Add { participants, reason } => {
            let joined = reason.as_deref() == Some("invite");
            members(if joined { MembersAct::Joined } else { MembersAct::Added }, participants)
        }
        Action::Remove { participants, .. } => {
            let themselves = matches!(participants.as_slice(), [one] if person(one).as_ref().zip(by).is_some_and(same));
            members(if themselves { MembersAct::Left } else { MembersAct::Removed }, participants)
        }
        Action::Promote { participants } => members(MembersAct::Promoted, participants),
        Action::Demote { participants } => members(MembersAct::Demoted, participants),
        Action::Subject { subject, .. } => changed(GroupChange::Subject(subject.clone())),
        Action::Description { description, .. } => {
            changed(GroupChange::Description(description.clone().filter(|text| !text.is_empty())))
        }
        Action::Locked { .. } => changed(GroupChange::Locked(true)),
        Action::Unlocked => changed(GroupChange::Locked(false)),
        Action::Announce => changed(GroupChange::Announce(true)),
        Action::NotAnnounce => changed(GroupChange::Announce(false)),
        Action::Ephemeral { expiration, .. } => {
            changed(GroupChange::DisappearsAfter(Some(*expiration).filter(|seconds| *seconds > 0)))
        }
        Action::MembershipApprovalMode { enabled } => changed(GroupChange::Approval(*enabled)),
        Action::MemberAddMode { mode } => changed(GroupChange::MembersAdd(mode == "all_member_add")),
        Action::RevokeInvite => changed(GroupChange::InviteLink),
        Action::Delete { .. } => changed(GroupChange::Deleted),
        Action::CreatedMembershipRequests { requests, .. } => members(MembersAct::Asked, requests),
        Action::RevokedMembershipRequests { participants } => {
            let people: Vec<Participant> =
                participants.iter().filter_map(|jid| address::participant(jid, None)).collect();
            (!people.is_empty()).then_some(GroupWhat::Members(MembersAct::Withdrawn, people))
        }
        _ => None,
    }
}

/// A group that is new to the account.
fn created(raw: &wacore_binary::Node) -> Option<GroupWhat> {
    let raw = raw.as_node_ref();
    let group = raw.get_optional_child("group")?;
    let (info, members_add) = super::super::groups::told(group).ok()?;
    record::whole(&info, members_add).map(|record| GroupWhat::Whole(Box::new(record), true))
}

fn person(of: &GroupParticipantInfo) -> Option<Participant> {
    let other: Option<&LibraryJid> = of.phone_number.as_ref().or(of.lid.as_ref());
    address::participant(&of.jid, other)
}

fn same((a, b): (&Participant, &Participant)) -> bool {
    a.jid == b.jid || (a.phone.is_some() && a.phone == b.phone) || (a.lid.is_some() && a.lid == b.lid)
}
