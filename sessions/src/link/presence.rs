//! Who is watched, and how they were seen last. It is all in memory and ends with the link: what nobody asked to see
//! makes no event and no row.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use wasup_store::id::Millis;
use wasup_store::jid::Jid;
use wasup_store::records::{Participant, PresenceEvent, PresenceState};

use crate::ports::Seen;

/// Most people that a link watches; whoever was asked for longest ago is let go.
const WATCHED_MAX: usize = 256;

/// Most events of one person in a minute: what is seen beyond is known and not told.
const TOLD_A_MINUTE: u32 = 30;

const MINUTE_MS: Millis = 60_000;

/// Somebody who is watched.
struct Watched {
    seen: Seen,
    /// The last state of each kind that was told.
    told: (Option<PresenceState>, Option<PresenceState>),
    /// The minute that counts, and how many events it had.
    window: (Millis, u32),
}

/// Those whom a link watches, the one asked for last behind.
#[derive(Default)]
pub(crate) struct Watching {
    people: Mutex<Vec<Watched>>,
    /// What the account wants to be seen as, where somebody said so.
    own: Mutex<Option<bool>>,
    changed: Notify,
}

/// What to do about a wish to watch somebody.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Begin {
    /// They are watched already.
    Known,
    /// The network has to be told, and asked to let this one go, who was asked for longest ago.
    New(Option<Participant>),
}

/// Something that was seen of somebody.
#[derive(Debug, Clone)]
pub(crate) struct Glimpse {
    pub(crate) who: Participant,
    pub(crate) group: Option<Participant>,
    pub(crate) state: PresenceState,
    pub(crate) last_seen_ms: Option<Millis>,
}

fn addresses(who: &Participant) -> impl Iterator<Item = Jid> + '_ {
    std::iter::once(who.jid.clone()).chain(who.lid.clone()).chain(who.phone.as_deref().map(Jid::phone))
}

fn same(a: &Participant, b: &Participant) -> bool {
    addresses(a).any(|one| addresses(b).any(|other| one == other))
}

