//! Who is told of what happened in a group.

use super::node;
use super::state::Group;
use crate::account::Account;
use crate::message::relay::deliver;
use crate::offline::{Class, Parcel};
use crate::registry::Registry;
use crate::stanza::now;
use std::sync::Arc;
use wacore_binary::Node;
use wacore_binary::builder::NodeBuilder;

/// The kinds of notifications about groups, and about their pictures.
const KIND: &str = "w:gp2";
const PICTURE: &str = "picture";

/// One notification's content and whom it is for.
pub(super) struct News {
    kind: &'static str,
    child: Node,
    to: Vec<Arc<Account>>,
}

impl News {
    pub(super) fn new(child: Node, to: Vec<Arc<Account>>) -> Self {
        Self { kind: KIND, child, to }
    }

    /// ... about its picture.
    pub(super) fn of_picture(child: Node, to: Vec<Arc<Account>>) -> Self {
        Self { kind: PICTURE, child, to }
    }
}

/// Tells every device of everybody concerned, the phone and the device that did it included. Whoever is away gets it later.
pub(super) fn tell(registry: &Registry, by: &Account, group: &Group, news: News) {
    let id = registry.stanza_id();
    let mut notification = NodeBuilder::new("notification")
        .attr("from", group.jid())
        .attr("type", news.kind)
        .attr("id", id.as_str())
        .attr("participant", by.jid(group.family, 0))
        .attr("t", now().to_string())
        .attr("notify", by.push_name())
        .attr("addressing_mode", group.addressing_mode())
        .children([news.child])
        .build();
    let alternative = node::alternative(group.family);
    notification.attrs.insert(alternative, by.jid(group.family.other(), 0));
    let parcel = Parcel {
        class: Class::Notification,
        id,
        from: group.jid(),
        kind: Some(news.kind.to_owned()),
        node: Arc::new(notification),
        automatic: false,
    };
    for account in news.to {
        let devices = account.devices();
        for device in std::iter::once(0).chain(devices.iter().map(|device| device.id)) {
            deliver(registry, &account, device, parcel.clone());
        }
    }
    registry.changed.notify_waiters();
}

/// Tells everybody in a group that it is there.
pub(crate) fn tell_created(registry: &Registry, by: &Account, group: &Group) {
    let (child, to) = {
        let state = group.state();
        (node::created(group, &state), state.accounts())
    };
    tell(registry, by, group, News::new(child, to));
}
