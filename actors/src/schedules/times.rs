//! When a schedule runs. Pure: what its times are, for any moment.
//!
//! What a change of the clock does to an expression of cron is decided here. Where the hours are all 24, as in `0 * * * *`, it
//! follows the time that passes: nothing in an hour that a clock leaves out, and both passes of one that comes twice. Otherwise
//! its times are times of day: one that the clock leaves out runs at the first moment after the gap, and only once where
//! several fall into it; one that comes twice runs the first time.

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};
use wasup_store::id::Millis;
use wasup_store::records::{SchedulePlan, ScheduleWhen};

/// Longest expression, in bytes.
const PATTERN_MAX: usize = 200;

/// Why an expression can't be read, in words for people; or the zone is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadTimes {
    /// It is no expression of cron.
    #[error("{0}")]
    Cron(String),
    /// There is no such zone.
    #[error("is no IANA time zone, such as Asia/Jakarta or UTC")]
    Zone,
    /// The times end before they begin.
    #[error("the end is before the start")]
    EndBeforeStart,
}

#[derive(Debug, Clone)]
enum Timing {
    Once(Millis),
    Cron { cron: Box<Cron>, zone: TimeZone, all_hours: bool },
}

/// The times of a schedule.
#[derive(Debug, Clone)]
pub struct Times {
    timing: Timing,
    start_ms: Option<Millis>,
    end_ms: Option<Millis>,
}

/// The zone with this IANA name.
///
/// # Errors
/// [`BadTimes::Zone`] where there is none.
pub fn zone(name: &str) -> Result<TimeZone, BadTimes> {
    TimeZone::get(name).map_err(|_| BadTimes::Zone)
}

fn cron(pattern: &str) -> Result<Cron, BadTimes> {
    if pattern.len() > PATTERN_MAX {
        return Err(BadTimes::Cron(format!("must have at most {PATTERN_MAX} characters")));
    }
    let parser = CronParser::builder().seconds(Seconds::Optional).year(Year::Optional).build();
    parser.parse(pattern).map_err(|error| BadTimes::Cron(error.to_string()))
}

/// The moment at which the clock of a zone shows a time, or would.
fn moment(zone: &TimeZone, civil: DateTime) -> Option<Timestamp> {
    let ambiguous = zone.to_ambiguous_timestamp(civil);
    match ambiguous.offset() {
        // The first moment after the gap: the change itself.
        AmbiguousOffset::Gap { .. } => {
            let before = ambiguous.earlier().ok()?;
            zone.following(before).next().map(|change| change.timestamp())
        }
        AmbiguousOffset::Unambiguous { .. } | AmbiguousOffset::Fold { .. } => ambiguous.earlier().ok(),
    }
}

fn millis(at: Timestamp) -> Option<Millis> {
    Millis::try_from(at.as_millisecond()).ok()
}

/// The moment of a civil time in a zone, for whoever names one: the first of two, and the first after a gap.
#[must_use]
pub fn civil_ms(zone: &TimeZone, civil: DateTime) -> Option<Millis> {
    moment(zone, civil).and_then(millis)
}

fn next_time_of_day(cron: &Cron, zone: &TimeZone, after: Timestamp) -> Option<Timestamp> {
    let mut civil = zone.to_datetime(after);
    loop {
        civil = cron.find_next_occurrence(&civil, false).ok()?;
        let at = moment(zone, civil)?;
        // In the second pass of an hour its times have been; after a gap those within it, too.
        if at > after {
            return Some(at);
        }
    }
}

impl Times {
    /// The times of what people set.
    ///
    /// # Errors
    /// [`BadTimes`] for what can't be read.
    pub fn of(plan: &SchedulePlan) -> Result<Self, BadTimes> {
        Self::read(&plan.when, plan.start_ms, plan.end_ms)
    }

    /// The times that an expression or a moment gives, from a start to an end.
    ///
    /// # Errors
    /// [`BadTimes`] for what can't be read.
    pub fn read(when: &ScheduleWhen, start_ms: Option<Millis>, end_ms: Option<Millis>) -> Result<Self, BadTimes> {
        let timing = match when {
            ScheduleWhen::Once { at_ms, .. } => Timing::Once(*at_ms),
            ScheduleWhen::Cron { pattern, zone: name } => {
                let (cron, zone) = (Box::new(cron(pattern)?), zone(name)?);
                let all_hours = (0..24).all(|hour| cron.pattern.hour_match(hour).unwrap_or(false));
                Timing::Cron { cron, zone, all_hours }
            }
        };
        if end_ms.zip(start_ms).is_some_and(|(end, start)| end < start) {
            return Err(BadTimes::EndBeforeStart);
        }
        Ok(Self { timing, start_ms, end_ms })
    }

    /// The first time after a moment; `None` where none is left.
    #[must_use]
    pub fn next(&self, after_ms: Millis) -> Option<Millis> {
        let after_ms = self.start_ms.map_or(after_ms, |start_ms| after_ms.max(start_ms.saturating_sub(1)));
        let next_ms = match &self.timing {
            Timing::Once(at_ms) => (*at_ms > after_ms).then_some(*at_ms),
            Timing::Cron { cron, zone, all_hours } => {
                let after = Timestamp::from_millisecond(i64::try_from(after_ms).ok()?).ok()?;
                let next = if *all_hours {
                    cron.find_next_occurrence(&after.to_zoned(zone.clone()), false).ok().map(|at| at.timestamp())
                } else {
                    next_time_of_day(cron, zone, after)
                };
                // A part of a second of the moment itself is none of the time that is found.
                next.and_then(|at| at.round(jiff::Unit::Second).ok()).and_then(millis)
            }
        };
        next_ms.filter(|at_ms| *at_ms > after_ms && self.end_ms.is_none_or(|end_ms| *at_ms <= end_ms))
    }

    /// The first `count` times after a moment.
    #[must_use]
    pub fn upcoming(&self, after_ms: Millis, count: usize) -> Vec<Millis> {
        std::iter::successors(self.next(after_ms), |at_ms| self.next(*at_ms)).take(count).collect()
    }
}

#[cfg(test)]
#[path = "times_tests.rs"]
pub(super) mod tests;
