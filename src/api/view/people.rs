//! What is heard of people beside what they write.

use serde::Serialize;
use wasup_store::records::{CallEvent, PresenceEvent};

use super::{PersonView, Time};

/// What `call.received` tells.
#[derive(Debug, Serialize)]
pub(super) struct CallData<'a> {
    call: &'a str,
    from: PersonView,
    group: Option<PersonView>,
    video: bool,
    state: &'static str,
    timestamp: Time,
}

impl<'a> CallData<'a> {
    pub(super) fn new(event: &'a CallEvent) -> Self {
        Self {
            call: &event.call_id,
            from: PersonView::from(&event.from),
            group: event.group.as_ref().map(PersonView::from),
            video: event.video,
            state: event.state.as_str(),
            timestamp: Time::from_ms(event.at_ms),
        }
    }
}

/// What `presence` tells.
#[derive(Debug, Serialize)]
pub(super) struct PresenceData {
    contact: PersonView,
    group: Option<PersonView>,
    state: &'static str,
    last_seen: Option<Time>,
}

impl From<&PresenceEvent> for PresenceData {
    fn from(event: &PresenceEvent) -> Self {
        Self {
            contact: PersonView::from(&event.who),
            group: event.group.as_ref().map(PersonView::from),
            state: event.state.as_str(),
            last_seen: event.last_seen_ms.map(Time::from_ms),
        }
    }
}
