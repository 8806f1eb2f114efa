//! Hours in which nothing is sent. Pure: the time comes in.

use jiff::civil::Time;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use wasup_sessions::number::country;
use wasup_store::id::Millis;
use wasup_store::records::{ListedContact, QuietHours};

use super::zones;

/// Fields of a contact that may name their zone.
const FIELDS: [&str; 4] = ["timezone", "time_zone", "time zone", "tz"];
/// After this long zones that are never all awake are given up.
const NEVER_MS: Millis = 48 * 3_600_000;

/// The zones that a recipient may live in: what a field of theirs says, or all of their number's country.
pub(super) fn zones_of(contact: &ListedContact) -> Vec<TimeZone> {
    let named = contact.fields.iter().filter(|(name, _)| FIELDS.contains(&name.to_lowercase().as_str()));
    let named: Vec<_> = named.filter_map(|(_, zone)| TimeZone::get(zone.trim()).ok()).take(1).collect();
    if named.is_empty() { zones_of_number(&contact.number) } else { named }
}

/// The zones of a number's country.
pub(super) fn zones_of_number(digits: &str) -> Vec<TimeZone> {
    let country = country(digits).unwrap_or_default();
    zones::of_country(&country).iter().filter_map(|zone| TimeZone::get(zone).ok()).collect()
}

/// Until when it is quiet somewhere among some zones; `None` where nobody sleeps. Zones that are never all awake together go
/// by the first of them.
pub(super) fn until(hours: &QuietHours, zones: &[TimeZone], now_ms: Millis) -> Option<Millis> {
    let mut at_ms = now_ms;
    while let Some(next_ms) = zones.iter().filter_map(|zone| one_until(hours, zone, at_ms)).max() {
        if next_ms <= at_ms || next_ms > now_ms.saturating_add(NEVER_MS) {
            return zones.first().and_then(|zone| one_until(hours, zone, now_ms));
        }
        at_ms = next_ms;
    }
    (at_ms > now_ms).then_some(at_ms)
}

fn one_until(hours: &QuietHours, zone: &TimeZone, now_ms: Millis) -> Option<Millis> {
    let now = Timestamp::from_millisecond(i64::try_from(now_ms).ok()?).ok()?.to_zoned(zone.clone());
    let minute = u16::try_from(now.hour()).ok()? * 60 + u16::try_from(now.minute()).ok()?;
    let (from, to) = (hours.from_minute, hours.to_minute);
    let quiet = if from <= to { (from..to).contains(&minute) } else { minute >= from || minute < to };
    if !quiet {
        return None;
    }
    let end = Time::new(i8::try_from(to / 60 % 24).ok()?, i8::try_from(to % 60).ok()?, 0, 0).ok()?;
    let day = if minute < to { now.date() } else { now.date().checked_add(1.day()).ok()? };
    // An end that the clocks leap over comes as much later as they leap.
    let end = day.to_datetime(end).to_zoned(zone.clone()).ok()?.timestamp();
    u64::try_from(end.as_millisecond()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasup_store::records::QuietZone;

    fn ms(at: &str) -> Millis {
        u64::try_from(at.parse::<Timestamp>().unwrap().as_millisecond()).unwrap()
    }

    fn night(from: u16, to: u16) -> QuietHours {
        QuietHours { from_minute: from * 60, to_minute: to * 60, zone: QuietZone::Recipient }
    }

    #[test]
    fn quiet_hours_end_by_the_clock_on_the_wall() {
        let (night, noon) = (night(21, 8), night(12, 14));
        for (hours, zone, now, expected) in [
            (&night, "Asia/Jakarta", "2026-11-22T13:59:00Z", None),
            (&night, "Asia/Jakarta", "2026-11-22T14:00:00Z", Some("2026-11-23T01:00:00Z")),
            (&night, "Asia/Jakarta", "2026-11-22T23:30:00Z", Some("2026-11-23T01:00:00Z")),
            (&night, "Asia/Jakarta", "2026-11-23T01:00:00Z", None),
            (&noon, "Asia/Jakarta", "2026-11-22T05:30:00Z", Some("2026-11-22T07:00:00Z")),
            (&noon, "Asia/Jakarta", "2026-11-22T04:59:00Z", None),
            // The night in which the clocks go forward is an hour shorter, the other one an hour longer.
            (&night, "Europe/Berlin", "2027-03-27T20:00:00Z", Some("2027-03-28T06:00:00Z")),
            (&night, "Europe/Berlin", "2027-10-30T19:00:00Z", Some("2027-10-31T07:00:00Z")),
        ] {
            let zones = [TimeZone::get(zone).unwrap()];
            assert_eq!(until(hours, &zones, ms(now)), expected.map(ms), "{zone} {now}");
        }
        // An end that is not on the clock comes when the clock has leapt over it.
        let end = QuietHours { from_minute: 60, to_minute: 150, zone: QuietZone::Recipient };
        let berlin = [TimeZone::get("Europe/Berlin").unwrap()];
        assert_eq!(until(&end, &berlin, ms("2027-03-28T00:30:00Z")), Some(ms("2027-03-28T01:30:00Z")));
    }

    #[test]
    fn a_country_with_several_zones_is_awake_when_all_are() {
        let contact = |number: &str| ListedContact { number: number.into(), ..ListedContact::default() };
        let indonesia = zones_of(&contact("6281234567890"));
        assert_eq!(indonesia.len(), 3);
        // 21:00 in Jayapura is 19:00 in Jakarta; 8:00 in Jakarta is 10:00 in Jayapura.
        assert_eq!(until(&night(21, 8), &indonesia, ms("2026-11-22T12:00:00Z")), Some(ms("2026-11-23T01:00:00Z")));
        assert_eq!(until(&night(21, 8), &indonesia, ms("2026-11-22T11:59:00Z")), None);
        let mut known = contact("6281234567890");
        known.fields.insert("Time zone".into(), "Europe/Berlin".into());
        assert_eq!(zones_of(&known), [TimeZone::get("Europe/Berlin").unwrap()]);
        known.fields.insert("Time zone".into(), "Mars/Olympus".into());
        assert_eq!(zones_of(&known).len(), 3, "what is no zone says nothing");
        assert!(zones_of(&contact("10000000000")).is_empty());
        assert_eq!(until(&night(21, 8), &[], ms("2026-11-22T12:00:00Z")), None);
        // Russia is never awake all together between ten and seventeen.
        let russia = zones_of(&contact("79161234567"));
        let first = one_until(&night(17, 10), &russia[0], ms("2026-11-22T15:00:00Z"));
        assert_eq!(until(&night(17, 10), &russia, ms("2026-11-22T15:00:00Z")), first);
        assert!(first.is_some());
    }
}
