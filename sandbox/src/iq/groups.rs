//! `w:g2`: groups, as companions ask of them and change them.

use super::{Answer, Outcome, only_child};
use crate::account::Family;
use crate::connection::Session;
use crate::group::{
    self, Act, Done, Group, GroupSettings, Joined, MemberChange, NewGroup, Refused, Setting, group_node, outcome_node,
    tell_created,
};
use crate::stanza::{attr, child_bytes, content_bytes, jid_attr};
use crate::violation::{Broken, Rule};
use std::sync::Arc;
use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Jid, Node};

/// The address of questions that are about no group in particular.
const ALL_GROUPS: &str = "g.us";

/// Most people in one request.
const MOST_NAMED: usize = 1_024;

impl From<Refused> for Answer {
    fn from(refused: Refused) -> Self {
        Self::Error(refused.0, refused.1)
    }
}

/// Handles one request of the namespace.
pub(super) fn handle(session: &Session, iq: &Node, kind: &str) -> Outcome {
    let child = only_child(iq, "w:g2")?;
    if attr(iq, "to").as_deref() == Some(ALL_GROUPS) {
        return everywhere(session, child, kind);
    }
    let jid = jid_attr(iq, "to").ok_or_else(|| Broken::new(Rule::Attribute, "w:g2 to nobody"))?;
    let Some(group) = session.registry.groups.find(&jid) else {
        return Ok(Refused::NOT_FOUND.into());
    };
    if kind == "get" && child.tag == "query" {
        return query(session, &group, child);
    }
    let act = act(child, kind)?;
    Ok(match group::run(&session.registry, &session.account, &group, act) {
        Ok(done) => answer(&group, child, done),
        Err(refused) => refused.into(),
    })
}

fn everywhere(session: &Session, child: &Node, kind: &str) -> Outcome {
    match (kind, child.tag.as_ref()) {
        ("set", "create") => create(session, child),
        ("get", "participating") => Ok(participating(session)),
        ("set", "leave") => leave(session, child),
        ("get", "invite") => Ok(match group::preview(&session.registry, &code(child)?) {
            Ok(group) => Answer::with(group_node(&group, &group.state(), true)),
            Err(refused) => refused.into(),
        }),
        ("set", "invite") => Ok(match group::join(&session.registry, &session.account, &code(child)?) {
            Ok(Joined::In(group)) => Answer::with(NodeBuilder::new("group").attr("jid", group.jid()).build()),
            Ok(Joined::Asked(group)) => {
                Answer::with(NodeBuilder::new("membership_approval_request").attr("jid", group.jid()).build())
            }
            Err(refused) => refused.into(),
        }),
        (kind, tag) => Err(Broken::new(Rule::Unsupported, format!("w:g2 {kind} <{tag}>"))),
    }
}

fn code(child: &Node) -> Result<String, Broken> {
    let code = attr(child, "code").filter(|code| !code.is_empty());
    code.map(|code| code.into_owned()).ok_or_else(|| Broken::new(Rule::Attribute, "an invite without a code"))
}

/// The whole group, to its members; nothing when they know its members already.
fn query(session: &Session, group: &Group, child: &Node) -> Outcome {
    if attr(child, "request").as_deref() != Some("interactive") {
        return Err(Broken::new(Rule::Attribute, "a query of a group that is not interactive"));
    }
    let state = group.state();
    if state.role(&session.account).is_none() {
        return Ok(Refused::FORBIDDEN.into());
    }
    let members: Vec<Jid> = state.accounts().iter().map(|account| account.jid(group.family, 0)).collect();
    let hash = wacore::messages::MessageUtils::participant_list_hash(&members).ok();
    if hash.is_some() && attr(child, "phash").as_deref() == hash.as_deref() {
        return Ok(Answer::empty());
    }
    Ok(Answer::with(group_node(group, &state, false)))
}

fn participating(session: &Session) -> Answer {
    let groups = session.registry.groups.all();
    let mine = groups.iter().filter_map(|group| {
        let state = group.state();
        state.role(&session.account)?;
        Some(group_node(group, &state, false))
    });
    Answer::with(NodeBuilder::new("groups").children(mine).build())
}

