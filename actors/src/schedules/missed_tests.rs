//! A machine that stood still, across both changes of the clock: which times run and which are missed, worked out by hand.

use super::super::times::tests::{ms, times};
use super::*;

const GRACE: Millis = 60_000;

/// Expression, zone, the time that was due, the time of the start, the policy, what is done, the next time.
type Stopped =
    (&'static str, &'static str, &'static str, &'static str, MissedPolicy, &'static [&'static str], &'static str);

/// Carries out one step after the other until the next time has not come.
fn carried_out(times: &Times, policy: MissedPolicy, due: &str, now: &str) -> (Vec<String>, Millis) {
    let (mut at_ms, now_ms, mut told) = (ms(due), ms(now), Vec::new());
    let text = |at_ms: Millis| {
        let at = jiff::Timestamp::from_millisecond(i64::try_from(at_ms).unwrap()).unwrap();
        at.strftime("%d %H:%M").to_string()
    };
    while at_ms <= now_ms {
        let next = match step(times, policy, at_ms, (now_ms, GRACE)) {
            Step::Run { next_ms } => {
                told.push(format!("run {}", text(at_ms)));
                next_ms
            }
            Step::Miss { until_ms, count, next_ms } => {
                told.push(format!("miss {count} until {}", text(until_ms)));
                next_ms
            }
        };
        let Some(next_ms) = next else { return (told, 0) };
        assert!(next_ms > at_ms);
        at_ms = next_ms;
    }
    (told, at_ms)
}

#[test]
fn each_policy_does_what_it_says_across_both_changes() {
    use MissedPolicy::{RunAll, RunOnce, Skip};
    const BERLIN: &str = "Europe/Berlin";
    #[rustfmt::skip]
    let table: &[Stopped] = &[
        // Daily at 02:30 in Berlin, off from the 26th to the 29th: 26 01:30, 27 01:30, 28 01:00, 29 00:30.
        ("30 2 * * *", BERLIN, "2027-03-26T01:30", "2027-03-29T12:00", RunOnce, &["miss 3 until 28 01:00", "run 29 00:30"], "2027-03-30T00:30"),
        ("30 2 * * *", BERLIN, "2027-03-26T01:30", "2027-03-29T12:00", Skip, &["miss 4 until 29 00:30"], "2027-03-30T00:30"),
        ("30 2 * * *", BERLIN, "2027-03-26T01:30", "2027-03-29T12:00", RunAll(10), &["run 26 01:30", "run 27 01:30", "run 28 01:00", "run 29 00:30"], "2027-03-30T00:30"),
        ("30 2 * * *", BERLIN, "2027-03-26T01:30", "2027-03-29T12:00", RunAll(2), &["miss 2 until 27 01:30", "run 28 01:00", "run 29 00:30"], "2027-03-30T00:30"),
        // The same in October: 30 00:30, 31 00:30, and on November 1 at 01:30.
        ("30 2 * * *", BERLIN, "2027-10-30T00:30", "2027-11-01T02:00", RunOnce, &["miss 2 until 31 00:30", "run 01 01:30"], "2027-11-02T01:30"),
        ("30 2 * * *", BERLIN, "2027-10-30T00:30", "2027-10-31T01:45", RunAll(5), &["run 30 00:30", "run 31 00:30"], "2027-11-01T01:30"),
        // Every hour, over the hour that comes twice: 00:00, 01:00, 02:00, 03:00.
        ("0 * * * *", BERLIN, "2027-10-31T00:00", "2027-10-31T03:20", RunOnce, &["miss 3 until 31 02:00", "run 31 03:00"], "2027-10-31T04:00"),
        ("0 * * * *", BERLIN, "2027-10-31T00:00", "2027-10-31T03:20", Skip, &["miss 4 until 31 03:00"], "2027-10-31T04:00"),
        ("0 * * * *", BERLIN, "2027-10-31T00:00", "2027-10-31T03:20", RunAll(3), &["miss 1 until 31 00:00", "run 31 01:00", "run 31 02:00", "run 31 03:00"], "2027-10-31T04:00"),
        // Back half a minute after a time: that one is not missed.
        ("0 * * * *", BERLIN, "2027-10-31T00:00", "2027-10-31T03:00:30Z", Skip, &["miss 3 until 31 02:00", "run 31 03:00"], "2027-10-31T04:00"),
        // Every quarter of an hour in New York over the hour that is left out: 06:45, 07:00, 07:15.
        ("*/15 * * * *", "America/New_York", "2027-03-14T06:45", "2027-03-14T07:20", RunAll(9), &["run 14 06:45", "run 14 07:00", "run 14 07:15"], "2027-03-14T07:30"),
        ("*/15 * * * *", "America/New_York", "2027-03-14T06:45", "2027-03-14T07:20", Skip, &["miss 3 until 14 07:15"], "2027-03-14T07:30"),
        // A little late only.
        ("*/15 * * * *", "Asia/Jakarta", "2027-03-14T06:45", "2027-03-14T06:46", Skip, &["run 14 06:45"], "2027-03-14T07:00"),
        // One alone that was missed.
        ("30 2 * * *", "Asia/Jakarta", "2027-03-13T19:30", "2027-03-14T07:00", RunOnce, &["run 13 19:30"], "2027-03-14T19:30"),
        // A year without a second of it.
        ("* * * * * *", "UTC", "2026-01-01T00:00", "2027-01-01T00:00", RunOnce, &["miss 1000 until 31 23:59", "run 01 00:00"], "2027-01-01T00:00:01Z"),
    ];
    for (pattern, zone, due, now, policy, expected, next) in table {
        let found = carried_out(&times(pattern, zone), *policy, due, now);
        assert_eq!(found, (expected.iter().map(|text| (*text).to_owned()).collect(), ms(next)), "{pattern} {policy:?}");
    }
}

#[test]
fn a_single_time_is_made_up_for_or_missed() {
    let mut plan = super::super::times::tests::cron_plan("0 0 1 1 *", "UTC");
    plan.when = wasup_store::records::ScheduleWhen::Once { at_ms: 1_000_000, zone: None };
    let times = Times::of(&plan).unwrap();
    let late = (9_000_000, GRACE);
    assert_eq!(step(&times, MissedPolicy::RunOnce, 1_000_000, late), Step::Run { next_ms: None });
    assert_eq!(step(&times, MissedPolicy::RunAll(3), 1_000_000, late), Step::Run { next_ms: None });
    let missed = Step::Miss { until_ms: 1_000_000, count: 1, next_ms: None };
    assert_eq!(step(&times, MissedPolicy::Skip, 1_000_000, late), missed);
    assert_eq!(step(&times, MissedPolicy::Skip, 1_000_000, (1_060_000, GRACE)), Step::Run { next_ms: None });
}
