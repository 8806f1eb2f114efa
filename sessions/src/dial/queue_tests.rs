//! The policy by tables, and against a witness that counts for itself.

use proptest::prelude::*;

use super::*;

const S: Duration = Duration::from_secs(1);

fn queue(at_once: usize, per_minute: usize) -> Queue {
    Queue::new(Limits { at_once, per_minute })
}

/// Everyone who may connect now, in order.
fn granted(queue: &mut Queue, now: Instant) -> Vec<Place> {
    let mut granted = Vec::new();
    loop {
        match queue.next(now) {
            Step::Grant(place) => granted.push(place),
            Step::Call(_) => {}
            Step::Wait(_) => return granted,
        }
    }
}

#[tokio::test]
async fn urgent_ones_go_first_and_then_who_came_first() {
    let (mut queue, now) = (queue(1, 0), Instant::now() + 1_000 * S);
    let plain: Vec<_> = (0..3).map(|n| queue.come(false, now + n * S)).collect();
    let urgent: Vec<_> = (3..6).map(|n| queue.come(true, now + n * S)).collect();
    let mut order = Vec::new();
    while let Some(place) = granted(&mut queue, now + 10 * S).first() {
        order.push(*place);
        queue.begin(now + 10 * S);
        queue.end(true);
    }
    assert_eq!(order, [urgent, plain].concat());
}

#[tokio::test]
async fn nobody_waits_for_ever_behind_urgent_ones() {
    let (mut queue, now) = (queue(1, 0), Instant::now() + 1_000 * S);
    let plain = queue.come(false, now);
    queue.come(true, now + HEAD_START + S);
    assert_eq!(granted(&mut queue, now + HEAD_START + S), [plain]);
}

#[tokio::test]
async fn no_more_connect_than_may_at_once() {
    let (mut queue, now) = (queue(2, 0), Instant::now());
    let places: Vec<_> = (0..5).map(|_| queue.come(false, now)).collect();
    assert_eq!(granted(&mut queue, now), places[..2]);
    assert_eq!((queue.in_flight(), queue.waiting()), (2, 3));
    queue.begin(now);
    queue.end(true);
    queue.end(false);
    assert_eq!(granted(&mut queue, now), places[2..4]);
    assert_eq!(queue.next(now), Step::Wait(None), "somebody has to go first");
}

#[tokio::test]
async fn the_limit_of_a_minute_opens_to_the_moment() {
    let (mut queue, now) = (queue(10, 2), Instant::now());
    for _ in 0..4 {
        queue.come(false, now);
    }
    assert_eq!(granted(&mut queue, now).len(), 2);
    assert_eq!(queue.next(now), Step::Wait(None), "neither has begun: nobody knows when the minute is over");
    queue.begin(now + S);
    queue.begin(now + 3 * S);
    queue.end(true);
    queue.end(true);
    assert_eq!(queue.next(now + 4 * S), Step::Wait(Some(now + 61 * S)));
    assert_eq!(granted(&mut queue, now + 61 * S - Duration::from_millis(1)), []);
    assert_eq!(granted(&mut queue, now + 61 * S).len(), 1);
    queue.end(false);
    assert_eq!(granted(&mut queue, now + 62 * S).len(), 1, "one that never began uses nothing up");
}

#[tokio::test]
async fn those_who_could_not_wait_are_called_in_their_turn_and_no_place_stays_empty() {
    let (mut queue, now) = (queue(1, 0), Instant::now());
    let [first, second, third] = [0, 1, 2].map(|n| queue.come(false, now + n * S));
    queue.step_away(first);
    queue.step_away(second);
    // The first is called, and the third, who stands there, goes meanwhile.
    assert_eq!(queue.next(now), Step::Call(first));
    assert_eq!(queue.next(now), Step::Grant(third));
    queue.come_back(first);
    queue.begin(now);
    queue.end(true);
    assert_eq!(granted(&mut queue, now), [first]);
    // It has its place now; the second is called when that is free.
    assert_eq!(queue.next(now), Step::Wait(None));
    queue.end(false);
    assert_eq!(queue.next(now), Step::Call(second));
    assert_eq!(queue.next(now), Step::Wait(Some(now + GRACE)));
}

