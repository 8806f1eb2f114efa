//! Days of the calendar as spans of time.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use wasup_store::id::Millis;

use super::problem::FieldError;

/// When the day of a query's `date` begins and ends by its `tz`, the time zone's IANA name; UTC where that is not given.
///
/// # Errors
/// What is wrong with one of them.
pub(super) fn span(date: Option<&str>, zone: Option<&str>) -> Result<Option<(Millis, Millis)>, FieldError> {
    match (date, zone) {
        (Some(date), zone) => day(date, zone.unwrap_or("UTC")).map(Some),
        (None, Some(_)) => Err(FieldError::new("tz", "says nothing without a date")),
        (None, None) => Ok(None),
    }
}

fn day(date: &str, zone: &str) -> Result<(Millis, Millis), FieldError> {
    let day: Date = date.parse().map_err(|_| FieldError::new("date", "must be a day, as 2026-11-21"))?;
    let zone =
        TimeZone::get(zone).map_err(|_| FieldError::new("tz", "is no time zone's IANA name, as Asia/Jakarta"))?;
    let begin = |day: Date| {
        let start = day.to_zoned(zone.clone()).ok()?.timestamp().as_millisecond();
        u64::try_from(start).ok()
    };
    let next = day.tomorrow().ok();
    match (begin(day), next.and_then(begin)) {
        (Some(begin), Some(end)) => Ok((begin, end)),
        _ => Err(FieldError::new("date", "is no day after 1970")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_goes_by_its_zone() {
        let hour = 3_600_000;
        let utc = day("2026-11-21", "UTC").unwrap();
        assert_eq!(utc, (1_795_219_200_000, 1_795_219_200_000 + 24 * hour));
        assert_eq!(day("2026-11-21", "Asia/Jakarta").unwrap().0, utc.0 - 7 * hour);
        // The clocks go back: a day of 25 hours.
        let long = day("2026-10-25", "Europe/Berlin").unwrap();
        assert_eq!(long.1 - long.0, 25 * hour);
        for (date, zone) in
            [("2026-13-01", "UTC"), ("21.11.2026", "UTC"), ("2026-11-21", "Nowhere/Town"), ("1960-01-01", "UTC")]
        {
            assert!(day(date, zone).is_err(), "{date} {zone}");
        }
    }
}
