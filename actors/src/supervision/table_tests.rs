use std::time::Duration;

use rand::SeedableRng as _;
use rand::rngs::StdRng;

use super::*;
use crate::supervision::{Backoff, OnExceeded, RestartKind, StopReason};

const CRASH: Exit = Exit::Crashed(CrashKind::Crashed);

struct World {
    table: ChildTable<&'static str, u8>,
    rng: StdRng,
    now: Instant,
    next: u64,
    policy: RestartPolicy,
}

impl World {
    fn new() -> Self {
        let policy = RestartPolicy {
            kind: RestartKind::Transient,
            max_restarts: 2,
            within: Duration::from_secs(60),
            backoff: Backoff { base: Duration::from_secs(1), factor: 2.0, cap: Duration::from_secs(9), jitter: 0.0 },
            stable_after: Duration::from_secs(600),
            on_exceeded: OnExceeded::Quarantine,
        };
        let table = ChildTable::with_own_budgets(policy);
        Self { policy, table, rng: StdRng::seed_from_u64(1), now: Instant::now(), next: 0 }
    }

    fn start(&mut self, key: &'static str) -> Option<(ActorId, u64)> {
        let generation = self.table.begin(&key)?;
        self.next += 1;
        let id = ActorId::Local(self.next);
        self.table.started(&key, id, 0, self.now);
        Some((id, generation))
    }

    fn exit(&mut self, id: ActorId, exit: Exit) -> Option<Departure<&'static str, u8>> {
        self.table.exited(id, exit, self.now, &mut self.rng)
    }
}

#[test]
fn an_unknown_actor_is_ignored() {
    assert!(World::new().exit(ActorId::Local(99), CRASH).is_none());
}

#[test]
fn a_restart_needs_its_own_generation() {
    let mut w = World::new();
    let (id, _) = w.start("a").unwrap();
    let gone = w.exit(id, CRASH).unwrap();
    assert_eq!(gone.verdict, Verdict::RestartAfter(Duration::from_secs(1)));
    assert!(w.exit(id, CRASH).is_none(), "an exit counts once");
    assert!(w.table.begin_due(&"a", gone.generation + 1).is_none());
    assert!(w.table.begin_due(&"a", gone.generation).is_some());
    assert!(w.table.begin_due(&"a", gone.generation).is_none(), "a timer works once");
}

#[test]
fn a_stop_during_a_back_off_is_final() {
    let mut w = World::new();
    let (id, _) = w.start("a").unwrap();
    let gone = w.exit(id, CRASH).unwrap();
    assert_eq!(w.table.stop(&"a"), StopStep::Done);
    assert!(w.table.begin_due(&"a", gone.generation).is_none());
    assert!(w.start("a").is_some(), "a start by hand still works");
}

#[test]
fn whatever_happens_to_a_stopping_child_it_stays_stopped() {
    for exit in [CRASH, Exit::Stopped(StopReason::Requested)] {
        let mut w = World::new();
        let (id, generation) = w.start("a").unwrap();
        assert_eq!(w.table.stop(&"a"), StopStep::Ask(0));
        assert_eq!(w.table.stop(&"a"), StopStep::Asked);
        assert!(w.table.begin(&"a").is_none(), "not while it stops");
        assert!(w.table.late_stop(&"a", generation).is_some());
        let gone = w.exit(id, exit).unwrap();
        assert!(gone.ordered);
        assert_eq!(gone.verdict, Verdict::LeaveStopped);
        assert!(w.table.late_stop(&"a", generation).is_none());
    }
}

#[test]
fn budgets_are_per_child() {
    let mut w = World::new();
    for _ in 0..2 {
        let (id, _) = w.start("a").unwrap();
        w.exit(id, CRASH);
    }
    let (id, _) = w.start("a").unwrap();
    assert_eq!(w.exit(id, CRASH).unwrap().verdict, Verdict::Quarantine);
    assert_eq!(w.table.quarantined(), 1);
    assert!(w.start("a").is_none(), "quarantined");
    let (id, _) = w.start("b").unwrap();
    assert!(matches!(w.exit(id, CRASH).unwrap().verdict, Verdict::RestartAfter(_)));
    w.table.release(&"a");
    let (id, _) = w.start("a").unwrap();
    assert_eq!(w.exit(id, CRASH).unwrap().verdict, Verdict::RestartAfter(Duration::from_secs(1)));

    w.table.treat(&"c", RestartPolicy { max_restarts: 0, ..w.policy });
    let (id, _) = w.start("c").unwrap();
    assert_eq!(w.exit(id, CRASH).unwrap().verdict, Verdict::Quarantine, "by a policy of its own");
}

#[test]
fn a_child_says_how_it_stands() {
    let mut w = World::new();
    assert_eq!(w.table.standing(&"a", w.now), Standing::never(&w.policy));
    let (id, generation) = w.start("a").unwrap();
    let (up, later) = (Duration::from_secs(7), w.now + Duration::from_secs(7));
    let running = w.table.standing(&"a", later);
    assert_eq!((running.phase, running.generation, running.up), (ChildPhase::Running, generation, Some(up)));
    assert_eq!((running.restarts, running.budget_left, running.restart_in), (0, w.policy.max_restarts, None));
    w.table.ping_round(|_| 2);
    assert_eq!(w.table.standing(&"a", w.now).misses, 0, "the first ping may still be answered");
    w.table.ping_round(|_| 2);
    assert_eq!(w.table.standing(&"a", w.now).misses, 1);
    w.exit(id, CRASH).unwrap();
    let waiting = w.table.standing(&"a", w.now);
    assert_eq!((waiting.phase, waiting.restarts, waiting.up), (ChildPhase::Waiting, 1, None));
    assert_eq!(waiting.budget_left, w.policy.max_restarts - 1);
    assert_eq!(waiting.restart_in, Some(Duration::from_secs(1)));
}

#[test]
fn a_failed_start_takes_the_way_of_a_crash() {
    let mut w = World::new();
    for wait in [1, 2] {
        w.table.begin(&"a").unwrap();
        let (generation, verdict) = w.table.not_started(&"a", w.now, &mut w.rng);
        assert_eq!(verdict, Verdict::RestartAfter(Duration::from_secs(wait)));
        assert_eq!(generation, w.table.generation(&"a"));
    }
    w.table.begin(&"a").unwrap();
    assert_eq!(w.table.not_started(&"a", w.now, &mut w.rng).1, Verdict::Quarantine);
}

#[test]
fn two_misses_make_a_child_stuck() {
    let mut w = World::new();
    let (_, generation) = w.start("a").unwrap();
    assert_eq!(w.table.ping_round(|_| 2), (vec![(generation, 0)], vec![]));
    w.table.pong(&"a", generation);
    assert_eq!(w.table.ping_round(|_| 2), (vec![(generation, 0)], vec![]));
    w.table.pong(&"a", generation + 1);
    assert_eq!(w.table.ping_round(|_| 2), (vec![], vec![]), "an answer of another generation does not count");
    assert_eq!(w.table.ping_round(|_| 2), (vec![], vec!["a"]));
    let gone = w.table.abandon(&"a", Exit::Crashed(CrashKind::Stuck), w.now, &mut w.rng).unwrap();
    assert!(matches!(gone.verdict, Verdict::RestartAfter(_)));
    assert!(w.table.alive().is_empty());
}
