//! How fast a campaign is, when it is quiet, and what it does about people who write back.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;
use serde::Deserialize;
use utoipa::ToSchema;
use wasup_store::id::Millis;
use wasup_store::records::{CampaignPace, QuietHours, QuietZone, ReplyRules, WarmUp};

use crate::api::problem::FieldError;
use crate::config::Span;

/// The longest wait between two messages of an account.
const GAP_MAX: Span = Span::secs(86_400);
/// The longest time that a rule looks back.
const WITHIN_MAX: Span = Span::secs(365 * 86_400);
/// Most words that opt out.
const WORDS_MAX: usize = 50;
/// Longest of them, in characters.
const WORD_CHARS: usize = 100;

fn millis(span: Span) -> Millis {
    u64::try_from(span.0.as_millis()).unwrap_or(u64::MAX)
}

/// How an account that was linked to its number lately begins.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct WarmUpForm {
    /// Most bulk messages in the first day, 1 to 100000.
    #[schema(minimum = 1, maximum = 100_000, examples(20))]
    start: u32,
    /// Each day's number by that of the day before: 1.5 for half as many more. 1 to 10.
    #[schema(minimum = 1, maximum = 10, examples(1.5))]
    growth: f64,
}

/// How fast each account sends. What other campaigns and jobs send over it counts, too; what is sent one by one does not, and
/// never waits for a campaign. What is left out is the installation's (`[campaigns]` of the config); a limit of 0 is none.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct PaceForm {
    /// The shortest wait between two messages of an account; each is drawn anew.
    #[schema(value_type = Option<String>, examples("5s"))]
    gap_min: Option<Span>,
    /// The longest, up to a day.
    #[schema(value_type = Option<String>, examples("15s"))]
    gap_max: Option<Span>,
    /// Most messages of an account in any minute.
    per_minute: Option<u32>,
    /// Most in any hour.
    per_hour: Option<u32>,
    /// Most in any 24 hours.
    per_day: Option<u32>,
    /// How new numbers begin.
    warm_up: Option<WarmUpForm>,
}

impl PaceForm {
    pub(super) fn over(self, before: CampaignPace) -> Result<CampaignPace, FieldError> {
        let limit = |asked: Option<u32>, before: Option<u32>| asked.map_or(before, |most| (most > 0).then_some(most));
        let gap_min_ms = self.gap_min.map_or(before.gap_min_ms, millis);
        // Who asks for a shorter wait than the longest of the installation's means that wait.
        let gap_max_ms = match (self.gap_max, self.gap_min) {
            (Some(most), _) => millis(most),
            (None, Some(_)) => gap_min_ms.max(before.gap_max_ms.min(gap_min_ms.saturating_mul(3))),
            (None, None) => before.gap_max_ms,
        };
        if gap_min_ms > gap_max_ms || gap_max_ms > millis(GAP_MAX) {
            return Err(FieldError::new("pace.gap_max", format!("must be from gap_min to {GAP_MAX}")));
        }
        if let Some(WarmUpForm { start, growth }) = self.warm_up
            && !((1..=100_000).contains(&start) && (1.0..=10.0).contains(&growth))
        {
            return Err(FieldError::new("pace.warm_up", "start must be 1 to 100000 and growth 1 to 10"));
        }
        Ok(CampaignPace {
            gap_min_ms,
            gap_max_ms,
            per_minute: limit(self.per_minute, before.per_minute),
            per_hour: limit(self.per_hour, before.per_hour),
            per_day: limit(self.per_day, before.per_day),
            warm_up: self.warm_up.map(|WarmUpForm { start, growth }| WarmUp { start, growth }).or(before.warm_up),
        })
    }
}

/// Hours in which nothing is sent.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct QuietForm {
    /// When they begin, `HH:MM`.
    #[schema(examples("21:00"))]
    from: String,
    /// When they end, `HH:MM`; on the next day where that is not later.
    #[schema(examples("08:00"))]
    to: String,
    /// By whose clock: `recipient` (a field `timezone` of the contact, or the country of the number: where that has several
    /// zones, all of them have to be awake), `sender` (the country of the account's number), or a zone such as
    /// `Asia/Jakarta`.
    #[schema(examples("recipient"))]
    zone: String,
}

fn minute(field: &str, text: &str) -> Result<u16, FieldError> {
    let parts = text.split_once(':').filter(|(hour, minute)| hour.len() == 2 && minute.len() == 2);
    let read = parts.and_then(|(hour, minute)| Some((hour.parse::<u16>().ok()?, minute.parse::<u16>().ok()?)));
    match read.filter(|(hour, minute)| *hour < 24 && *minute < 60) {
        Some((hour, minute)) => Ok(hour * 60 + minute),
        None => Err(FieldError::new(field, "must be a time of the day, HH:MM")),
    }
}

