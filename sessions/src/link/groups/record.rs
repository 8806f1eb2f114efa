//! Groups of the library in our words. Pure.

use wacore::iq::groups::{AddressingMode, GroupInfoResponse, GroupParticipantResponse, ParticipantType};
use wasup_store::records::{GroupMember, GroupRecord, GroupRole, GroupSettings};

use super::super::inbound::address;

/// A group as the network tells it whole.
pub(in crate::link) fn whole(info: &GroupInfoResponse, members_add: Option<bool>) -> Option<GroupRecord> {
    let settings = GroupSettings {
        locked: info.is_locked,
        announce: info.is_announcement,
        disappears_after: info.ephemeral.and_then(|held| held.expiration).filter(|seconds| *seconds > 0),
        approval: info.membership_approval,
        members_add,
    };
    Some(GroupRecord {
        jid: address::canonical(&info.id)?,
        subject: info.subject.as_str().to_owned(),
        description: info.description.clone().filter(|text| !text.is_empty()),
        owner: info.creator.as_ref().and_then(|jid| address::participant(jid, info.creator_pn.as_ref())),
        created_ms: info.creation_time.map(|seconds| seconds.saturating_mul(1_000)),
        lid: info.addressing_mode == AddressingMode::Lid,
        parent: info.parent_group_jid.as_ref().and_then(address::canonical),
        community: info.is_parent_group,
        settings,
        members: info.participants.iter().filter_map(member).collect(),
        joined: true,
        picture: None,
        told_ms: 0,
        taken: Vec::new(),
    })
}

fn member(of: &GroupParticipantResponse) -> Option<GroupMember> {
    let other = of.phone_number.as_ref().or(of.lid.as_ref());
    let role = match of.participant_type {
        ParticipantType::Member => GroupRole::Member,
        ParticipantType::Admin => GroupRole::Admin,
        ParticipantType::SuperAdmin => GroupRole::Owner,
    };
    Some(GroupMember { who: address::participant(&of.jid, other)?, role })
}
