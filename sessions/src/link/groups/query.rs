//! The library's questions about groups, read once more for what it leaves out: who may add members. Its own reading
//! takes that only where the text came as a string, and it comes as bytes (whatsapp-rust 0.7.0, `GroupInfoResponse`).

use wacore::iq::groups::{GetGroupInviteInfoIq, GroupInfoResponse, GroupParticipatingIq, GroupQueryIq};
use wacore::iq::spec::IqSpec;
use wacore::protocol::ProtocolNode as _;
use wacore::request::InfoQuery;
use wacore_binary::{Jid, NodeRef};

/// A group, and whether members may add others.
pub(super) type Told = (GroupInfoResponse, Option<bool>);

/// Reads a `<group>` whole.
pub(in crate::link) fn told(group: &NodeRef<'_>) -> anyhow::Result<Told> {
    let mode = group.get_optional_child("member_add_mode").and_then(|mode| mode.content_as_string());
    let members_add = match mode.as_deref() {
        Some("all_member_add") => Some(true),
        Some("admin_add") => Some(false),
        _ => None,
    };
    Ok((GroupInfoResponse::try_from_node_ref(group)?, members_add))
}

fn group_of(response: &NodeRef<'_>) -> anyhow::Result<Told> {
    let group = response.get_optional_child("group").or_else(|| response.get_optional_child("community"));
    told(group.ok_or_else(|| anyhow::anyhow!("an answer without a group"))?)
}

/// One group.
pub(super) struct Group(pub(super) Jid);

impl IqSpec for Group {
    type Response = Told;

    fn build_iq(&self) -> InfoQuery<'static> {
        GroupQueryIq::new(&self.0).build_iq()
    }

    fn parse_response(&self, response: &NodeRef<'_>) -> anyhow::Result<Told> {
        group_of(response)
    }
}

/// The group behind an invite code.
pub(super) struct Invited(pub(super) String);

impl IqSpec for Invited {
    type Response = Told;

    fn build_iq(&self) -> InfoQuery<'static> {
        GetGroupInviteInfoIq::new(self.0.as_str()).build_iq()
    }

    fn parse_response(&self, response: &NodeRef<'_>) -> anyhow::Result<Told> {
        group_of(response)
    }
}

/// All groups.
pub(super) struct Participating;

impl IqSpec for Participating {
    type Response = Vec<Told>;

    fn build_iq(&self) -> InfoQuery<'static> {
        GroupParticipatingIq::new().build_iq()
    }

    fn parse_response(&self, response: &NodeRef<'_>) -> anyhow::Result<Vec<Told>> {
        let mut groups = Vec::new();
        for (list, tag) in [("groups", "group"), ("communities", "community")] {
            let Some(list) = response.get_optional_child(list) else { continue };
            for group in list.get_children_by_tag(tag) {
                groups.push(told(group)?);
            }
        }
        Ok(groups)
    }
}
