//! Times worked out by hand, in UTC. The clocks' changes of 2027: Europe/Berlin leaves out 02:00 to 03:00 on March 28 and has it
//! twice on October 31, both at 01:00 UTC; America/New_York leaves out 02:00 to 03:00 on March 14 at 07:00 UTC, and has 01:00 to
//! 02:00 twice on November 7, with the second pass from 06:00 UTC on.

use wasup_store::records::{MissedPolicy, Participant, ScheduleWhat};

use super::*;

pub(in crate::schedules) fn ms(text: &str) -> Millis {
    let text = if text.contains('Z') { text.to_owned() } else { format!("{text}:00Z") };
    Millis::try_from(text.parse::<Timestamp>().unwrap().as_millisecond()).unwrap()
}

fn plan(when: ScheduleWhen) -> SchedulePlan {
    let load = wasup_store::records::Load {
        content: wasup_store::records::Content::text("x"),
        context: None,
        client_message_id: None,
    };
    let chat = Participant { jid: wasup_store::jid::Jid::phone("62811"), phone: None, lid: None };
    let what = ScheduleWhat::Message { chat, load: Box::new(load) };
    SchedulePlan {
        name: None,
        when,
        start_ms: None,
        end_ms: None,
        missed: MissedPolicy::default(),
        what,
        files: vec![],
    }
}

pub(in crate::schedules) fn cron_plan(pattern: &str, zone: &str) -> SchedulePlan {
    plan(ScheduleWhen::Cron { pattern: pattern.into(), zone: zone.into() })
}

pub(in crate::schedules) fn times(pattern: &str, zone: &str) -> Times {
    Times::of(&cron_plan(pattern, zone)).unwrap()
}

#[test]
fn the_times_are_those_that_were_worked_out_by_hand() {
    const BERLIN: &str = "Europe/Berlin";
    const NEW_YORK: &str = "America/New_York";
    const JAKARTA: &str = "Asia/Jakarta";
    #[rustfmt::skip]
    let table: &[(&str, &str, &str, &[&str])] = &[
        // Daily at 02:30.
        ("30 2 * * *", BERLIN, "2027-03-27T00:00", &["2027-03-27T01:30", "2027-03-28T01:00", "2027-03-29T00:30"]),
        ("30 2 * * *", BERLIN, "2027-10-30T00:00", &["2027-10-30T00:30", "2027-10-31T00:30", "2027-11-01T01:30"]),
        ("30 2 * * *", NEW_YORK, "2027-03-13T00:00", &["2027-03-13T07:30", "2027-03-14T07:00", "2027-03-15T06:30"]),
        ("30 2 * * *", NEW_YORK, "2027-11-06T00:00", &["2027-11-06T06:30", "2027-11-07T07:30", "2027-11-08T07:30"]),
        ("30 1 * * *", NEW_YORK, "2027-11-06T00:00", &["2027-11-06T05:30", "2027-11-07T05:30", "2027-11-08T06:30"]),
        ("30 2 * * *", JAKARTA, "2027-03-27T00:00", &["2027-03-27T19:30", "2027-03-28T19:30", "2027-03-29T19:30"]),
        ("30 2 * * *", JAKARTA, "2027-10-30T19:30", &["2027-10-31T19:30", "2027-11-01T19:30"]),
        // Every hour: an hour after the other, also where the clock shows one of them twice.
        ("0 * * * *", BERLIN, "2027-03-27T23:30", &["2027-03-28T00:00", "2027-03-28T01:00", "2027-03-28T02:00"]),
        ("0 * * * *", BERLIN, "2027-10-30T23:30", &["2027-10-31T00:00", "2027-10-31T01:00", "2027-10-31T02:00"]),
        ("30 * * * *", BERLIN, "2027-03-28T00:00", &["2027-03-28T00:30", "2027-03-28T01:30", "2027-03-28T02:30"]),
        ("0 * * * *", NEW_YORK, "2027-03-14T05:30", &["2027-03-14T06:00", "2027-03-14T07:00", "2027-03-14T08:00"]),
        ("0 * * * *", NEW_YORK, "2027-11-07T04:30", &["2027-11-07T05:00", "2027-11-07T06:00", "2027-11-07T07:00"]),
        ("0 * * * *", JAKARTA, "2027-10-31T00:30", &["2027-10-31T01:00", "2027-10-31T02:00"]),
        // Every quarter of an hour.
        ("*/15 * * * *", BERLIN, "2027-03-28T00:29", &["2027-03-28T00:30", "2027-03-28T00:45", "2027-03-28T01:00", "2027-03-28T01:15"]),
        ("*/15 * * * *", BERLIN, "2027-10-31T00:29", &["2027-10-31T00:30", "2027-10-31T00:45", "2027-10-31T01:00", "2027-10-31T01:15",
            "2027-10-31T01:30", "2027-10-31T01:45", "2027-10-31T02:00"]),
        ("*/15 * * * *", NEW_YORK, "2027-03-14T06:44", &["2027-03-14T06:45", "2027-03-14T07:00", "2027-03-14T07:15"]),
        ("*/15 * * * *", NEW_YORK, "2027-11-07T05:44", &["2027-11-07T05:45", "2027-11-07T06:00", "2027-11-07T06:15"]),
        // On the 31st: months without one have none.
        ("0 9 31 * *", BERLIN, "2027-01-01T00:00", &["2027-01-31T08:00", "2027-03-31T07:00", "2027-05-31T07:00", "2027-07-31T07:00",
            "2027-08-31T07:00", "2027-10-31T08:00", "2027-12-31T08:00"]),
        ("0 9 L * *", JAKARTA, "2027-02-01T00:00", &["2027-02-28T02:00", "2027-03-31T02:00"]),
        // On February 29, far ahead: 2100 has none.
        ("0 12 29 2 *", JAKARTA, "2027-01-01T00:00", &["2028-02-29T05:00", "2032-02-29T05:00"]),
        ("0 12 29 2 *", NEW_YORK, "2095-01-01T00:00", &["2096-02-29T17:00", "2104-02-29T17:00"]),
        // Several times of a day, of which some are left out or come twice.
        ("30 2,14 * * *", BERLIN, "2027-03-28T00:00", &["2027-03-28T01:00", "2027-03-28T12:30", "2027-03-29T00:30"]),
        ("30 2,14 * * *", BERLIN, "2027-10-31T00:00", &["2027-10-31T00:30", "2027-10-31T13:30", "2027-11-01T01:30"]),
        ("*/20 2 * * *", BERLIN, "2027-03-28T00:00", &["2027-03-28T01:00", "2027-03-29T00:00", "2027-03-29T00:20"]),
        ("*/20 2 * * *", BERLIN, "2027-10-31T00:10", &["2027-10-31T00:20", "2027-10-31T00:40", "2027-11-01T01:00"]),
        ("0 2,3 * * *", BERLIN, "2027-03-28T00:00", &["2027-03-28T01:00", "2027-03-29T00:00", "2027-03-29T01:00"]),
        // From within the second pass of the hour, and from the moment of the change itself.
        ("30 2 * * *", BERLIN, "2027-10-31T01:10", &["2027-11-01T01:30"]),
        ("30 2 * * *", BERLIN, "2027-03-28T01:00", &["2027-03-29T00:30"]),
        ("30 2 * * *", BERLIN, "2027-03-28T00:59:59.999Z", &["2027-03-28T01:00"]),
        // Seconds and years.
        ("*/30 * * * * *", "UTC", "2027-03-28T00:59:45.5Z", &["2027-03-28T01:00", "2027-03-28T01:00:30Z"]),
        ("0 0 0 1 1 * 2040", "UTC", "2027-01-01T00:00", &["2040-01-01T00:00"]),
        // None at all.
        ("0 0 30 2 *", "UTC", "2027-01-01T00:00", &[]),
    ];
    for (pattern, zone, after, expected) in table {
        let expected: Vec<_> = expected.iter().map(|text| ms(text)).collect();
        let found = times(pattern, zone).upcoming(ms(after), expected.len().max(1));
        assert_eq!(found, expected, "{pattern} {zone} {after}");
    }
}

