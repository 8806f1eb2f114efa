//! Times as people write them: with an offset, or as the clock of a zone shows them.

use jiff::Timestamp;
use jiff::civil::DateTime;
use wasup_actors::{civil_ms, zone};
use wasup_store::id::Millis;

use crate::api::problem::{FieldError, Problem};

/// A time of a field. Without an offset it is one of the zone: the first of two where a clock shows it twice, the first after
/// the gap where it shows it never.
///
/// # Errors
/// What is wrong with it, or with the zone.
pub(super) fn moment(field: &str, text: &str, timezone: Option<&str>) -> Result<Millis, Problem> {
    let wrong = |message: &str| Problem::invalid(vec![FieldError::new(field, message)]);
    if let Ok(at) = text.parse::<Timestamp>() {
        return Millis::try_from(at.as_millisecond()).map_err(|_| wrong("is no time after 1970"));
    }
    let civil: DateTime =
        text.parse().map_err(|_| wrong("must be a time, as 2027-03-28T09:00:00+07:00, or without an offset"))?;
    let Some(timezone) = timezone else { return Err(wrong("has no offset, and there is no timezone")) };
    civil_ms(&zone(timezone)?, civil).ok_or_else(|| wrong("is no time after 1970"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_an_offset_or_a_zone() {
        let jakarta = Some("Asia/Jakarta");
        for (text, zone, expected) in [
            ("2027-03-28T09:00:00Z", None, Some(1_806_224_400_000)),
            ("2027-03-28T16:00:00+07:00", jakarta, Some(1_806_224_400_000)),
            ("2027-03-28T16:00:00", jakarta, Some(1_806_224_400_000)),
            ("2027-03-28 16:00:00", jakarta, Some(1_806_224_400_000)),
            ("2027-03-28T16:00", jakarta, Some(1_806_224_400_000)),
            ("2027-03-28T16:00:00", None, None),
            ("2027-03-28T16:00:00", Some("Nowhere"), None),
            ("1960-03-28T16:00:00Z", None, None),
            ("tomorrow", jakarta, None),
        ] {
            assert_eq!(moment("at", text, zone).ok(), expected, "{text}");
        }
    }
}
