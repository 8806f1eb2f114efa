//! What the network forbids an account to send, as a pure function of what happens. Time comes in.
//!
//! The network refuses messages to people who never wrote to the account, once it wrote to too many of them (463, 475). Such
//! messages are then held for a term. After it the network is asked, a few of them try, and the rest follows or waits for twice as
//! long. Answers to people who wrote go out all the while.

use std::time::Duration;

use tokio::time::Instant;
use wasup_store::id::Millis;
use wasup_store::records::Restriction;

/// The code by which it goes where the network itself told of it.
const TOLD_CODE: u16 = 463;
/// The longest term that is made up here; the network's own may be longer.
const LONGEST: Duration = Duration::from_secs(86_400);
/// Messages that try at once whether a term is over.
pub(super) const PROBES: usize = 3;
/// How long the network may take to answer before they try.
const PATIENCE: Duration = Duration::from_secs(3);

/// What a restriction hears of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fact {
    /// A message was refused with this code.
    Refused(u16),
    /// A message to somebody who never wrote was accepted.
    ColdSent,
    /// The network said what it thinks.
    Told { active: bool, until_ms: Option<Millis> },
    /// Nothing is held.
    NothingHeld,
}

/// What holds after a fact.
pub(super) fn after(current: Option<Restriction>, fact: Fact, term: Duration, now_ms: Millis) -> Option<Restriction> {
    let Some(r) = current else {
        let (code, until_ms, told) = match fact {
            Fact::Refused(code) => (code, None, false),
            Fact::Told { active: true, until_ms } => (TOLD_CODE, until_ms, true),
            Fact::ColdSent | Fact::NothingHeld | Fact::Told { active: false, .. } => return None,
        };
        let until_ms = until_ms.filter(|at| *at > now_ms).unwrap_or_else(|| later(now_ms, term, 0));
        return Some(Restriction { code, since_ms: now_ms, until_ms, told, refusals: 1 });
    };
    let over = r.until_ms <= now_ms;
    match fact {
        // What was on the wire when it began, and what goes to people who wrote, says nothing new within the term.
        Fact::Refused(_) | Fact::ColdSent | Fact::NothingHeld if !over => Some(r),
        Fact::ColdSent | Fact::NothingHeld => None,
        Fact::Refused(code) => {
            let until_ms = later(now_ms, term, r.refusals);
            Some(Restriction { code, until_ms, told: false, refusals: r.refusals.saturating_add(1), ..r })
        }
        Fact::Told { active: true, until_ms: Some(at) } if at > now_ms => {
            Some(Restriction { until_ms: at, told: true, ..r })
        }
        Fact::Told { active: true, .. } => {
            let until_ms = if over { later(now_ms, term, 0) } else { r.until_ms };
            Some(Restriction { until_ms, told: true, ..r })
        }
        // A network that refuses and says in the same breath that it restricts nothing is not believed before the term is over.
        Fact::Told { active: false, .. } if !r.told && !over => Some(r),
        Fact::Told { active: false, .. } => Some(Restriction { until_ms: r.until_ms.min(now_ms), told: false, ..r }),
    }
}

/// The end of a term that begins now, after so many others in a row.
fn later(now_ms: Millis, term: Duration, others: u32) -> Millis {
    let term = term.saturating_mul(1 << others.min(16)).min(LONGEST.max(term));
    now_ms.saturating_add(u64::try_from(term.as_millis()).unwrap_or(u64::MAX))
}

/// How a restriction changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// It began.
    Begun,
    /// Its term is another one.
    Moved,
    /// It is over.
    Lifted,
    /// What is known of it changed, and nothing else.
    Noted,
}

/// What changed between two moments; `None` for nothing.
pub(super) fn change(before: Option<Restriction>, after: Option<Restriction>, now_ms: Millis) -> Option<Change> {
    match (before, after) {
        (None, None) => None,
        (None, Some(_)) => Some(Change::Begun),
        (Some(_), None) => Some(Change::Lifted),
        (Some(before), Some(after)) if before == after => None,
        (Some(before), Some(after)) if after.until_ms != before.until_ms && after.until_ms > now_ms => {
            Some(Change::Moved)
        }
        (Some(_), Some(_)) => Some(Change::Noted),
    }
}

/// What may be sent now to people who never wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Allowed {
    /// Everything.
    All,
    /// Nothing; it is looked at again at this time.
    NotBefore(Millis),
    /// Nothing before the network was asked.
    AskFirst,
    /// Nothing while its answer may still come.
    Answering(Instant),
    /// So many, as a trial.
    Probes(usize),
}

/// The question put to the network at the end of a term.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Question {
    /// The term's end, and how long the answer may take.
    asked: Option<(Millis, Instant)>,
}

impl Question {
    /// The network is asked about a restriction.
    pub(super) fn ask(&mut self, about: Restriction, now: Instant) {
        self.asked = Some((about.until_ms, now + PATIENCE));
    }

    /// The network answered, and this is what holds now.
    pub(super) fn answered(&mut self, now_holds: Option<Restriction>, now: Instant) {
        self.asked = now_holds.map(|r| (r.until_ms, now));
    }

    /// What may be sent now, while so many that went to people who never wrote are on the wire.
    pub(super) fn allowed(&self, current: Option<Restriction>, trying: usize, now_ms: Millis, now: Instant) -> Allowed {
        let Some(r) = current else { return Allowed::All };
        if r.until_ms > now_ms {
            return Allowed::NotBefore(r.until_ms);
        }
        match self.asked {
            Some((until_ms, patience)) if until_ms == r.until_ms && patience > now => Allowed::Answering(patience),
            Some((until_ms, _)) if until_ms == r.until_ms => Allowed::Probes(PROBES.saturating_sub(trying)),
            _ => Allowed::AskFirst,
        }
    }
}

#[cfg(test)]
#[path = "restriction_tests.rs"]
mod tests;
