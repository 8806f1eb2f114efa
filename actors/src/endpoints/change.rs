//! What is to become of an endpoint's settings. Pure.

use std::fmt;

use wasup_store::id::{AccountId, Millis};
use wasup_store::records::{
    DeliveryOrder, DeliveryPolicy, EndpointRecord, EventKind, FilesAs, Off, PayloadFormat, ReplyMode, StatusRules,
};

/// A change of an endpoint: `None` leaves a setting as it is, its default value takes it back.
#[derive(Clone, Default)]
pub struct EndpointChange {
    /// The account whose events it gets; `Some(None)` for every account.
    pub account: Option<Option<AccountId>>,
    /// What its owner calls it.
    pub name: Option<Option<String>>,
    /// Where deliveries go. Checked by the edge.
    pub url: Option<String>,
    /// Kinds of events it gets; empty for all.
    pub events: Option<Vec<EventKind>>,
    /// Chats whose events it gets, each a number or an address in any form; empty for all.
    pub chats: Option<Vec<String>>,
    /// Words of what messages hold that it gets; empty for all. Checked by the edge.
    pub message_types: Option<Vec<String>>,
    /// Headers that go with every delivery. Checked by the edge.
    pub headers: Option<HeaderChange>,
    /// How its deliveries are tried. Checked by the edge.
    pub policy: PolicyChange,
    /// Whether deliveries wait for one another.
    pub order: Option<DeliveryOrder>,
    /// Whether the receiver's answer may be a message.
    pub reply: Option<ReplyMode>,
    /// How files stand in events.
    pub media: Option<FilesAs>,
    /// What the body looks like.
    pub format: Option<PayloadFormat>,
    /// It is the account's chatbot. Set by [`crate::Endpoints::set_chatbot`].
    pub chatbot: Option<bool>,
    /// Whether it is paused; `false` also lets one go on that was switched off.
    pub paused: Option<bool>,
}

/// A change of the headers that go with every delivery.
#[derive(Clone)]
pub enum HeaderChange {
    /// These are set, or where there is no value removed; the others stay. Names in lower case.
    Merge(Vec<(String, Option<String>)>),
    /// All are removed.
    Clear,
}

/// A change of how deliveries are tried. `Some(None)` goes back to the server's default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PolicyChange {
    /// Longest time of one attempt, in milliseconds.
    pub timeout_ms: Option<Option<u32>>,
    /// Waits before the attempts, in milliseconds.
    pub schedule_ms: Option<Option<Vec<Millis>>>,
    /// How far waits are spread either way, in percent.
    pub jitter_percent: Option<Option<u8>>,
    /// Attempts at the same time.
    pub concurrency: Option<Option<u16>>,
    /// Failures for this many milliseconds switch it off; 0 for never.
    pub disable_after_ms: Option<Option<Millis>>,
    /// What the receiver's statuses mean.
    pub statuses: Option<Option<StatusRules>>,
}

impl PolicyChange {
    /// Everything back to the server's defaults.
    #[must_use]
    pub const fn reset() -> Self {
        Self {
            timeout_ms: Some(None),
            schedule_ms: Some(None),
            jitter_percent: Some(None),
            concurrency: Some(None),
            disable_after_ms: Some(None),
            statuses: Some(None),
        }
    }

    fn apply(&self, policy: &mut DeliveryPolicy) {
        set(&mut policy.timeout_ms, self.timeout_ms.as_ref());
        set(&mut policy.schedule_ms, self.schedule_ms.as_ref());
        set(&mut policy.jitter_percent, self.jitter_percent.as_ref());
        set(&mut policy.concurrency, self.concurrency.as_ref());
        set(&mut policy.disable_after_ms, self.disable_after_ms.as_ref());
        set(&mut policy.statuses, self.statuses.as_ref());
    }
}

impl HeaderChange {
    fn apply(&self, headers: &mut Vec<(String, String)>) {
        match self {
            Self::Clear => headers.clear(),
            Self::Merge(changes) => {
                headers.retain(|(name, _)| changes.iter().all(|(changed, _)| changed != name));
                headers.extend(changes.iter().filter_map(|(name, value)| Some((name.clone(), value.clone()?))));
                headers.sort();
            }
        }
    }
}

impl EndpointChange {
    /// Changes everything but whose it is.
    pub(crate) fn apply(&self, record: &mut EndpointRecord) {
        set(&mut record.name, self.name.as_ref());
        set(&mut record.url, self.url.as_ref());
        set(&mut record.events, self.events.as_ref());
        set(&mut record.filter.chats, self.chats.as_ref());
        set(&mut record.filter.message_types, self.message_types.as_ref());
        if let Some(headers) = &self.headers {
            headers.apply(&mut record.headers);
        }
        self.policy.apply(&mut record.policy);
        set(&mut record.order, self.order.as_ref());
        set(&mut record.reply, self.reply.as_ref());
        set(&mut record.media, self.media.as_ref());
        set(&mut record.format, self.format.as_ref());
        set(&mut record.chatbot, self.chatbot.as_ref());
        set(&mut record.off, self.paused.map(|paused| paused.then_some(Off::Paused)).as_ref());
    }
}

fn set<T: Clone>(field: &mut T, to: Option<&T>) {
    if let Some(to) = to {
        field.clone_from(to);
    }
}

/// Says what is changed, not to what: addresses and headers hold secrets.
impl fmt::Debug for EndpointChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EndpointChange")
            .field("url", &self.url.is_some())
            .field("headers", &self.headers.is_some())
            .field("events", &self.events)
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "change_tests.rs"]
mod tests;
