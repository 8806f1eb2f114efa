//! What a supervisor knows of its children. The root and the accounts supervisor use the same table.

use std::collections::HashMap;
use std::fmt::Debug;
use std::hash::Hash;

use ractor::ActorId;
use rand::Rng;
use tokio::time::Instant;

use super::{ChildPhase, CrashKind, Exit, RestartHistory, RestartPolicy, Standing, Verdict, decide};

/// Children by key. `C` is what the supervisor keeps of a running one.
///
/// Every start and every stop takes the next generation of its slot. A timer carries the generation it was set for,
/// so that a stop during a back-off is final: the late timer meets a newer generation and does nothing.
pub(crate) struct ChildTable<K, C> {
    policy: RestartPolicy,
    slots: HashMap<K, Slot<C>>,
    by_actor: HashMap<ActorId, K>,
}

struct Slot<C> {
    /// Its own policy, where it has one.
    policy: Option<RestartPolicy>,
    generation: u64,
    phase: ChildPhase,
    history: RestartHistory,
    /// When it is started again, while it waits for that.
    due: Option<Instant>,
    child: Option<Child<C>>,
}

struct Child<C> {
    id: ActorId,
    it: C,
    misses: u32,
    since: Instant,
}

/// A child that is gone, and what is done about it.
#[derive(Debug)]
pub(crate) struct Departure<K, C> {
    pub(crate) key: K,
    /// To be carried by the timer of a restart.
    pub(crate) generation: u64,
    pub(crate) child: C,
    /// It was asked to stop.
    pub(crate) ordered: bool,
    pub(crate) verdict: Verdict,
}

/// What a stop has to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum StopStep<C> {
    /// It does not run, and will not start by itself any more.
    Done,
    /// It was asked already.
    Asked,
    /// It has to be asked.
    Ask(C),
}

impl<K: Clone + Eq + Hash + Debug, C: Clone> ChildTable<K, C> {
    /// Each child has a budget of its own, and this policy unless it is treated by another.
    pub(crate) fn with_own_budgets(policy: RestartPolicy) -> Self {
        Self { policy, slots: HashMap::new(), by_actor: HashMap::new() }
    }

    fn slot(&mut self, key: &K) -> &mut Slot<C> {
        self.slots.entry(key.clone()).or_insert_with(|| Slot {
            policy: None,
            generation: 0,
            phase: ChildPhase::Idle,
            history: RestartHistory::default(),
            due: None,
            child: None,
        })
    }

    /// From here on this child is treated by a policy of its own.
    pub(crate) fn treat(&mut self, key: &K, policy: RestartPolicy) {
        self.slot(key).policy = Some(policy);
    }

    /// How a child stands.
    pub(crate) fn standing(&self, key: &K, now: Instant) -> Standing {
        let Some(slot) = self.slots.get(key) else { return Standing::never(&self.policy) };
        let policy = slot.policy.as_ref().unwrap_or(&self.policy);
        let restarts = slot.history.restarts_within(policy, now);
        Standing {
            phase: slot.phase,
            generation: slot.generation,
            restarts,
            budget_left: policy.max_restarts.saturating_sub(restarts),
            restart_in: slot
                .due
                .filter(|_| slot.phase == ChildPhase::Waiting)
                .map(|at| at.saturating_duration_since(now)),
            misses: slot.child.as_ref().map_or(0, |child| child.misses.saturating_sub(1)),
            up: slot.child.as_ref().map(|child| now.saturating_duration_since(child.since)),
        }
    }

    /// The generation of a start that may happen now, or `None` where the child runs, stops or is quarantined.
    /// A start during a back-off is one too: the operator does not want to wait.
    pub(crate) fn begin(&mut self, key: &K) -> Option<u64> {
        let slot = self.slot(key);
        if !matches!(slot.phase, ChildPhase::Idle | ChildPhase::Waiting) {
            return None;
        }
        slot.generation += 1;
        slot.phase = ChildPhase::Idle;
        Some(slot.generation)
    }

    /// As [`Self::begin`], for a timer: only while the slot still waits for this very restart.
    pub(crate) fn begin_due(&mut self, key: &K, generation: u64) -> Option<u64> {
        let slot = self.slots.get(key)?;
        (slot.phase == ChildPhase::Waiting && slot.generation == generation).then(|| self.begin(key)).flatten()
    }

    /// Notes that a start succeeded.
    pub(crate) fn started(&mut self, key: &K, id: ActorId, it: C, now: Instant) {
        let slot = self.slot(key);
        slot.phase = ChildPhase::Running;
        slot.child = Some(Child { id, it, misses: 0, since: now });
        slot.history.started(now);
        self.by_actor.insert(id, key.clone());
    }

    /// Notes that a start failed: no supervision event comes for it, so it takes the same way as a crash from here.
    pub(crate) fn not_started(&mut self, key: &K, now: Instant, rng: &mut impl Rng) -> (u64, Verdict) {
        let verdict = self.judge(key, Exit::Crashed(CrashKind::NotStarted), now, rng);
        (self.slot(key).generation, verdict)
    }

    /// Notes that an actor is gone. `None` for one that is unknown, which is not an error: it was given up before.
    pub(crate) fn exited(
        &mut self,
        id: ActorId,
        exit: Exit,
        now: Instant,
        rng: &mut impl Rng,
    ) -> Option<Departure<K, C>> {
        let key = self.by_actor.remove(&id)?;
        let slot = self.slots.get_mut(&key)?;
        let child = slot.child.take()?;
        let ordered = slot.phase == ChildPhase::Stopping;
        let verdict = if ordered {
            slot.phase = ChildPhase::Idle;
            Verdict::LeaveStopped
        } else {
            self.judge(&key, exit, now, rng)
        };
        let generation = self.slot(&key).generation;
        Some(Departure { key, generation, child: child.it, ordered, verdict })
    }

