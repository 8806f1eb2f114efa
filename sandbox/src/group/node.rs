//! Groups as stanzas show them.

use super::act::Setting;
use super::members::Outcome;
use super::state::{Group, GroupRole, State};
use crate::account::{Account, Family};
use std::sync::Arc;
use wacore_binary::Node;
use wacore_binary::builder::NodeBuilder;

/// The word for a family.
pub(crate) fn addressing_mode(family: Family) -> &'static str {
    match family {
        Family::Number => "pn",
        Family::Hidden => "lid",
    }
}

/// The attribute with a participant's other address, where the first is in this family.
pub(crate) fn alternative(family: Family) -> &'static str {
    match family {
        Family::Number => "participant_lid",
        Family::Hidden => "participant_pn",
    }
}

/// The same inside `<participant>`.
fn other_address(family: Family) -> &'static str {
    match family {
        Family::Number => "lid",
        Family::Hidden => "phone_number",
    }
}

fn participant(group: &Group, account: &Account, role: Option<GroupRole>) -> Node {
    let mut node = NodeBuilder::new("participant")
        .attr("jid", account.jid(group.family, 0))
        .attr(other_address(group.family), account.jid(group.family.other(), 0))
        .build();
    if let Some(word) = role.and_then(GroupRole::word) {
        node.attrs.insert("type", word);
    }
    node
}

/// The whole group. An outsider sees its admins only, and its size.
pub(crate) fn group_node(group: &Group, state: &State, outsider: bool) -> Node {
    let shown = state.members.values().filter(|member| !outsider || member.role.is_admin());
    let mut children: Vec<Node> = shown.map(|member| participant(group, &member.account, Some(member.role))).collect();
    children.extend(settings(state));
    children.extend(description(group, state));
    let mut node = NodeBuilder::new("group")
        .attr("id", group.id.as_str())
        .attr("subject", state.subject.as_str())
        .attr("creation", group.created.to_string())
        .attr("creator", group.creator.jid(group.family, 0))
        .attr("s_t", state.subject_at.to_string())
        .attr("s_o", state.subject_by.jid(group.family, 0))
        .attr("addressing_mode", group.addressing_mode())
        .attr("size", state.members.len().to_string())
        .children(children)
        .build();
    if group.family == Family::Hidden {
        node.attrs.insert("creator_pn", group.creator.jid(Family::Number, 0));
        node.attrs.insert("s_o_pn", state.subject_by.jid(Family::Number, 0));
    }
    node
}

fn settings(state: &State) -> Vec<Node> {
    let settings = &state.settings;
    let mut nodes = Vec::new();
    if settings.locked {
        nodes.push(setting(Setting::Locked(true)));
    }
    if settings.announce {
        nodes.push(setting(Setting::Announce(true)));
    }
    if settings.ephemeral > 0 {
        nodes.push(setting(Setting::Ephemeral(settings.ephemeral)));
    }
    if settings.approval {
        nodes.push(setting(Setting::Approval(true)));
    }
    nodes.push(setting(Setting::MembersAdd(settings.members_add)));
    let link = if settings.members_link { "all_member_link" } else { "admin_link" };
    nodes.push(NodeBuilder::new("member_link_mode").string_content(link).build());
    nodes
}

/// A setting's new value, as it is told.
pub(super) fn setting(setting: Setting) -> Node {
    let flag = |on, yes, no| NodeBuilder::new(if on { yes } else { no }).build();
    match setting {
        Setting::Locked(on) => flag(on, "locked", "unlocked"),
        Setting::Announce(on) => flag(on, "announcement", "not_announcement"),
        Setting::Ephemeral(0) => NodeBuilder::new("not_ephemeral").build(),
        Setting::Ephemeral(seconds) => NodeBuilder::new("ephemeral").attr("expiration", seconds.to_string()).build(),
        Setting::Approval(on) => {
            let state = NodeBuilder::new("group_join").attr("state", if on { "on" } else { "off" });
            NodeBuilder::new("membership_approval_mode").children([state.build()]).build()
        }
        Setting::MembersAdd(on) => {
            let mode = if on { "all_member_add" } else { "admin_add" };
            NodeBuilder::new("member_add_mode").string_content(mode).build()
        }
    }
}

