use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::*;

fn rules(gap_ms: Option<(Millis, Millis)>, per_minute: Option<u32>) -> PaceRules {
    PaceRules { gap_ms, per_minute, cold_per_day: None }
}

#[test]
fn an_accounts_own_settings_come_first() {
    let installation = PaceSettings {
        gap_min: Duration::from_secs(1),
        gap_max: Duration::from_secs(3),
        per_minute: 20,
        cold_per_day: 5,
    };
    let none = PacingSettings::default();
    for (account, on, expected) in [
        (none, PaceSettings::default(), PaceRules::default()),
        (none, installation, PaceRules { cold_per_day: Some(5), ..rules(Some((1_000, 3_000)), Some(20)) }),
        (
            PacingSettings { gap_min_ms: Some(7_000), per_minute: Some(0), cold_per_day: Some(0), ..none },
            installation,
            rules(Some((7_000, 7_000)), None),
        ),
        (
            PacingSettings { gap_min_ms: Some(0), gap_max_ms: Some(0), per_minute: Some(9), cold_per_day: Some(0) },
            installation,
            rules(None, Some(9)),
        ),
        (PacingSettings { gap_max_ms: Some(500), ..none }, PaceSettings::default(), rules(Some((0, 500)), None)),
        // A longest gap below the shortest is the shortest.
        (
            PacingSettings { gap_min_ms: Some(9), gap_max_ms: Some(5), ..none },
            PaceSettings::default(),
            rules(Some((9, 9)), None),
        ),
    ] {
        assert_eq!(PaceRules::of(&account, &on), expected);
    }
}

#[test]
fn what_may_go_when() {
    let mut rng = StdRng::seed_from_u64(1);
    let mut pace = Pace::resume(rules(None, Some(3)), vec![(1_000, 1), (2_000, 1)], &mut rng);
    assert_eq!(pace.step(2_500), Step::Send(1));
    pace.note(2_500, 1, &mut rng);
    for (now, expected) in [
        (2_500, Step::NotBefore(61_000)),
        (60_999, Step::NotBefore(61_000)),
        (61_000, Step::Send(1)),
        (62_000, Step::Send(2)),
        (62_500, Step::Send(3)),
        (0, Step::NotBefore(61_000)),
    ] {
        assert_eq!(pace.step(now), expected, "at {now}");
    }
    let mut pace = Pace::resume(rules(Some((500, 500)), Some(100)), vec![], &mut rng);
    assert_eq!(pace.step(0), Step::Send(1));
    pace.note(0, 1, &mut rng);
    assert_eq!((pace.step(499), pace.step(500)), (Step::NotBefore(500), Step::Send(1)));
    assert_eq!(Pace::default().step(0), Step::Send(usize::MAX), "nothing is limited that nobody limited");
    assert_eq!(rules(None, None).keep_ms(), None);
    assert_eq!(rules(Some((0, 90_000)), Some(1)).keep_ms(), Some(90_000));
}

/// Whatever is asked when, and however often the actor begins anew from what was noted: in no window are there more than
/// allowed, and no gap is too short.
#[test]
fn no_window_holds_more_than_allowed() {
    for seed in 0..400 {
        let mut rng = StdRng::seed_from_u64(seed);
        let (limit, a, b) = (rng.random_range(1..9_u32), rng.random_range(0..3_000), rng.random_range(0..3_000_u64));
        let gap = rng.random_bool(0.5).then_some((a.min(b), a.max(b) + 1));
        let rules = rules(gap, Some(limit));
        let (mut pace, mut now, mut noted) = (Pace::resume(rules, vec![], &mut rng), 1_000_000, Vec::new());
        for _ in 0..200 {
            now += rng.random_range(0..9_000_u64);
            if rng.random_bool(0.3) {
                let kept = noted.iter().copied().filter(|(at, _)| at + rules.keep_ms().unwrap() > now).collect();
                pace = Pace::resume(rules, kept, &mut rng);
            }
            match pace.step(now) {
                Step::Send(most) => {
                    let count = most.min(rng.random_range(1..6));
                    pace.note(now, count, &mut rng);
                    noted.push((now, u32::try_from(count).unwrap()));
                }
                Step::NotBefore(at) => assert!(at > now, "seed {seed}: a pace that waits says until when"),
            }
        }
        for (at, _) in &noted {
            let within = noted.iter().filter(|(other, _)| other <= at && other + MINUTE_MS > *at);
            let within: u32 = within.map(|(_, count)| count).sum();
            assert!(within <= limit, "seed {seed}: {within} within the minute before {at}: {noted:?}");
        }
        if let Some((least, _)) = gap {
            assert!(noted.windows(2).all(|two| two[1].0 - two[0].0 >= least), "seed {seed}: {noted:?}");
        }
    }
}
