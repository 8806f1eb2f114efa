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
    /// Whether they were told to be there, last.
    told: Option<PresenceState>,
    /// What they were told to do last, and in which group.
    told_typing: Option<(PresenceState, Option<Jid>)>,
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
            people.push(Watched {
                seen: Seen::unknown(who.clone(), now_ms),
                told: None,
                told_typing: None,
                window: (0, 0),
            });
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
                (one.told, one.told_typing) = (None, None);
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
        self.see(glimpse, now_ms);
        let place = glimpse.group.as_ref().map(|group| group.jid.clone());
        let doing = (state, place);
        let known =
            if state.is_typing() { self.told_typing.as_ref() == Some(&doing) } else { self.told == Some(state) };
        if known {
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
        if state.is_typing() {
            self.told_typing = Some(doing);
        } else {
            self.told = Some(state);
        }
        true
    }

    /// How they are seen now.
    fn see(&mut self, glimpse: &Glimpse, now_ms: Millis) {
        let (seen, state) = (&mut self.seen, glimpse.state);
        seen.at_ms = now_ms;
        if !state.is_typing() {
            seen.available = Some(state == PresenceState::Available);
            seen.last_seen_ms = glimpse.last_seen_ms.or(seen.last_seen_ms);
            if state == PresenceState::Unavailable {
                (seen.typing, seen.group) = (None, None);
            }
        } else if state != PresenceState::Paused {
            (seen.typing, seen.group) = (Some(state), glimpse.group.clone());
        } else if seen.group.as_ref().map(|group| &group.jid) == glimpse.group.as_ref().map(|group| &group.jid) {
            // Who stopped in one chat may type in another by now.
            (seen.typing, seen.group) = (None, None);
        }
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
    fn typing_is_told_for_each_chat_and_ends_where_it_was() {
        use PresenceState::{Composing, Paused, Recording, Unavailable};
        let group = |n: u8| -> Participant {
            let jid: Jid = format!("12036300000000000{n}@g.us").parse().unwrap();
            Participant { jid, phone: None, lid: None }
        };
        let (a, b) = (Some(group(1)), Some(group(2)));
        // What is seen, whether it is told, and what is known of them then.
        let table = [
            (Composing, &None, true, Some(Composing), &None),
            (Composing, &a, true, Some(Composing), &a),
            (Composing, &a, false, Some(Composing), &a),
            (Recording, &b, true, Some(Recording), &b),
            (Paused, &a, true, Some(Recording), &b),
            (Paused, &None, true, Some(Recording), &b),
            (Paused, &b, true, None, &None),
            (Recording, &a, true, Some(Recording), &a),
            (Unavailable, &None, true, None, &None),
        ];
        let watching = Watching::default();
        assert_eq!(watching.begin(&person(1), 0), Begin::New(None));
        for (n, (state, group, told, typing, place)) in table.into_iter().enumerate() {
            let glimpse = Glimpse { group: group.clone(), ..glimpse(person(1), state) };
            let event = watching.take(&glimpse, 1);
            assert_eq!(event.is_some(), told, "{n}");
            assert!(event.is_none_or(|event| event.group == *group), "{n}");
            let seen = watching.seen(&person(1)).unwrap();
            assert_eq!((seen.typing, &seen.group), (typing, place), "{n}");
        }
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
