//! A device's mailbox: every stanza for it is kept until the device acknowledges it.
//!
//! While the device is away, stanzas wait. After its login says `active`, the server announces what
//! waits, sends it in batches that the client asks for, and then goes live. What was sent but not
//! acknowledged when a connection ends is sent again on the next one.

use crate::connection::Link;
use crate::stanza::info;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Jid, Node};

/// Batch size when the client does not say one.
const UNASKED_BATCH: usize = 100;

/// What a stanza is, and so how it is acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Class {
    Message,
    Receipt,
    Notification,
    Call,
}

/// A stanza for a device.
#[derive(Clone)]
pub(crate) struct Parcel {
    pub(crate) class: Class,
    pub(crate) id: String,
    /// Whom the acknowledgement names.
    pub(crate) from: Jid,
    /// The stanza's `type`, which tells receipts with one id apart.
    pub(crate) kind: Option<String>,
    pub(crate) node: Arc<Node>,
    /// Written by a phone's rule: other phones' rules stay quiet, so two of them never talk
    /// for ever.
    pub(crate) automatic: bool,
}

struct Kept {
    parcel: Parcel,
    sent: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    /// No connection, or one that has not said `active` yet.
    Away,
    /// The offline queue is being handed over.
    Draining { total: usize, batch: usize, since: Instant },
    /// Stanzas go straight through.
    Live,
}

/// See the module.
pub(crate) struct Mailbox {
    kept: BTreeMap<u64, Kept>,
    by_id: HashMap<String, Vec<u64>>,
    next: u64,
    /// Everything before this number has been sent on the current connection.
    cursor: u64,
    link: Option<Arc<Link>>,
    phase: Phase,
}

impl Mailbox {
    pub(crate) fn new() -> Self {
        Self { kept: BTreeMap::new(), by_id: HashMap::new(), next: 0, cursor: 0, link: None, phase: Phase::Away }
    }

    /// A new connection takes over; the old one is handed back to be told so.
    pub(crate) fn attach(&mut self, link: Arc<Link>) -> Option<Arc<Link>> {
        self.phase = Phase::Away;
        self.cursor = 0;
        for kept in self.kept.values_mut() {
            kept.sent = false;
        }
        self.link.replace(link)
    }

    /// The connection ended. Ignored when a newer one has taken over.
    pub(crate) fn detach(&mut self, link: u64) {
        if self.link.as_ref().is_some_and(|held| held.id == link) {
            self.link = None;
            self.phase = Phase::Away;
        }
    }

    pub(crate) fn link(&self) -> Option<&Arc<Link>> {
        self.link.as_ref()
    }

    /// Whether the device is connected and has taken over all that waited.
    pub(crate) fn is_live(&self) -> bool {
        self.phase == Phase::Live
    }

    /// How many stanzas are not acknowledged yet.
    pub(crate) fn waiting(&self) -> usize {
        self.kept.len()
    }

    /// The device said `active`: announce what waits, or that nothing does.
    pub(crate) fn begin(&mut self, now: Instant) {
        let Some(link) = self.link.clone() else {
            return;
        };
        if self.phase != Phase::Away {
            return;
        }
        if self.kept.is_empty() {
            self.go_live(&link, 0);
            return;
        }
        link.send(self.preview());
        self.phase = Phase::Draining { total: self.kept.len(), batch: UNASKED_BATCH, since: now };
    }

    fn preview(&self) -> Node {
        let count = |class| {
            let of_class = |kept: &&Kept| kept.parcel.class == class;
            self.kept.values().filter(of_class).count().to_string()
        };
        let preview = NodeBuilder::new("offline_preview")
            .attr("count", self.kept.len().to_string())
            .attr("message", count(Class::Message))
            .attr("receipt", count(Class::Receipt))
            .attr("notification", count(Class::Notification))
            .attr("appdata", "0")
            .attr("call", count(Class::Call));
        info(preview.build())
    }

    fn go_live(&mut self, link: &Link, total: usize) {
        let end = NodeBuilder::new("offline").attr("count", total.to_string());
        link.send(info(end.build()));
        link.is_made();
        self.phase = Phase::Live;
    }

    /// The client asked for a batch, or, with `None`, did not ask in time.
    pub(crate) fn send_batch(&mut self, asked: Option<usize>, now: Instant) {
        let (Phase::Draining { total, batch, .. }, Some(link)) = (self.phase, self.link.clone()) else {
            return;
        };
        let size = asked.unwrap_or(batch).max(1);
        let pending = self.kept.range_mut(self.cursor..);
        for (number, kept) in pending.take(size) {
            link.send(marked_offline(&kept.parcel.node));
            kept.sent = true;
            self.cursor = number + 1;
        }
        if self.kept.range(self.cursor..).next().is_none() {
            self.go_live(&link, total);
        } else {
            self.phase = Phase::Draining { total, batch: size, since: now };
        }
    }

    /// When the next batch is due unasked.
    pub(crate) fn batch_due(&self, patience: Duration) -> Option<Instant> {
        match self.phase {
            Phase::Draining { since, .. } => Some(since + patience),
            Phase::Away | Phase::Live => None,
        }
    }

    /// Takes a stanza in; sends it at once when the device is live, twice when a fault says so.
    pub(crate) fn push(&mut self, parcel: Parcel, twice: bool) {
        let number = self.next;
        self.next += 1;
        let mut sent = false;
        if let (Phase::Live, Some(link)) = (self.phase, &self.link) {
            link.send(parcel.node.clone());
            if twice {
                link.send(parcel.node.clone());
            }
            sent = true;
            self.cursor = self.next;
        }
        self.by_id.entry(parcel.id.clone()).or_default().push(number);
        self.kept.insert(number, Kept { parcel, sent });
    }

    /// The device acknowledged stanzas of this class and id. Returns how many were taken out.
    pub(crate) fn acknowledge(&mut self, class: Class, id: &str, kind: Option<&str>) -> usize {
        let Some(numbers) = self.by_id.get_mut(id) else {
            return 0;
        };
        let mut taken = 0;
        numbers.retain(|number| {
            let matches = self.kept.get(number).is_some_and(|kept| {
                let kind_matches = class == Class::Message || kept.parcel.kind.as_deref() == kind;
                kept.sent && kept.parcel.class == class && kind_matches
            });
            if matches {
                self.kept.remove(number);
                taken += 1;
            }
            !matches
        });
        if numbers.is_empty() {
            self.by_id.remove(id);
        }
        taken
    }

    /// Whether a notification of this kind about `from` is still on its way to the device.
    pub(crate) fn is_pending(&self, kind: &str, from: &Jid) -> bool {
        self.kept.values().any(|kept| {
            let parcel = &kept.parcel;
            parcel.kind.as_deref() == Some(kind) && parcel.from == *from
        })
    }
}

fn marked_offline(node: &Node) -> Node {
    let mut copy = node.clone();
    copy.attrs.insert("offline", "0");
    copy
}