fn description(group: &Group, state: &State) -> Option<Node> {
    let held = state.description.as_ref()?;
    let mut node = NodeBuilder::new("description")
        .attr("id", held.id.as_str())
        .attr("participant", held.by.jid(group.family, 0))
        .attr("t", held.at.to_string());
    if !held.text.is_empty() {
        node = node.children([NodeBuilder::new("body").bytes(held.text.as_bytes()).build()]);
    }
    Some(node.build())
}

/// The description's change, as it is told.
pub(super) fn description_news(state: &State) -> Node {
    let (id, text) = match &state.description {
        Some(held) => (held.id.as_str(), held.text.as_str()),
        None => ("", ""),
    };
    let child = match text {
        "" => NodeBuilder::new("delete").build(),
        text => NodeBuilder::new("body").bytes(text.as_bytes()).build(),
    };
    NodeBuilder::new("description").attr("id", id).children([child]).build()
}

pub(super) fn subject(group: &Group, state: &State) -> Node {
    NodeBuilder::new("subject")
        .attr("subject", state.subject.as_str())
        .attr("s_o", state.subject_by.jid(group.family, 0))
        .attr("s_t", state.subject_at.to_string())
        .build()
}

/// The picture is another one, or gone.
pub(super) fn picture(by: &Account, group: &Group, state: &State) -> Node {
    let node = match &state.picture {
        Some(picture) => NodeBuilder::new("set").attr("id", picture.id.as_str()),
        None => NodeBuilder::new("delete"),
    };
    node.attr("jid", group.jid()).attr("author", by.jid(group.family, 0)).build()
}

/// The invite link is another one.
pub(super) fn renewed() -> Node {
    NodeBuilder::new("revoke").build()
}

/// People under a tag, such as `<add>`.
pub(super) fn members(
    group: &Group,
    state: &State,
    tag: &'static str,
    who: &[Arc<Account>],
    reason: Option<&'static str>,
) -> Node {
    let people = who.iter().map(|account| participant(group, account, state.role(account)));
    let mut node = NodeBuilder::new(tag).children(people).build();
    if let Some(reason) = reason {
        node.attrs.insert("reason", reason);
    }
    node
}

/// Somebody asks to be let in.
pub(super) fn asked(group: &Group, who: &Account) -> Node {
    let user = NodeBuilder::new("requested_user")
        .attr("jid", who.jid(group.family, 0))
        .attr(other_address(group.family), who.jid(group.family.other(), 0));
    NodeBuilder::new("created_membership_requests")
        .attr("request_method", "invite_link")
        .children([user.build()])
        .build()
}

/// The group is new.
pub(super) fn created(group: &Group, state: &State) -> Node {
    NodeBuilder::new("create").attr("type", "new").children([group_node(group, state, false)]).build()
}

/// The group is new to somebody who came in.
pub(super) fn welcome(group: &Group, state: &State) -> Node {
    NodeBuilder::new("create").children([group_node(group, state, false)]).build()
}

/// One person's part of an answer.
pub(crate) fn outcome_node(group: &Group, outcome: &Outcome) -> Node {
    let mut node = match &outcome.account {
        Some(account) => participant(group, account, None),
        None => NodeBuilder::new("participant").attr("jid", outcome.jid.clone()).build(),
    };
    if let Some(error) = outcome.error {
        node.attrs.insert("error", error.to_string());
    }
    if let Some((code, expiration)) = &outcome.invitation {
        let invitation =
            NodeBuilder::new("add_request").attr("code", code.as_str()).attr("expiration", expiration.to_string());
        node.content = Some(wacore_binary::NodeContent::Nodes(vec![invitation.build()]));
    }
    node
}