#[tokio::test]
async fn who_is_called_and_does_not_come_holds_nobody_up() {
    let (mut queue, now) = (queue(1, 0), Instant::now());
    let [deaf, gone, next] = [0, 1, 2].map(|n| queue.come(false, now + n * S));
    for place in [deaf, gone, next] {
        queue.step_away(place);
    }
    assert_eq!(queue.next(now), Step::Call(deaf));
    assert_eq!(queue.next(now), Step::Wait(Some(now + GRACE)), "one at a time");
    assert_eq!(queue.next(now + GRACE), Step::Call(gone));
    queue.leave(gone);
    assert_eq!(queue.next(now + GRACE), Step::Call(next));
    queue.come_back(deaf);
    assert_eq!(granted(&mut queue, now + GRACE), [deaf], "it kept its place");
}

/// What may happen to a queue.
#[derive(Debug, Clone, Copy)]
enum Act {
    Come(bool),
    Away(usize),
    Back(usize),
    Leave(usize),
    Begin,
    End,
    Pass(u64),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        4 => any::<bool>().prop_map(Act::Come),
        1 => (0_usize..8).prop_map(Act::Away),
        1 => (0_usize..8).prop_map(Act::Back),
        1 => (0_usize..8).prop_map(Act::Leave),
        4 => Just(Act::Begin),
        3 => Just(Act::End),
        4 => (0_u64..20_000).prop_map(Act::Pass),
    ];
    prop::collection::vec(act, 0..300)
}

/// A queue, and what a witness knows of it.
struct Trial {
    queue: Queue,
    now: Instant,
    known: Vec<Place>,
    about_to: usize,
    connecting: usize,
    began: Vec<Instant>,
}

impl Trial {
    fn act(&mut self, act: Act) {
        let pick = |known: &[Place], n: usize| known.get(n % known.len().max(1)).copied();
        match act {
            Act::Come(urgent) => self.known.push(self.queue.come(urgent, self.now)),
            Act::Away(n) => pick(&self.known, n).into_iter().for_each(|place| self.queue.step_away(place)),
            Act::Back(n) => pick(&self.known, n).into_iter().for_each(|place| self.queue.come_back(place)),
            Act::Leave(n) => {
                if let Some(place) = pick(&self.known, n) {
                    self.queue.leave(place);
                    self.known.retain(|other| *other != place);
                }
            }
            Act::Begin if self.about_to > 0 => {
                self.queue.begin(self.now);
                (self.about_to, self.connecting) = (self.about_to - 1, self.connecting + 1);
                self.began.push(self.now);
            }
            Act::End if self.connecting > 0 => {
                self.queue.end(true);
                self.connecting -= 1;
            }
            Act::Pass(millis) => self.now += Duration::from_millis(millis),
            Act::Begin | Act::End => {}
        }
        for place in granted(&mut self.queue, self.now) {
            self.known.retain(|other| *other != place);
            self.about_to += 1;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_limit_is_ever_passed_and_nobody_at_the_door_is_forgotten(
        acts in acts(), at_once in 1_usize..5, per_minute in 0_usize..6,
    ) {
        let (queue, now) = (queue(at_once, per_minute), Instant::now() + 1_000 * S);
        let mut trial = Trial { queue, now, known: Vec::new(), about_to: 0, connecting: 0, began: Vec::new() };
        for act in acts {
            trial.act(act);
            prop_assert!(trial.about_to + trial.connecting <= at_once);
            prop_assert_eq!(trial.queue.in_flight(), trial.about_to + trial.connecting);
            prop_assert_eq!(trial.queue.waiting(), trial.known.len());
            let windows = trial.began.windows(per_minute + 1);
            let too_many = windows.filter(|w| per_minute > 0 && w[per_minute] - w[0] < MINUTE).count();
            prop_assert_eq!(too_many, 0);
        }
        // Everyone gets there when places are given back and time passes.
        while !trial.known.is_empty() {
            let before = trial.known.len();
            for place in trial.known.clone() {
                trial.queue.come_back(place);
            }
            for act in [Act::Begin, Act::End, Act::Pass(60_000)] {
                (0..5).for_each(|_| trial.act(act));
            }
            prop_assert!(trial.known.len() < before);
        }
    }
}