#[test]
fn a_moment_comes_once_and_only_within_start_and_end() {
    let at = plan(ScheduleWhen::Once { at_ms: 5_000, zone: None });
    assert_eq!(Times::of(&at).unwrap().upcoming(0, 9), [5_000]);
    assert_eq!(Times::of(&at).unwrap().next(5_000), None);
    let mut daily = cron_plan("0 9 * * *", "UTC");
    (daily.start_ms, daily.end_ms) = (Some(ms("2027-01-03T09:00")), Some(ms("2027-01-04T09:00")));
    let expected = [ms("2027-01-03T09:00"), ms("2027-01-04T09:00")];
    assert_eq!(Times::of(&daily).unwrap().upcoming(ms("2026-01-01T00:00"), 9), expected);
    daily.end_ms = Some(0);
    assert_eq!(Times::of(&daily).unwrap_err(), BadTimes::EndBeforeStart);
}

#[test]
fn what_is_no_expression_or_zone_is_refused() {
    for pattern in ["", "* * * *", "61 * * * *", "0 25 * * *", "daily", "* * * * * * * *", &"1,".repeat(150)] {
        let refused = Times::of(&cron_plan(pattern, "UTC"));
        assert!(matches!(refused, Err(BadTimes::Cron(_))), "{pattern}");
    }
    for zone in ["", "Mars/Olympus", "+07:00", "WIB"] {
        assert_eq!(Times::of(&cron_plan("0 9 * * *", zone)).unwrap_err(), BadTimes::Zone, "{zone}");
    }
    for good in ["@daily", "0 9 * * MON-FRI", "0 9 15W * *", "0 9 * * FRI#L", "0 9 ? * 1"] {
        assert!(Times::of(&cron_plan(good, "Asia/Jakarta")).is_ok(), "{good}");
    }
}

#[test]
fn a_civil_time_is_the_first_of_two_and_the_first_after_a_gap() {
    let berlin = zone("Europe/Berlin").unwrap();
    for (civil, expected) in [
        ("2027-03-28T02:30:00", "2027-03-28T01:00"),
        ("2027-10-31T02:30:00", "2027-10-31T00:30"),
        ("2027-07-01T02:30:00", "2027-07-01T00:30"),
    ] {
        assert_eq!(civil_ms(&berlin, civil.parse().unwrap()), Some(ms(expected)));
    }
}
