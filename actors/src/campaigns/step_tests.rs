use super::*;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use wasup_store::records::WarmUp;

const NOW: Millis = 1_800_000_000_000;

#[test]
fn what_an_account_can_do() {
    let free = SenderSight { connected: true, ..SenderSight::default() };
    let standing = |waiting, not_before_ms| BulkStanding { waiting, last_ms: None, not_before_ms };
    for (sight, expected) in [
        (free, SenderNow::Free),
        (SenderSight { gone: true, restricted: true, ..free }, SenderNow::Gone),
        (SenderSight { restricted: true, ..free }, SenderNow::Restricted),
        (SenderSight { connected: false, ..free }, SenderNow::Offline),
        (SenderSight { open: true, ..free }, SenderNow::Waiting),
        (SenderSight { standing: standing(true, NOW + 9), ..free }, SenderNow::Waiting),
        (
            SenderSight { standing: standing(false, NOW + 9), gap_until_ms: NOW + 5, ..free },
            SenderNow::NotBefore(NOW + 9),
        ),
        (SenderSight { gap_until_ms: NOW + 5, ..free }, SenderNow::NotBefore(NOW + 5)),
        (SenderSight { gap_until_ms: NOW, ..free }, SenderNow::Free),
        (SenderSight { quiet_until_ms: Some(NOW + 99), gap_until_ms: NOW + 5, ..free }, SenderNow::NotBefore(NOW + 99)),
    ] {
        assert_eq!(judge(&sight, NOW), expected, "{sight:?}");
    }
}

#[test]
fn what_a_campaign_does_next() {
    use SenderNow::{Free, Gone, NotBefore, Offline, Restricted, Waiting};
    let no = AccountNo;
    let again = NOW + LOOK_AGAIN_MS;
    let (rest, pause) = (OnRestriction::Rest, OnRestriction::Pause);
    let all = [
        (vec![Free, Free], true, None, rest, Step::Send(vec![no(1), no(2)])),
        (vec![Waiting, Free], true, None, rest, Step::Send(vec![no(2)])),
        (vec![Restricted, Free], true, None, rest, Step::Send(vec![no(2)])),
        (vec![Restricted, Free], true, None, pause, Step::Pause(CampaignReason::Restricted)),
        (vec![Restricted, Gone], true, None, rest, Step::Pause(CampaignReason::Restricted)),
        (vec![Gone, Gone], true, None, rest, Step::Pause(CampaignReason::NoSender)),
        (vec![Gone, Offline], true, None, rest, Step::Look(again)),
        (vec![NotBefore(NOW + 60_000), NotBefore(NOW + 70_000)], true, None, rest, Step::Look(NOW + 60_000)),
        (vec![NotBefore(NOW + 60_000), Waiting], true, None, rest, Step::Look(again)),
        (vec![NotBefore(NOW + 10), Waiting], true, None, rest, Step::Look(NOW + 10)),
        (vec![Free], false, None, rest, Step::End),
        (vec![Gone], false, None, rest, Step::End),
        (vec![Free], false, Some(NOW + 5_000), rest, Step::Look(NOW + 5_000)),
        (vec![Free], false, Some(NOW), rest, Step::Send(vec![no(1)])),
        (vec![Waiting], false, Some(NOW), rest, Step::Look(again)),
    ];
    for (now, pending, aside_ms, on_restriction, expected) in all {
        let senders: Vec<_> = (1..).map(AccountNo).zip(now).collect();
        let sight = Sight { senders: &senders, gathering: false, pending, aside_ms, on_restriction };
        assert_eq!(step(&sight, NOW), expected, "{sight:?}");
    }
    let senders = [(no(1), Free)];
    let sight = Sight { senders: &senders, gathering: true, pending: false, aside_ms: None, on_restriction: rest };
    assert_eq!(step(&sight, NOW), Step::Look(again), "somebody may still come");
}

#[test]
fn accounts_take_turns() {
    let mut rng = StdRng::seed_from_u64(1);
    let all = || [3, 1, 2].map(AccountNo).to_vec();
    for (last, expected) in [(None, [1, 2, 3]), (Some(1), [2, 3, 1]), (Some(2), [3, 1, 2]), (Some(3), [1, 2, 3])] {
        let order = in_turn(all(), Rotation::RoundRobin, last.map(AccountNo), &mut rng);
        assert_eq!(order, expected.map(AccountNo), "{last:?}");
    }
    let mut firsts = std::collections::BTreeSet::new();
    for _ in 0..100 {
        firsts.insert(in_turn(all(), Rotation::Random, None, &mut rng)[0]);
    }
    assert_eq!(firsts.len(), 3);
}

#[test]
fn a_new_number_begins_slowly() {
    let pace = CampaignPace {
        per_minute: Some(10),
        per_day: Some(100),
        warm_up: Some(WarmUp { start: 20, growth: 1.5 }),
        ..CampaignPace::default()
    };
    let day = |n: u64| NOW + n * DAY_MS;
    for (at_ms, most) in
        [(NOW, 20), (day(1) - 1, 20), (day(1), 30), (day(2), 45), (day(3), 67), (day(4), 100), (day(999), 100)]
    {
        assert_eq!(caps(&pace, Some(NOW), at_ms), BulkCaps::new([(10, MINUTE_MS), (most, DAY_MS)]), "{at_ms}");
    }
    assert_eq!(caps(&pace, None, NOW), BulkCaps::new([(10, MINUTE_MS), (100, DAY_MS)]), "nobody knows since when");
    assert_eq!(caps(&CampaignPace::default(), Some(NOW), NOW), BulkCaps::default());
}
