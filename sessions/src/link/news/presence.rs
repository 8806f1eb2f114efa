//! How people are seen, in our words. Pure.

use wacore::types::events::{ChatPresenceUpdate, PresenceUpdate};
use wacore::types::presence::{ChatPresence, ChatPresenceMedia};
use wacore_binary::{Jid, JidExt as _};
use wasup_store::id::Millis;
use wasup_store::records::PresenceState;

/// Somebody was seen, by one of their addresses.
pub(crate) struct PresenceNote {
    pub(super) who: Jid,
    /// The group in which they type.
    pub(super) group: Option<Jid>,
    pub(super) state: PresenceState,
    pub(super) last_seen_ms: Option<Millis>,
}

/// They are there, or not.
pub(super) fn of(told: &PresenceUpdate) -> PresenceNote {
    let last_seen_ms = told.last_seen.and_then(|at| u64::try_from(at.timestamp_millis()).ok());
    let state = if told.unavailable { PresenceState::Unavailable } else { PresenceState::Available };
    PresenceNote { who: told.from.clone(), group: None, state, last_seen_ms }
}

/// They type, or not.
pub(super) fn of_typing(told: &ChatPresenceUpdate) -> PresenceNote {
    let state = match (told.state, told.media) {
        (ChatPresence::Composing, ChatPresenceMedia::Audio) => PresenceState::Recording,
        (ChatPresence::Composing, _) => PresenceState::Composing,
        _ => PresenceState::Paused,
    };
    let source = &told.source;
    let group = source.chat.is_group().then(|| source.chat.clone());
    PresenceNote { who: source.sender.clone(), group, state, last_seen_ms: None }
}
