//! Who is typing, in chats and in groups. Nobody keeps it: only live devices hear of it.

use crate::account::{Account, Family};
use crate::connection::Session;
use crate::group::Group;
use crate::registry::Registry;
use crate::stanza::{attr, jid_attr};
use crate::violation::{Broken, Rule};
use std::sync::Arc;
use wacore_binary::Node;
use wacore_binary::builder::NodeBuilder;

/// What somebody was seen doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypingSeen {
    /// The number of who does it.
    pub who: String,
    /// The jid of the group in which they do; `None` in the chat with whoever saw it.
    pub group: Option<String>,
    /// `composing`, `recording` or `paused`.
    pub what: &'static str,
}

/// Where somebody types.
pub(crate) enum Place {
    /// In the chat with an account, which they address in this family.
    Chat(Arc<Account>, Family),
    /// In a group.
    Group(Arc<Group>),
}

impl Place {
    /// Whom a device or a phone names as the place; `None` where there is no such place.
    fn of(registry: &Registry, to: &wacore_binary::Jid) -> Option<Self> {
        match Family::of(to) {
            Some(family) => registry.account(to).map(|account| Self::Chat(account, family)),
            None => registry.groups.find(to).map(Self::Group),
        }
    }
}

/// Handles `<chatstate>`.
pub(crate) fn chatstate(session: &Session, node: &Node) {
    let to = jid_attr(node, "to");
    let Some(to) = to.filter(|to| Family::of(to).is_some() || to.server == wacore_binary::Server::Group) else {
        session.violated(&Broken::new(Rule::Attribute, "a chatstate without a recipient"), node);
        return;
    };
    let Some((what, child)) = typed(node) else {
        session.violated(&Broken::new(Rule::Child, "a chatstate says composing or paused"), node);
        return;
    };
    if let Some(place) = Place::of(&session.registry, &to) {
        show(&session.account, session.device.id, &place, what, child);
    }
}

/// Somebody types on a device, 0 being the phone: who else is in that place sees it. Nobody sees what is done in a group that
/// one is not in, or in which one may not write.
pub(crate) fn show(from: &Account, device: u16, place: &Place, what: &'static str, child: &Node) {
    let node = NodeBuilder::new("chatstate");
    match place {
        Place::Chat(target, family) => {
            let node = node.attr("from", from.jid(*family, device)).children([child.clone()]).build();
            tell(from, None, target, what, &node);
        }
        Place::Group(group) => {
            let members = {
                let state = group.state();
                let role = state.role(from);
                let speaks = role.is_some_and(|role| role.is_admin() || !state.settings.announce);
                if speaks { state.accounts() } else { Vec::new() }
            };
            let node = node.attr("from", group.jid()).attr("participant", from.jid(group.family, 0));
            let node = node.children([child.clone()]).build();
            let jid = group.jid().to_string();
            for member in members.iter().filter(|member| member.number != from.number) {
                tell(from, Some(&jid), member, what, &node);
            }
        }
    }
}

/// The target's phone and its live devices see it.
fn tell(from: &Account, group: Option<&str>, target: &Account, what: &'static str, node: &Node) {
    if target.person.blocks(&from.number) {
        return;
    }
    let seen = TypingSeen { who: from.number.clone(), group: group.map(str::to_owned), what };
    target.phone.inbox().note_typing(seen);
    target.phone.changed.notify_waiters();
    for device in target.devices() {
        let mailbox = device.mailbox();
        if let Some(link) = mailbox.link().filter(|_| mailbox.is_live()) {
            link.send(node.clone());
        }
    }
}

/// What a chatstate says: recording is composing with sound.
fn typed(node: &Node) -> Option<(&'static str, &Node)> {
    let [child] = node.children()? else { return None };
    let what = match (child.tag.as_ref(), attr(child, "media").as_deref()) {
        ("composing", None) => "composing",
        ("composing", Some("audio")) => "recording",
        ("paused", None) => "paused",
        _ => return None,
    };
    Some((what, child))
}