impl Watching {
    fn people<T>(&self, f: impl FnOnce(&mut Vec<Watched>) -> T) -> T {
        f(&mut self.people.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Begins to watch somebody, or goes on.
    pub(crate) fn begin(&self, who: &Participant, now_ms: Millis) -> Begin {
        self.people(|people| {
            if let Some(place) = people.iter().position(|one| same(&one.seen.who, who)) {
                let mut known = people.remove(place);
                known.seen.who.phone = known.seen.who.phone.or_else(|| who.phone.clone());
                known.seen.who.lid = known.seen.who.lid.or_else(|| who.lid.clone());
                people.push(known);
                return Begin::Known;
            }
            let oldest = (people.len() >= WATCHED_MAX).then(|| people.remove(0).seen.who);
            people.push(Watched { seen: Seen::unknown(who.clone(), now_ms), told: (None, None), window: (0, 0) });
            Begin::New(oldest)
        })
    }

    /// Ends watching somebody; `false` where nobody did.
    pub(crate) fn end(&self, who: &Participant) -> bool {
        self.people(|people| {
            let before = people.len();
            people.retain(|one| !same(&one.seen.who, who));
            people.len() < before
        })
    }

    /// How somebody was seen last.
    pub(crate) fn seen(&self, who: &Participant) -> Option<Seen> {
        self.people(|people| people.iter().find(|one| same(&one.seen.who, who)).map(|one| one.seen.clone()))
    }

    /// Waits until it is known whether somebody is there, at most so long. Answers how they were seen last.
    pub(crate) async fn wait(&self, who: &Participant, within: Duration) -> Option<Seen> {
        let known = async {
            loop {
                let changed = self.changed.notified();
                match self.seen(who) {
                    Some(seen) if seen.available.is_none() => changed.await,
                    _ => return,
                }
            }
        };
        let _ = tokio::time::timeout(within, known).await;
        self.seen(who)
    }

    /// A connection was lost: what was seen over it does not hold.
    pub(crate) fn forget(&self, now_ms: Millis) {
        self.people(|people| {
            for one in people {
                one.seen = Seen::unknown(one.seen.who.clone(), now_ms);
                one.told = (None, None);
            }
        });
    }

    /// What the account wants to be seen as.
    pub(crate) fn own(&self) -> Option<bool> {
        *self.own.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set_own(&self, available: bool) {
        *self.own.lock().unwrap_or_else(PoisonError::into_inner) = Some(available);
    }

    /// Takes in what was seen. Answers what is to be told of it: nothing of people that nobody watches, of what is so
    /// already, and of more than so much in a minute.
    pub(crate) fn take(&self, glimpse: &Glimpse, now_ms: Millis) -> Option<PresenceEvent> {
        let told = self.people(|people| {
            let watched = people.iter_mut().find(|one| same(&one.seen.who, &glimpse.who))?;
            watched.take(glimpse, now_ms).then(|| PresenceEvent {
                who: watched.seen.who.clone(),
                group: glimpse.group.clone(),
                state: glimpse.state,
                last_seen_ms: glimpse.last_seen_ms,
            })
        });
        self.changed.notify_waiters();
        told
    }
}

impl Watched {
    /// Whether it is to be told.
    fn take(&mut self, glimpse: &Glimpse, now_ms: Millis) -> bool {
        let state = glimpse.state;
        self.seen.at_ms = now_ms;
        if state.is_typing() {
            self.seen.typing = Some(state).filter(|state| *state != PresenceState::Paused);
        } else {
            self.seen.available = Some(state == PresenceState::Available);
            self.seen.last_seen_ms = glimpse.last_seen_ms.or(self.seen.last_seen_ms);
            if state == PresenceState::Unavailable {
                self.seen.typing = None;
            }
        }
        let last = if state.is_typing() { &mut self.told.1 } else { &mut self.told.0 };
        if *last == Some(state) {
            return false;
        }
        let minute = now_ms / MINUTE_MS;
        if self.window.0 != minute {
            self.window = (minute, 0);
        }
        if self.window.1 >= TOLD_A_MINUTE {
            return false;
        }
        self.window.1 += 1;
        *last = Some(state);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(n: usize) -> Participant {
        Participant { jid: Jid::phone(&format!("62{n}")), phone: Some(format!("62{n}")), lid: None }
    }

    fn glimpse(who: Participant, state: PresenceState) -> Glimpse {
        Glimpse { who, group: None, state, last_seen_ms: None }
    }

    #[test]
    fn only_the_watched_are_told_of_once_and_not_too_often() {
        use PresenceState::{Available, Composing, Paused, Unavailable};
        let watching = Watching::default();
        assert_eq!(watching.take(&glimpse(person(1), Available), 0), None, "nobody asked");
        assert_eq!(watching.begin(&person(1), 0), Begin::New(None));
        assert_eq!(watching.begin(&person(1), 0), Begin::Known);
        for (state, told) in
            [(Available, true), (Available, false), (Composing, true), (Composing, false), (Paused, true)]
        {
            assert_eq!(watching.take(&glimpse(person(1), state), 1).is_some(), told, "{state:?}");
        }
        let seen = watching.seen(&person(1)).unwrap();
        assert_eq!((seen.available, seen.typing), (Some(true), None));
        let flapping = (0..200).filter(|n| {
            let state = if n % 2 == 0 { Unavailable } else { Available };
            watching.take(&glimpse(person(1), state), 2).is_some()
        });
        assert_eq!(flapping.count() as u32, TOLD_A_MINUTE - 3);
        assert!(watching.take(&glimpse(person(1), Available), MINUTE_MS).is_some(), "the next minute counts anew");
        assert!(watching.end(&person(1)) && !watching.end(&person(1)));
    }

    #[test]
    fn a_human_is_one_by_either_address() {
        let watching = Watching::default();
        let lid: Jid = "900@lid".parse().unwrap();
        let both = Participant { jid: lid.clone(), phone: Some("621".into()), lid: Some(lid.clone()) };
        assert_eq!(watching.begin(&person(1), 0), Begin::New(None));
        assert_eq!(watching.begin(&both, 0), Begin::Known);
        let hidden = Participant { jid: lid.clone(), phone: None, lid: Some(lid) };
        let told = watching.take(&glimpse(hidden, PresenceState::Available), 0).unwrap();
        assert_eq!(told.who.phone.as_deref(), Some("621"));
        watching.forget(5);
        assert_eq!(watching.seen(&person(1)).unwrap().available, None);
    }

    #[test]
    fn whoever_was_asked_for_longest_ago_is_let_go() {
        let watching = Watching::default();
        for n in 0..WATCHED_MAX {
            assert_eq!(watching.begin(&person(n), 0), Begin::New(None));
        }
        assert_eq!(watching.begin(&person(0), 0), Begin::Known);
        assert_eq!(watching.begin(&person(WATCHED_MAX), 0), Begin::New(Some(person(1))));
        assert!(watching.seen(&person(1)).is_none() && watching.seen(&person(0)).is_some());
    }
}
