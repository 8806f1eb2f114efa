//! A logged-in device: its stanzas, one after the other.

use super::{Incoming, Link};
use crate::account::Account;
use crate::device::Device;
use crate::fault::FaultScope;
use crate::offline::Class;
use crate::registry::Registry;
use crate::stanza::{attr, jid_attr};
use crate::violation::{Broken, Rule};
use crate::{call, iq, message, presence, receipt, typing};
use std::sync::Arc;
use tokio::time::Instant;
use wacore_binary::Node;
use wacore_binary::builder::NodeBuilder;

/// What handlers know about the connection they serve.
pub(crate) struct Session {
    pub(crate) registry: Arc<Registry>,
    pub(crate) account: Arc<Account>,
    pub(crate) device: Arc<Device>,
    pub(crate) link: Arc<Link>,
    pub(crate) scope: FaultScope,
}

impl Session {
    /// Serves until the connection ends.
    pub(super) async fn run(&self, mut incoming: Incoming) {
        loop {
            let patience = self.registry.config.offline_patience;
            let due = self.device.mailbox().batch_due(patience);
            let unasked = async {
                match due {
                    Some(due) => tokio::time::sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                node = incoming.next() => match node {
                    Some(node) => self.stanza(&node),
                    None => break,
                },
                () = unasked => self.next_batch(None),
            }
        }
        self.device.mailbox().detach(self.link.id);
        presence::gone(self);
    }

    fn stanza(&self, node: &Node) {
        match node.tag.as_ref() {
            "iq" => iq::handle(self, node),
            "message" => message::handle(self, node),
            "receipt" => receipt::handle(self, node),
            "ack" => self.ack(node),
            "ib" => self.info(node),
            "call" => call::handle(self, node),
            "presence" => presence::presence(self, node),
            "chatstate" => typing::chatstate(self, node),
            tag => {
                let broken = Broken::new(Rule::Unknown, format!("stanza <{tag}>"));
                self.refuse_stream(&broken, node);
            }
        }
    }

    fn next_batch(&self, asked: Option<usize>) {
        self.device.mailbox().send_batch(asked, Instant::now());
        self.registry.changed.notify_waiters();
    }

    fn info(&self, node: &Node) {
        for child in node.children().unwrap_or_default() {
            match child.tag.as_ref() {
                "offline_batch" => {
                    let count = attr(child, "count").and_then(|count| count.parse().ok());
                    match count {
                        Some(count) => self.next_batch(Some(count)),
                        None => self.violated(&Broken::new(Rule::Attribute, "offline_batch without a count"), node),
                    }
                }
                "unified_session" => {}
                tag => self.violated(&Broken::new(Rule::Unknown, format!("ib {tag}")), node),
            }
        }
    }

    fn ack(&self, node: &Node) {
        let class = match attr(node, "class").as_deref() {
            Some("message") => Class::Message,
            Some("receipt") => Class::Receipt,
            Some("notification") => Class::Notification,
            Some("call") => Class::Call,
            _ => {
                self.violated(&Broken::new(Rule::Attribute, "an ack without a class"), node);
                return;
            }
        };
        let Some(id) = attr(node, "id") else {
            self.violated(&Broken::new(Rule::Attribute, "an ack without an id"), node);
            return;
        };
        let kind = attr(node, "type");
        self.acknowledged(class, &id, kind.as_deref());
        if class == Class::Notification && kind.as_deref() == Some("devices") {
            self.learned(node);
        }
        self.registry.changed.notify_waiters();
    }

    /// The device has taken in a change of somebody's device list.
    fn learned(&self, ack: &Node) {
        let Some(from) = jid_attr(ack, "to") else { return };
        let Some(account) = self.registry.account(&from) else { return };
        if !self.device.mailbox().is_pending("devices", &from) {
            let version = account.snapshot().version;
            self.device.tell(&account.number, version, Instant::now());
        }
    }

    /// Takes settled stanzas out of the mailbox.
    pub(crate) fn acknowledged(&self, class: Class, id: &str, kind: Option<&str>) {
        let settled = self.device.acknowledge(class, id, kind);
        for _ in 0..settled {
            self.registry.counters.acknowledged.add_one();
        }
    }

    /// Records what the device did wrong.
    pub(crate) fn violated(&self, broken: &Broken, node: &Node) {
        let who = (&*self.account, self.device.id);
        self.registry.violated(Some(who), broken, node);
    }

    /// Records what the device did wrong and ends the stream, because the stanza cannot even be
    /// answered.
    pub(crate) fn refuse_stream(&self, broken: &Broken, node: &Node) {
        self.violated(broken, node);
        let reason = NodeBuilder::new("xml-not-well-formed").build();
        let error = NodeBuilder::new("stream:error").children([reason]);
        self.link.say_goodbye([error.build()]);
    }
}
