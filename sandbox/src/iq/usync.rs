//! `usync`: who is on the network, under which ids, with which devices.

use super::{Answer, Outcome, only_child};
use crate::account::{Account, Family};
use crate::connection::Session;
use crate::stanza::{attr, child_bytes, jid_attr};
use crate::violation::{Broken, Rule};
use std::sync::Arc;
use tokio::time::Instant;
use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Jid, Node, Server};

/// Questions that may be asked; those without an own answer come back empty.
const QUESTIONS: [&str; 10] = [
    "devices",
    "lid",
    "contact",
    "business",
    "status",
    "picture",
    "disappearing_mode",
    "username",
    "sidelist",
    "text_status",
];

/// Answers the questions for every user asked about, in the form in which the user was asked.
pub(super) fn handle(session: &Session, iq: &Node) -> Outcome {
    let usync = only_child(iq, "usync")?;
    for key in ["sid", "mode", "context"] {
        if attr(usync, key).is_none() {
            return Err(Broken::new(Rule::Attribute, format!("usync without {key}")));
        }
    }
    let questions = usync.get_optional_child("query").and_then(Node::children);
    let questions = questions.unwrap_or_default();
    if questions.is_empty() {
        return Err(Broken::new(Rule::Child, "a usync without questions"));
    }
    for question in questions {
        if !QUESTIONS.contains(&question.tag.as_ref()) {
            let detail = format!("usync question <{}>", question.tag);
            return Err(Broken::new(Rule::Unknown, detail));
        }
    }
    let users = usync.get_optional_child("list").and_then(Node::children);
    let users =
        users.unwrap_or_default().iter().map(|user| answer(session, questions, user)).collect::<Result<Vec<_>, _>>()?;
    let results = questions.iter().map(|question| NodeBuilder::new_dynamic(question.tag.to_string()).build());
    let result = Node { tag: "usync".into(), attrs: usync.attrs.clone(), content: None };
    let content =
        [NodeBuilder::new("result").children(results).build(), NodeBuilder::new("list").children(users).build()];
    Ok(Answer::with(Node { content: Some(wacore_binary::NodeContent::Nodes(content.into())), ..result }))
}

/// Whom a `<user>` asks about: a jid, or a number as `<contact>+digits</contact>`.
struct Asked {
    jid: Jid,
    account: Option<Arc<Account>>,
    contact: Option<String>,
}

fn asked(session: &Session, user: &Node) -> Result<Asked, Broken> {
    let contact = child_bytes(user, "contact").map(|text| String::from_utf8_lossy(text).into_owned());
    let jid = match jid_attr(user, "jid") {
        Some(jid) => jid,
        None => {
            let digits = contact.as_deref().map(|text| text.trim_start_matches('+'));
            let digits = digits.filter(|text| !text.is_empty());
            let digits =
                digits.ok_or_else(|| Broken::new(Rule::Attribute, "a usync user is neither a jid nor a contact"))?;
            Jid::new(digits, Server::Pn)
        }
    };
    let account = session.registry.account(&jid);
    Ok(Asked { jid, account, contact })
}

fn answer(session: &Session, questions: &[Node], user: &Node) -> Result<Node, Broken> {
    let asked = asked(session, user)?;
    let children = questions.iter().filter_map(|question| one(session, &question.tag, &asked));
    let mut node = NodeBuilder::new("user").attr("jid", asked.jid.clone()).children(children).build();
    if let (Some(Family::Hidden), Some(account)) = (Family::of(&asked.jid), &asked.account) {
        node.attrs.insert("pn_jid", account.jid(Family::Number, 0));
    }
    Ok(node)
}

fn one(session: &Session, question: &str, asked: &Asked) -> Option<Node> {
    match (question, &asked.account) {
        ("devices", Some(account)) => Some(devices(session, account)),
        ("devices", None) => {
            let list = NodeBuilder::new("device-list").build();
            Some(NodeBuilder::new("devices").children([list]).build())
        }
        ("lid", Some(account)) => {
            let lid = account.jid(Family::Hidden, 0);
            Some(NodeBuilder::new("lid").attr("val", lid).build())
        }
        ("status", Some(account)) => {
            let (text, at) = account.person.about()?;
            Some(NodeBuilder::new("status").attr("t", at.to_string()).bytes(text.into_bytes()).build())
        }
        ("picture", Some(account)) => {
            let picture = account.person.picture()?;
            Some(NodeBuilder::new("picture").attr("id", picture.id).build())
        }
        ("contact", account) => {
            let known = if account.is_some() { "in" } else { "out" };
            let text = asked.contact.clone().unwrap_or_default();
            let contact = NodeBuilder::new("contact").attr("type", known);
            Some(contact.bytes(text.into_bytes()).build())
        }
        _ => None,
    }
}

/// The device list with the phone's signature. The asking device now knows it.
fn devices(session: &Session, account: &Account) -> Node {
    let list = account.snapshot();
    session.device.tell(&account.number, list.version, Instant::now());
    let companions = list.devices.iter().map(|(id, index)| {
        NodeBuilder::new("device").attr("id", id.to_string()).attr("key-index", index.to_string()).build()
    });
    let phone = NodeBuilder::new("device").attr("id", "0").build();
    let device_list = NodeBuilder::new("device-list")
        .attr("hash", format!("2:{}", list.version))
        .children(std::iter::once(phone).chain(companions));
    let signed = NodeBuilder::new("key-index-list").attr("ts", list.changed_at.to_string()).bytes(list.signed.to_vec());
    NodeBuilder::new("devices").children([device_list.build(), signed.build()]).build()
}