fn leave(session: &Session, child: &Node) -> Outcome {
    let groups = child.children().unwrap_or_default();
    let [one] = groups else {
        return Err(Broken::new(Rule::Child, "a leave names one group"));
    };
    let jid = jid_attr(one, "id").filter(|_| one.tag == "group");
    let jid = jid.ok_or_else(|| Broken::new(Rule::Attribute, "a leave names a group by its jid"))?;
    let Some(group) = session.registry.groups.find(&jid) else {
        return Ok(Refused::NOT_FOUND.into());
    };
    Ok(match group::run(&session.registry, &session.account, &group, Act::Leave) {
        Ok(_left) => {
            let left = NodeBuilder::new("group").attr("id", jid).build();
            Answer::with(NodeBuilder::new("leave").children([left]).build())
        }
        Err(refused) => refused.into(),
    })
}

fn create(session: &Session, child: &Node) -> Outcome {
    let subject = attr(child, "subject").unwrap_or_default();
    if subject.is_empty() {
        return Err(Broken::new(Rule::Attribute, "a group without a subject"));
    }
    if subject.chars().count() > group::LONGEST_SUBJECT {
        return Ok(Refused::NOT_ACCEPTABLE.into());
    }
    let mut settings = GroupSettings::default();
    let mut people = Vec::new();
    let mut description = None;
    for part in child.children().unwrap_or_default() {
        match part.tag.as_ref() {
            "participant" => people.push(person(part)?),
            "description" => {
                let id = attr(part, "id").map(|id| id.into_owned()).unwrap_or_default();
                description = text_of(child_bytes(part, "body")).map(|text| (id, text));
            }
            "member_link_mode" => settings.members_link = mode(part, "all_member_link", "admin_link")?,
            _ => apply(&mut settings, setting(part)?),
        }
    }
    let new = NewGroup {
        creator: session.account.clone(),
        family: session.account.home_family(),
        subject: subject.into_owned(),
        description,
        settings,
    };
    let (group, failed) = group::create(&session.registry, new, &people);
    let mut node = group_node(&group, &group.state(), false);
    // Those who could not be added are listed too, with the reason.
    if let Some(wacore_binary::NodeContent::Nodes(children)) = &mut node.content {
        children.extend(failed.iter().map(|outcome| outcome_node(&group, outcome)));
    }
    tell_created(&session.registry, &session.account, &group);
    Ok(Answer::with(node))
}

fn apply(settings: &mut GroupSettings, setting: Setting) {
    match setting {
        Setting::Locked(on) => settings.locked = on,
        Setting::Announce(on) => settings.announce = on,
        Setting::Ephemeral(seconds) => settings.ephemeral = seconds,
        Setting::Approval(on) => settings.approval = on,
        Setting::MembersAdd(on) => settings.members_add = on,
    }
}

/// What a request to one group wants.
fn act(child: &Node, kind: &str) -> Result<Act, Broken> {
    let tag = child.tag.as_ref();
    if kind == "get" {
        return match tag {
            "invite" => Ok(Act::Invite(false)),
            "membership_approval_requests" => Ok(Act::Requests),
            _ => Err(Broken::new(Rule::Unsupported, format!("w:g2 get <{tag}>"))),
        };
    }
    if let Some(change) = MemberChange::parse(tag) {
        return Ok(Act::Change(change, people(child)?));
    }
    match tag {
        "invite" => Ok(Act::Invite(true)),
        "subject" => {
            let text = text_of(content_bytes(child));
            text.map(Act::Subject).ok_or_else(|| Broken::new(Rule::Child, "a subject without text"))
        }
        "description" => describe(child),
        "membership_requests_action" => decide(child),
        _ => setting(child).map(Act::Set),
    }
}

fn describe(child: &Node) -> Result<Act, Broken> {
    let id = attr(child, "id").filter(|id| !id.is_empty());
    let id = id.ok_or_else(|| Broken::new(Rule::Attribute, "a description without an id"))?;
    let text = text_of(child_bytes(child, "body"));
    let deleted = attr(child, "delete").as_deref() == Some("true");
    if text.is_some() == deleted {
        return Err(Broken::new(Rule::Child, "a description has a body or is deleted"));
    }
    let prev = attr(child, "prev").map(|prev| prev.into_owned());
    Ok(Act::Describe { id: id.into_owned(), prev, text })
}

