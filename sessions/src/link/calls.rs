//! The calls of late: what is needed to refuse one, and to tell its end once. In memory; it ends with the link.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use wacore::types::call::{CallAction, IncomingCall, MissedCall};
use wacore_binary::{Jid as LibraryJid, JidExt as _};
use wasup_store::id::Millis;
use wasup_store::records::{CallEvent, CallState, Participant};

use super::inbound::address;

/// Calls that are remembered.
const REMEMBERED: usize = 64;

/// Longest name of a call that is taken; the network's have 32 characters.
const ID_MAX: usize = 128;

/// A call of late.
#[derive(Debug, Clone)]
struct Recent {
    told: CallEvent,
    /// The device that rang, and who made the call.
    from: LibraryJid,
    creator: LibraryJid,
}

/// See the module.
#[derive(Default)]
pub(crate) struct Calls(Mutex<VecDeque<Recent>>);

/// Something that happened to a call.
#[derive(Debug, Clone)]
pub(crate) struct CallNote {
    event: CallEvent,
    from: LibraryJid,
    creator: LibraryJid,
}

/// What an event of the library tells of a call that somebody makes to the account; `None` of anything else.
pub(crate) fn of(call: &IncomingCall) -> Option<CallNote> {
    let at_ms = u64::try_from(call.timestamp.timestamp_millis()).unwrap_or_default();
    let (group, video, other, state) = match &call.action {
        CallAction::Offer { group_jid, is_video, caller_pn, .. } => {
            (group_jid.as_ref(), *is_video, caller_pn.as_ref(), CallState::Ringing)
        }
        // A group's members are told of its call like this; the group is who tells it.
        CallAction::OfferNotice { is_video, is_group, .. } => {
            (Some(&call.from).filter(|_| *is_group && call.from.is_group()), *is_video, None, CallState::Ringing)
        }
        CallAction::Terminate { reason, .. } => (None, false, None, over(reason.as_deref())),
        _ => return None,
    };
    let group = group.and_then(|group| address::participant(group, None));
    let caller = call.action.call_creator();
    note(call.action.call_id(), (&call.from, caller), other, (group, video, state), at_ms)
}

/// A call that came while the account was away.
pub(crate) fn missed(call: &MissedCall) -> Option<CallNote> {
    let at_ms = u64::try_from(call.timestamp.timestamp_millis()).unwrap_or_default();
    note(&call.call_id, (&call.from, &call.from), None, (None, false, CallState::Missed), at_ms)
}

/// What the end of a call that rang means.
fn over(reason: Option<&str>) -> CallState {
    match reason {
        Some("accepted_elsewhere") => CallState::Answered,
        Some("rejected_elsewhere") => CallState::Rejected,
        _ => CallState::Missed,
    }
}

fn note(
    id: &str,
    (from, creator): (&LibraryJid, &LibraryJid),
    other: Option<&LibraryJid>,
    (group, video, state): (Option<Participant>, bool, CallState),
    at_ms: Millis,
) -> Option<CallNote> {
    if id.is_empty() || id.len() > ID_MAX {
        return None;
    }
    let event =
        CallEvent { call_id: id.to_owned(), from: address::participant(creator, other)?, group, video, state, at_ms };
    Some(CallNote { event, from: from.clone(), creator: creator.clone() })
}

impl Calls {
    fn with<T>(&self, f: impl FnOnce(&mut VecDeque<Recent>) -> T) -> T {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes in what happened to a call. Answers what is to be told: nothing where it rings already or is over.
    pub(crate) fn take(&self, note: CallNote) -> Option<CallEvent> {
        self.with(|calls| {
            let CallNote { event, from, creator } = note;
            if let Some(known) = calls.iter_mut().find(|known| known.told.call_id == event.call_id) {
                if known.told.state != CallState::Ringing || event.state == CallState::Ringing {
                    return None;
                }
                (known.told.state, known.told.at_ms) = (event.state, event.at_ms);
                return Some(known.told.clone());
            }
            if calls.len() == REMEMBERED {
                calls.pop_front();
            }
            calls.push_back(Recent { told: event.clone(), from, creator });
            Some(event)
        })
    }

    /// Whom to tell that a call is refused; `None` where it does not ring.
    pub(crate) fn ringing(&self, id: &str) -> Option<(LibraryJid, LibraryJid)> {
        self.with(|calls| {
            let known = calls.iter().find(|known| known.told.call_id == id);
            let ringing = known.filter(|known| known.told.state == CallState::Ringing);
            ringing.map(|known| (known.from.clone(), known.creator.clone()))
        })
    }

    /// A call was refused here. Answers what is to be told.
    pub(crate) fn refused(&self, id: &str, now_ms: Millis) -> Option<CallEvent> {
        self.with(|calls| {
            let known = calls.iter_mut().find(|known| known.told.call_id == id)?;
            (known.told.state, known.told.at_ms) = (CallState::Rejected, now_ms);
            Some(known.told.clone())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(id: &str, state: CallState) -> CallNote {
        let jid: LibraryJid = "628123:4@s.whatsapp.net".parse().unwrap();
        note(id, (&jid, &jid), None, (None, true, state), 7).unwrap()
    }

    #[test]
    fn a_call_rings_once_and_ends_once() {
        let calls = Calls::default();
        assert_eq!(calls.take(told("A", CallState::Ringing)).unwrap().from.phone.as_deref(), Some("628123"));
        assert_eq!(calls.take(told("A", CallState::Ringing)), None);
        assert!(calls.ringing("A").is_some() && calls.ringing("B").is_none());
        let ended = calls.take(told("A", CallState::Missed)).unwrap();
        assert_eq!((ended.state, ended.video), (CallState::Missed, true));
        assert_eq!(calls.take(told("A", CallState::Missed)), None);
        assert!(calls.ringing("A").is_none());
        for n in 0..REMEMBERED {
            assert!(calls.take(told(&n.to_string(), CallState::Ringing)).is_some());
        }
        assert!(calls.take(told("A", CallState::Missed)).is_some(), "it is forgotten by now");
        assert!(
            note("", (&LibraryJid::pn("1"), &LibraryJid::pn("1")), None, (None, false, CallState::Missed), 0).is_none()
        );
    }

    #[test]
    fn an_end_says_who_did_it() {
        for (reason, state) in [
            (None, CallState::Missed),
            (Some("timeout"), CallState::Missed),
            (Some("accepted_elsewhere"), CallState::Answered),
            (Some("rejected_elsewhere"), CallState::Rejected),
        ] {
            assert_eq!(over(reason), state);
        }
    }
}