    /// Gives a child up without waiting for its end, which may never come.
    pub(crate) fn abandon(&mut self, key: &K, exit: Exit, now: Instant, rng: &mut impl Rng) -> Option<Departure<K, C>> {
        let id = self.slots.get(key)?.child.as_ref()?.id;
        self.exited(id, exit, now, rng)
    }

    fn judge(&mut self, key: &K, exit: Exit, now: Instant, rng: &mut impl Rng) -> Verdict {
        let shared = self.policy;
        let slot = self.slot(key);
        let policy = slot.policy.unwrap_or(shared);
        let verdict = decide(&policy, &mut slot.history, exit, now, rng);
        slot.phase = match verdict {
            Verdict::RestartAfter(_) => ChildPhase::Waiting,
            Verdict::Quarantine => ChildPhase::Quarantined,
            Verdict::Escalate | Verdict::LeaveStopped => ChildPhase::Idle,
        };
        slot.due = if let Verdict::RestartAfter(wait) = verdict { Some(now + wait) } else { None };
        verdict
    }

    /// Begins a stop. Whatever timer runs for the slot is void from here.
    pub(crate) fn stop(&mut self, key: &K) -> StopStep<C> {
        let Some(slot) = self.slots.get_mut(key) else { return StopStep::Done };
        match slot.phase {
            ChildPhase::Idle | ChildPhase::Quarantined => StopStep::Done,
            ChildPhase::Stopping => StopStep::Asked,
            ChildPhase::Waiting => {
                slot.generation += 1;
                slot.phase = ChildPhase::Idle;
                StopStep::Done
            }
            ChildPhase::Running => {
                slot.phase = ChildPhase::Stopping;
                slot.child.as_ref().map_or(StopStep::Done, |child| StopStep::Ask(child.it.clone()))
            }
        }
    }

    /// The child, if it is still the one of this generation and stopping: for the deadline of a stop.
    pub(crate) fn late_stop(&self, key: &K, generation: u64) -> Option<C> {
        let slot =
            self.slots.get(key).filter(|slot| slot.phase == ChildPhase::Stopping && slot.generation == generation)?;
        slot.child.as_ref().map(|child| child.it.clone())
    }

    /// Puts a slot into quarantine, as found in the store at the start.
    pub(crate) fn quarantine(&mut self, key: &K) {
        self.slot(key).phase = ChildPhase::Quarantined;
    }

    /// Lets a child out of quarantine with a clean history.
    pub(crate) fn release(&mut self, key: &K) {
        let slot = self.slot(key);
        if slot.phase == ChildPhase::Quarantined {
            slot.phase = ChildPhase::Idle;
            slot.generation += 1;
            slot.history.clear();
        }
    }

    /// Forgets a slot that does not run.
    pub(crate) fn forget(&mut self, key: &K) {
        if self.slots.get(key).is_some_and(|slot| slot.child.is_none()) {
            self.slots.remove(key);
        }
    }

    /// Whether a child runs or stops.
    pub(crate) fn runs(&self, key: &K) -> bool {
        self.slots.get(key).is_some_and(|slot| slot.child.is_some())
    }

    /// The current generation of a slot.
    pub(crate) fn generation(&self, key: &K) -> u64 {
        self.slots.get(key).map_or(0, |slot| slot.generation)
    }

    /// Running and stopping children.
    pub(crate) fn alive(&self) -> Vec<K> {
        self.slots.iter().filter(|(_, slot)| slot.child.is_some()).map(|(key, _)| key.clone()).collect()
    }

    /// What is kept of every running and stopping child.
    pub(crate) fn children(&self) -> Vec<C> {
        self.slots.values().filter_map(|slot| slot.child.as_ref()).map(|child| child.it.clone()).collect()
    }

    /// A running child.
    pub(crate) fn child(&self, key: &K) -> Option<C> {
        self.slots.get(key)?.child.as_ref().map(|child| child.it.clone())
    }

    /// How many are in quarantine.
    pub(crate) fn quarantined(&self) -> usize {
        self.slots.values().filter(|slot| slot.phase == ChildPhase::Quarantined).count()
    }

    /// Begins a round of pings: whom to ask, and who has left too many of them unanswered.
    pub(crate) fn ping_round(&mut self, misses_allowed: impl Fn(&K) -> u32) -> (Vec<(u64, C)>, Vec<K>) {
        let (mut ask, mut stuck) = (Vec::new(), Vec::new());
        for (key, slot) in &mut self.slots {
            // One that is stopping has its own deadline.
            let Some(child) = slot.child.as_mut().filter(|_| slot.phase == ChildPhase::Running) else { continue };
            if child.misses >= misses_allowed(key) {
                stuck.push(key.clone());
                continue;
            }
            // An unanswered ping is still in its mailbox: a second one would only make that longer.
            if child.misses == 0 {
                ask.push((slot.generation, child.it.clone()));
            }
            child.misses += 1;
        }
        (ask, stuck)
    }

    /// Notes an answer to a ping.
    pub(crate) fn pong(&mut self, key: &K, generation: u64) {
        if let Some(slot) = self.slots.get_mut(key).filter(|slot| slot.generation == generation)
            && let Some(child) = &mut slot.child
        {
            child.misses = 0;
        }
    }
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
