//! One endpoint's way: how many attempts go there at once, and a breaker so that a dead endpoint costs next to nothing.
//! Pure: time comes in. All of it is memory only; the store knows what is due.

use std::collections::HashMap;

use rand::Rng;
use tokio::time::Instant;
use wasup_store::id::EndpointId;

use crate::settings::BreakerSettings;
use crate::supervision::Backoff;

/// Share by which waits between probes are spread.
const JITTER: f64 = 0.2;

/// Every endpoint's lane.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    breaker: BreakerSettings,
    lanes: HashMap<EndpointId, Lane>,
}

/// What an endpoint gets of the attempts that are free.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Share {
    pub(super) endpoint: EndpointId,
    /// Attempts on their way there.
    pub(super) in_flight: usize,
    /// So many more.
    pub(super) more: usize,
}

#[derive(Debug, Default)]
struct Lane {
    in_flight: usize,
    /// How many the endpoint takes at once, where that is known.
    most: Option<usize>,
    failures: u32,
    probes: u32,
    /// Not before then, while the breaker is open.
    probe_at: Option<Instant>,
}

impl Lane {
    /// How many more may go there now.
    fn room(&self, most: usize, now: Instant) -> usize {
        match self.probe_at {
            Some(at) if at > now => 0,
            Some(_) => usize::from(self.in_flight == 0),
            None => self.most.unwrap_or(most).saturating_sub(self.in_flight),
        }
    }
}

impl Lanes {
    /// Nobody has failed yet.
    pub(super) fn new(breaker: BreakerSettings) -> Self {
        Self { breaker, lanes: HashMap::new() }
    }

    /// Parts `free` attempts fairly among endpoints that have something to do. Everyone gets one before anyone gets a
    /// second. `most` is for those of which it is not known how many they take.
    pub(super) fn share(&self, due: &[EndpointId], free: usize, most: usize, now: Instant) -> Vec<Share> {
        let room = |id: &EndpointId| self.lanes.get(id).map_or(most, |lane| lane.room(most, now));
        let mut shares: Vec<(EndpointId, usize, usize)> =
            due.iter().map(|id| (*id, room(id), 0)).filter(|(_, room, _)| *room > 0).collect();
        let mut left = free;
        while left > 0 {
            let before = left;
            for (_, _, share) in shares.iter_mut().filter(|(_, room, share)| share < room) {
                *share += 1;
                left -= 1;
                if left == 0 {
                    break;
                }
            }
            if left == before {
                break;
            }
        }
        let in_flight = |id: &EndpointId| self.lanes.get(id).map_or(0, |lane| lane.in_flight);
        let share = |(endpoint, _, more)| Share { endpoint, in_flight: in_flight(&endpoint), more };
        shares.into_iter().filter(|(_, _, share)| *share > 0).map(share).collect()
    }

    /// An attempt has begun, to an endpoint that takes so many at once.
    pub(super) fn begun(&mut self, id: EndpointId, most: Option<usize>) {
        let lane = self.lanes.entry(id).or_default();
        lane.in_flight += 1;
        lane.most = most.or(lane.most);
    }

    /// Somebody says that the endpoint should be tried: its failures are forgotten.
    pub(super) fn forgive(&mut self, id: EndpointId) {
        if let Some(lane) = self.lanes.get_mut(&id) {
            (lane.failures, lane.probes, lane.probe_at) = (0, 0, None);
        }
    }

    /// An attempt has ended. Answers whether the breaker opened by it.
    pub(super) fn ended(&mut self, id: EndpointId, success: bool, now: Instant, rng: &mut impl Rng) -> bool {
        let lane = self.lanes.entry(id).or_default();
        lane.in_flight = lane.in_flight.saturating_sub(1);
        if success {
            if lane.in_flight == 0 {
                self.lanes.remove(&id);
            } else {
                (lane.failures, lane.probes, lane.probe_at) = (0, 0, None);
            }
            return false;
        }
        lane.failures = lane.failures.saturating_add(1);
        // Attempts that were on their way when it opened are no probes of their own.
        let probed = lane.probe_at.is_none_or(|at| at <= now);
        if lane.failures < self.breaker.failures || !probed {
            return false;
        }
        lane.probes = lane.probes.saturating_add(1);
        let BreakerSettings { probe_after: base, probe_max: cap, .. } = self.breaker;
        let probes = Backoff { base, factor: 2.0, cap, jitter: JITTER };
        lane.probe_at = Some(now + probes.wait(lane.probes, rng));
        lane.probes == 1
    }

    /// How many endpoints are only probed.
    pub(super) fn probed(&self) -> usize {
        self.lanes.values().filter(|lane| lane.probe_at.is_some()).count()
    }