fn decide(child: &Node) -> Result<Act, Broken> {
    match child.children().unwrap_or_default() {
        [one] if one.tag == "approve" => Ok(Act::Decide(true, people(one)?)),
        [one] if one.tag == "reject" => Ok(Act::Decide(false, people(one)?)),
        _ => Err(Broken::new(Rule::Child, "membership requests are approved or rejected")),
    }
}

fn people(node: &Node) -> Result<Vec<Jid>, Broken> {
    let named = node.children().unwrap_or_default();
    if named.is_empty() || named.len() > MOST_NAMED {
        return Err(Broken::new(Rule::Child, format!("a request about {} people", named.len())));
    }
    named.iter().map(person).collect()
}

fn person(node: &Node) -> Result<Jid, Broken> {
    let jid = jid_attr(node, "jid").filter(|jid| node.tag == "participant" && Family::of(jid).is_some());
    let jid = jid.ok_or_else(|| Broken::new(Rule::Attribute, "a participant without the jid of a person"))?;
    if jid.device != 0 {
        return Err(Broken::new(Rule::Attribute, "a participant is a person, not a device"));
    }
    if jid_attr(node, "phone_number").is_some() && Family::of(&jid) != Some(Family::Hidden) {
        return Err(Broken::new(Rule::Attribute, "a phone number beside a phone number"));
    }
    Ok(jid)
}

fn setting(node: &Node) -> Result<Setting, Broken> {
    Ok(match node.tag.as_ref() {
        "locked" => Setting::Locked(true),
        "unlocked" => Setting::Locked(false),
        "announcement" => Setting::Announce(true),
        "not_announcement" => Setting::Announce(false),
        "not_ephemeral" => Setting::Ephemeral(0),
        "ephemeral" => {
            let seconds = attr(node, "expiration").and_then(|seconds| seconds.parse().ok());
            let broken = || Broken::new(Rule::Attribute, "ephemeral without an expiration");
            Setting::Ephemeral(seconds.ok_or_else(broken)?)
        }
        "membership_approval_mode" => {
            let state = node.get_optional_child("group_join").and_then(|join| attr(join, "state"));
            match state.as_deref() {
                Some("on") => Setting::Approval(true),
                Some("off") => Setting::Approval(false),
                _ => return Err(Broken::new(Rule::Child, "an approval mode that is neither on nor off")),
            }
        }
        "member_add_mode" => Setting::MembersAdd(mode(node, "all_member_add", "admin_add")?),
        tag => return Err(Broken::new(Rule::Unsupported, format!("w:g2 set <{tag}>"))),
    })
}

fn mode(node: &Node, yes: &str, no: &str) -> Result<bool, Broken> {
    match content_bytes(node) {
        Some(mode) if mode == yes.as_bytes() => Ok(true),
        Some(mode) if mode == no.as_bytes() => Ok(false),
        _ => Err(Broken::new(Rule::Child, format!("a {} that does not exist", node.tag))),
    }
}

fn text_of(bytes: Option<&[u8]>) -> Option<String> {
    bytes.map(|bytes| String::from_utf8_lossy(bytes).into_owned())
}

fn answer(group: &Arc<Group>, asked: &Node, done: Done) -> Answer {
    match done {
        Done::Quiet => Answer::empty(),
        Done::Code(code) => Answer::with(NodeBuilder::new("invite").attr("code", code).build()),
        Done::Requests(requests) => {
            let requests = requests.into_iter().map(|(account, at)| {
                NodeBuilder::new("membership_approval_request")
                    .attr("jid", account.jid(group.family, 0))
                    .attr("request_time", at.to_string())
                    .build()
            });
            Answer::with(NodeBuilder::new("membership_approval_requests").children(requests).build())
        }
        Done::Members(outcomes) => {
            let people = outcomes.iter().map(|outcome| outcome_node(group, outcome));
            let node = |asked: &Node| NodeBuilder::new_dynamic(asked.tag.to_string());
            match asked.children().unwrap_or_default() {
                [decision] if asked.tag == "membership_requests_action" => {
                    Answer::with(node(asked).children([node(decision).children(people).build()]).build())
                }
                _ => Answer::with(node(asked).children(people).build()),
            }
        }
    }
}
