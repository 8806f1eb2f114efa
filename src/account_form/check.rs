//! The rules that a form has to keep, besides its shape.

use std::fmt::Display;
use std::ops::RangeInclusive;

use wasup_store::id::Millis;
use wasup_store::repo::account_settings::{AccountPatch, Conflict, SettingsPatch};

use super::{ChangeAccount, GapForm, HistoryForm, NAME_MAX, PacingForm, RestartForm, proxy};
use crate::api::problem::FieldError;
use crate::config::{Span, is_region};

/// Longest name that a phone is told, in characters.
const DEVICE_NAME_MAX: usize = 50;
/// Longest remark, in characters.
const NOTE_MAX: usize = 2_000;
/// Largest notes, in bytes of JSON.
const METADATA_MAX: usize = 16 * 1_024;

const DAY: Span = Span::secs(86_400);
const HOUR: Span = Span::secs(3_600);

/// What was found wrong so far.
struct Checks(Vec<FieldError>);

impl Checks {
    fn refuse(&mut self, field: &str, what: impl Into<String>) {
        self.0.push(FieldError::new(field, what));
    }

    fn within<T: PartialOrd + Display + Copy>(
        &mut self,
        field: &str,
        value: Option<Option<T>>,
        allowed: RangeInclusive<T>,
    ) -> Option<Option<T>> {
        if value.flatten().is_some_and(|value| !allowed.contains(&value)) {
            self.refuse(field, format!("must be from {} to {}", allowed.start(), allowed.end()));
        }
        value
    }

    fn span(
        &mut self,
        field: &str,
        value: Option<Option<Span>>,
        allowed: RangeInclusive<Span>,
    ) -> Option<Option<Millis>> {
        let millis = |span: Span| Millis::try_from(span.0.as_millis()).unwrap_or(Millis::MAX);
        self.within(field, value, allowed).map(|span| span.map(millis))
    }
}

impl ChangeAccount {
    /// The change that is meant.
    ///
    /// # Errors
    /// Every wrong value; never with a proxy's password.
    pub fn check(self) -> Result<AccountPatch, Vec<FieldError>> {
        let mut checks = Checks(Vec::new());
        if self.name.as_ref().and_then(Option::as_ref).is_some_and(|name| name.chars().count() > NAME_MAX) {
            checks.refuse("name", "must not be longer than 200 characters");
        }
        if self.default_region.as_ref().and_then(Option::as_deref).is_some_and(|region| !is_region(region)) {
            checks.refuse("default_region", "must be two capital letters, such as ID");
        }
        let metadata = self.metadata.map(|notes| notes.map(|notes| serde_json::Value::Object(notes).to_string()));
        if metadata.as_ref().and_then(Option::as_ref).is_some_and(|notes| notes.len() > METADATA_MAX) {
            checks.refuse("metadata", "must not be longer than 16 KiB");
        }
        if self.note.as_ref().and_then(Option::as_ref).is_some_and(|note| note.chars().count() > NOTE_MAX) {
            checks.refuse("note", "must not be longer than 2000 characters");
        }
        let proxy = self.proxy.map(|proxy| proxy.map(|text| text.address()));
        if proxy == Some(Some(None)) {
            checks.refuse("proxy", proxy::EXPECTED);
        }
        if self.device_name.as_ref().and_then(Option::as_deref).is_some_and(|name| !is_device_name(name)) {
            checks.refuse("device_name", format!("must be 1 to {DEVICE_NAME_MAX} characters on one line"));
        }
        let mut settings = SettingsPatch {
            proxy: proxy.map(Option::flatten),
            device_name: self.device_name,
            ..SettingsPatch::default()
        };
        if let Some(form) = self.restart {
            restart(form, &mut settings, &mut checks);
        }
        if let Some(form) = self.pacing {
            pacing(form, &mut settings, &mut checks);
        }
        if let Some(form) = self.history {
            history(form, &mut settings, &mut checks);
        }
        if !checks.0.is_empty() {
            return Err(checks.0);
        }
        Ok(AccountPatch {
            name: self.name.map(Option::unwrap_or_default),
            default_region: self.default_region,
            autostart: self.autostart.map(|autostart| autostart.unwrap_or(true)),
            metadata,
            note: self.note,
            settings,
        })
    }
}

fn is_device_name(name: &str) -> bool {
    let length = name.chars().count();
    (1..=DEVICE_NAME_MAX).contains(&length) && !name.trim().is_empty() && !name.chars().any(char::is_control)
}

/// A group that is `null` goes back as a whole.
fn whole<T>(form: Option<T>, all_null: impl FnOnce() -> T) -> T {
    form.unwrap_or_else(all_null)
}

fn restart(form: Option<RestartForm>, to: &mut SettingsPatch, checks: &mut Checks) {
    let null = || RestartForm {
        max_restarts: Some(None),
        within: Some(None),
        backoff_base: Some(None),
        backoff_cap: Some(None),
        stable_after: Some(None),
    };
    let form = whole(form, null);
    let least = Span::millis(10);
    to.max_restarts = checks.within("restart.max_restarts", form.max_restarts, 0..=1_000);
    to.within_ms = checks.span("restart.within", form.within, Span::secs(1)..=DAY);
    to.backoff_base_ms = checks.span("restart.backoff_base", form.backoff_base, least..=HOUR);
    to.backoff_cap_ms = checks.span("restart.backoff_cap", form.backoff_cap, least..=DAY);
    to.stable_after_ms = checks.span("restart.stable_after", form.stable_after, Span::secs(1)..=DAY);
}

fn pacing(form: Option<PacingForm>, to: &mut SettingsPatch, checks: &mut Checks) {
    let null = || PacingForm { gap: Some(None), per_minute: Some(None), cold_per_day: Some(None) };
    let form = whole(form, null);
    if let Some(gap) = form.gap {
        let gap = whole(gap, || GapForm { min: Some(None), max: Some(None) });
        to.gap_min_ms = checks.span("pacing.gap.min", gap.min, Span::default()..=HOUR);
        to.gap_max_ms = checks.span("pacing.gap.max", gap.max, Span::default()..=HOUR);
    }
    to.per_minute = checks.within("pacing.per_minute", form.per_minute, 0..=1_000);
    to.cold_per_day = checks.within("pacing.cold_per_day", form.cold_per_day, 0..=1_000);
}

fn history(form: Option<HistoryForm>, to: &mut SettingsPatch, checks: &mut Checks) {
    let null = || HistoryForm { days: Some(None), megabytes: Some(None), full: Some(None) };
    let form = whole(form, null);
    to.history_days = checks.within("history.days", form.days, 1..=3_650);
    to.history_megabytes = checks.within("history.megabytes", form.megabytes, 1..=100_000);
    to.history_full = form.full;
}

/// Settings that do not go together, by the field that has to change.
pub(crate) fn conflicting(conflicts: &[Conflict]) -> Vec<FieldError> {
    let error = |conflict: &Conflict| match conflict {
        Conflict::Gap => FieldError::new("pacing.gap", "min must not be longer than max"),
        Conflict::Backoff => FieldError::new("restart", "backoff_base must not be longer than backoff_cap"),
    };
    conflicts.iter().map(error).collect()
}

#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;
