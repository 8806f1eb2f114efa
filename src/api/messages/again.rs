//! Requests that come again.

use serde_json::Value;
use wasup_actors::Idempotency;
use wasup_store::records::Participant;

use super::body::canonical;
use crate::api::idempotency::IdempotencyKey;

/// By what a repeat of the request is known: its key, else the caller's own id of the message.
pub(super) struct Again<'a> {
    pub(super) key: IdempotencyKey,
    pub(super) asked: Value,
    pub(super) own: Option<&'a str>,
}

impl Again<'_> {
    pub(super) fn over(&self, chat: &Participant) -> Option<Idempotency> {
        // However the receiver is written, it is the same one.
        let mut asked = self.asked.clone();
        asked["to"] = Value::String(chat.jid.to_string());
        self.key.clone().or_own(self.own).over(&[&canonical(&asked)])
    }
}