    /// How many endpoints take nothing at the moment.
    pub(super) fn blocked(&self, most: usize, now: Instant) -> usize {
        self.lanes.values().filter(|lane| lane.room(most, now) == 0).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng as _;
    use rand::rngs::StdRng;
    use std::time::Duration;

    fn id(n: u64) -> EndpointId {
        EndpointId::new(n, n)
    }

    fn shares(lanes: &Lanes, free: usize, now: Instant) -> Vec<(u64, usize)> {
        let due: Vec<_> = (1..=3).map(id).collect();
        lanes.share(&due, free, 4, now).into_iter().map(|share| (share.endpoint.ts_ms, share.more)).collect()
    }

    #[test]
    fn everyone_gets_one_before_anyone_gets_a_second() {
        let (mut lanes, now) = (Lanes::default(), Instant::now());
        assert_eq!(shares(&lanes, 2, now), [(1, 1), (2, 1)]);
        assert_eq!(shares(&lanes, 7, now), [(1, 3), (2, 2), (3, 2)]);
        assert_eq!(shares(&lanes, 100, now), [(1, 4), (2, 4), (3, 4)]);
        (0..4).for_each(|_| lanes.begun(id(1), None));
        (0..3).for_each(|_| lanes.begun(id(2), None));
        assert_eq!(shares(&lanes, 100, now), [(2, 1), (3, 4)]);
        assert_eq!(lanes.blocked(4, now), 1);
        assert_eq!(shares(&lanes, 0, now), []);
    }

    #[test]
    fn ten_failures_in_a_row_leave_one_probe_at_a_time() {
        let (mut lanes, now, mut rng) = (Lanes::default(), Instant::now(), StdRng::seed_from_u64(1));
        for n in 1..=10 {
            lanes.begun(id(1), None);
            assert_eq!(lanes.ended(id(1), false, now, &mut rng), n == 10, "{n}");
        }
        assert_eq!(lanes.probed(), 1);
        assert_eq!(shares(&lanes, 9, now), [(2, 4), (3, 4)], "its share goes to the others");
        let later = now + Duration::from_secs(37);
        assert_eq!(shares(&lanes, 100, later)[0], (1, 1));
        lanes.begun(id(1), None);
        assert_eq!(lanes.blocked(4, later), 1, "one probe at a time");
        assert!(!lanes.ended(id(1), false, later, &mut rng));
        assert_eq!(lanes.blocked(4, later + Duration::from_secs(40)), 1, "the second wait is longer");
        let much_later = later + Duration::from_secs(73);
        lanes.begun(id(1), None);
        lanes.ended(id(1), true, much_later, &mut rng);
        assert_eq!(lanes.probed(), 0);
        assert_eq!(shares(&lanes, 100, much_later)[0], (1, 4), "one success and it is whole again");
    }

    #[test]
    fn a_success_in_between_starts_the_count_anew() {
        let (mut lanes, now, mut rng) = (Lanes::default(), Instant::now(), StdRng::seed_from_u64(1));
        for n in 0..30 {
            lanes.begun(id(1), None);
            assert!(!lanes.ended(id(1), n % 9 == 0, now, &mut rng));
        }
        assert_eq!(lanes.blocked(4, now), 0);
    }

    #[test]
    fn an_endpoint_takes_as_many_as_it_says() {
        let (mut lanes, now) = (Lanes::default(), Instant::now());
        lanes.begun(id(1), Some(1));
        lanes.begun(id(2), Some(9));
        assert_eq!(shares(&lanes, 100, now), [(2, 8), (3, 4)]);
        assert_eq!(lanes.blocked(4, now), 1);
        let of_two = lanes.share(&[id(2)], 1, 4, now);
        assert_eq!(of_two, [Share { endpoint: id(2), in_flight: 1, more: 1 }]);
    }

    #[test]
    fn how_soon_it_opens_and_probes_is_config() {
        let second = Duration::from_secs(1);
        let breaker = BreakerSettings { failures: 2, probe_after: second, probe_max: second };
        let (mut lanes, now, mut rng) = (Lanes::new(breaker), Instant::now(), StdRng::seed_from_u64(1));
        let opened: Vec<bool> = (0..4).map(|_| lanes.ended(id(1), false, now, &mut rng)).collect();
        assert_eq!(opened, [false, true, false, false]);
        assert_eq!((lanes.blocked(4, now), lanes.blocked(4, now + second * 2)), (1, 0));
    }

    #[test]
    fn whoever_asks_for_it_ends_the_breakers_wait() {
        let (mut lanes, now, mut rng) = (Lanes::default(), Instant::now(), StdRng::seed_from_u64(1));
        for _ in 0..10 {
            lanes.begun(id(1), None);
            lanes.ended(id(1), false, now, &mut rng);
        }
        assert_eq!(lanes.blocked(4, now), 1);
        lanes.forgive(id(1));
        lanes.forgive(id(7));
        assert_eq!((lanes.blocked(4, now), lanes.probed()), (0, 0));
    }
}