impl QuietForm {
    pub(super) fn check(self) -> Result<QuietHours, FieldError> {
        let (from_minute, to_minute) = (minute("quiet_hours.from", &self.from)?, minute("quiet_hours.to", &self.to)?);
        if from_minute == to_minute {
            return Err(FieldError::new("quiet_hours.to", "must not be when they begin"));
        }
        let zone = match self.zone.as_str() {
            "recipient" => QuietZone::Recipient,
            "sender" => QuietZone::Sender,
            named if TimeZone::get(named).is_ok() => QuietZone::Named(self.zone),
            _ => {
                return Err(FieldError::new("quiet_hours.zone", "must be recipient, sender or a zone as Asia/Jakarta"));
            }
        };
        Ok(QuietHours { from_minute, to_minute, zone })
    }
}

/// What is done about people who write back.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct RepliesForm {
    /// Who answers with one of these words, in letters of any case, wants no campaigns any more. At most 50.
    #[schema(max_items = 50, examples(json!(["STOP", "BERHENTI"])))]
    #[serde(default)]
    stop_words: BTreeSet<String>,
    /// Who wrote to the sending account within this time is left out: somebody is talking with them.
    #[schema(value_type = Option<String>, examples("1day"))]
    skip_if_wrote_within: Option<Span>,
    /// Who never wrote to the sending account is left out.
    #[serde(default)]
    only_known: bool,
}

impl RepliesForm {
    pub(super) fn check(self) -> Result<ReplyRules, FieldError> {
        let unfit = |word: &String| !word.contains(char::is_alphanumeric) || word.chars().count() > WORD_CHARS;
        if self.stop_words.len() > WORDS_MAX || self.stop_words.iter().any(unfit) {
            return Err(FieldError::new("replies.stop_words", "are at most 50 words of at most 100 characters"));
        }
        if self.skip_if_wrote_within.is_some_and(|within| within > WITHIN_MAX) {
            return Err(FieldError::new("replies.skip_if_wrote_within", format!("must be at most {WITHIN_MAX}")));
        }
        Ok(ReplyRules {
            stop_words: self.stop_words,
            skip_if_wrote_within_ms: self.skip_if_wrote_within.map(millis),
            only_known: self.only_known,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_are_read_and_refused() {
        let quiet = |from: &str, to: &str, zone: &str| {
            QuietForm { from: from.into(), to: to.into(), zone: zone.into() }.check().map_err(|error| error.field)
        };
        let hours = |zone| QuietHours { from_minute: 1_260, to_minute: 480, zone };
        assert_eq!(quiet("21:00", "08:00", "recipient"), Ok(hours(QuietZone::Recipient)));
        assert_eq!(quiet("21:00", "08:00", "sender"), Ok(hours(QuietZone::Sender)));
        assert_eq!(quiet("21:00", "08:00", "Asia/Jakarta"), Ok(hours(QuietZone::Named("Asia/Jakarta".into()))));
        for (from, to, zone, field) in [
            ("24:00", "08:00", "sender", "quiet_hours.from"),
            ("9:00", "08:00", "sender", "quiet_hours.from"),
            ("21:00", "8", "sender", "quiet_hours.to"),
            ("21:00", "21:00", "sender", "quiet_hours.to"),
            ("21:00", "08:60", "sender", "quiet_hours.to"),
            ("21:00", "08:00", "Mars/Olympus", "quiet_hours.zone"),
        ] {
            assert_eq!(
                quiet(from, to, zone).map_err(|name| name.to_string()),
                Err(field.to_owned()),
                "{from} {to} {zone}"
            );
        }
    }

    #[test]
    fn what_a_pace_leaves_out_stays_and_zero_is_no_limit() {
        let before = CampaignPace {
            gap_min_ms: 5_000,
            gap_max_ms: 15_000,
            per_minute: Some(10),
            per_hour: None,
            per_day: Some(1_000),
            warm_up: None,
        };
        assert_eq!(PaceForm::default().over(before).unwrap(), before);
        let zero = PaceForm { per_day: Some(0), per_hour: Some(7), ..PaceForm::default() };
        assert_eq!(zero.over(before).unwrap(), CampaignPace { per_day: None, per_hour: Some(7), ..before });
        let quick = PaceForm { gap_min: Some(Span::secs(0)), ..PaceForm::default() };
        assert_eq!(quick.over(before).unwrap(), CampaignPace { gap_min_ms: 0, gap_max_ms: 0, ..before });
        let slow = PaceForm { gap_min: Some(Span::secs(60)), ..PaceForm::default() };
        assert_eq!(slow.over(before).unwrap(), CampaignPace { gap_min_ms: 60_000, gap_max_ms: 60_000, ..before });
        let odd = PaceForm { gap_min: Some(Span::secs(9)), gap_max: Some(Span::secs(8)), ..PaceForm::default() };
        assert_eq!(odd.over(before).unwrap_err().field, "pace.gap_max");
        let warm = PaceForm { warm_up: Some(WarmUpForm { start: 0, growth: 2.0 }), ..PaceForm::default() };
        assert_eq!(warm.over(before).unwrap_err().field, "pace.warm_up");
    }
}
