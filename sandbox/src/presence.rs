//! Presence and typing: accepted, and typing is passed on to whoever is connected.

use crate::account::Family;
use crate::connection::Session;
use crate::stanza::{attr, jid_attr};
use crate::violation::{Broken, Rule};
use wacore_binary::Node;

/// Kinds of presence a client may send.
const KINDS: [&str; 4] = ["available", "unavailable", "subscribe", "unsubscribe"];

/// Handles `<presence>`. Its name becomes the account's push name.
pub(crate) fn presence(session: &Session, node: &Node) {
    if let Some(kind) = attr(node, "type")
        && !KINDS.contains(&kind.as_ref())
    {
        let broken = Broken::new(Rule::Attribute, format!("presence type {kind:?}"));
        session.violated(&broken, node);
        return;
    }
    if let Some(name) = attr(node, "name") {
        session.account.set_push_name(&name);
    }
}

/// Handles `<chatstate>`: nobody keeps it, so only live devices get it.
pub(crate) fn chatstate(session: &Session, node: &Node) {
    let to = jid_attr(node, "to");
    let Some((to, family)) = to.and_then(|to| Family::of(&to).map(|family| (to, family))) else {
        session.violated(&Broken::new(Rule::Attribute, "a chatstate without a recipient"), node);
        return;
    };
    let Some(target) = session.registry.account(&to) else {
        return;
    };
    match typed(node) {
        Some(kind) => {
            target.phone.inbox().note_typing(kind);
            target.phone.changed.notify_waiters();
        }
        None => {
            session.violated(&Broken::new(Rule::Child, "a chatstate says composing or paused"), node);
            return;
        }
    }
    let mut copy = node.clone();
    let sender = session.account.jid(family, session.device.id);
    copy.attrs = [("from".into(), sender.into())].into_iter().collect();
    for device in target.devices() {
        let mailbox = device.mailbox();
        if mailbox.is_live()
            && let Some(link) = mailbox.link()
        {
            link.send(copy.clone());
        }
    }
}

/// What a chatstate says: recording is composing with sound.
fn typed(node: &Node) -> Option<&'static str> {
    let [child] = node.children()? else { return None };
    match (child.tag.as_ref(), attr(child, "media").as_deref()) {
        ("composing", None) => Some("composing"),
        ("composing", Some("audio")) => Some("recording"),
        ("paused", None) => Some("paused"),
        _ => None,
    }
}
