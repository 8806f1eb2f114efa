//! The catalogue of metrics: every name with its unit and meaning, and how histograms are cut.
//!
//! Counters and histograms are recorded where the thing happens, through the `metrics` macros; these need a recorder
//! that is global to the process, so it is installed once and shared by every gateway in it (tests run several).
//! Gauges of *stored* state are not recorded at all: each gateway computes its own from the store's counters when it
//! is scraped ([`Gauges`]), so they are right from the first scrape after a restart.

use std::fmt::Write as _;
use std::sync::OnceLock;
use std::time::Duration;

use metrics::Unit;
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use tokio_util::sync::CancellationToken;

/// Times of things that take micro- to milliseconds, in seconds.
const FAST: [f64; 12] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5];

/// Times of things that wait for others, in seconds.
const SLOW: [f64; 12] = [0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0, 60.0, 300.0, 3_600.0, 21_600.0, 86_400.0];

/// Counters: name, unit, meaning.
const COUNTERS: [(&str, Unit, &str); 7] = [
    ("wasup_account_restarts_total", Unit::Count, "Restarts of an account's actor after it broke, by reason."),
    ("wasup_account_reconnects_total", Unit::Count, "Connections that were lost and made again, by reason."),
    ("wasup_sends_total", Unit::Count, "Sends by outcome: sent, rejected, held, failed; resent counts repeated tries."),
    ("wasup_delivery_attempts_total", Unit::Count, "Attempts to deliver a webhook, by outcome."),
    ("wasup_deliveries_total", Unit::Count, "Webhook deliveries that ended, by outcome."),
    ("wasup_http_requests_total", Unit::Count, "Requests to the API, by route, method and class of status."),
    ("wasup_http_accept_failures_total", Unit::Count, "Connections that the system could not accept."),
];

/// Gauges that are recorded where they change: name, unit, meaning.
const GAUGES: [(&str, Unit, &str); 1] =
    [("wasup_supervisor_quarantined", Unit::Count, "Accounts that their supervisor holds in quarantine.")];

/// Histograms: name, how it is cut, meaning. The unit is the second.
const HISTOGRAMS: [(&str, &[f64], &str); 2] = [
    ("wasup_delivery_lag_seconds", &SLOW, "Time from an event's commit to its accepted delivery."),
    ("wasup_http_request_seconds", &FAST, "Time to answer a request, by route."),
];

/// The process's recorder.
static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();

/// The handle of the process's recorder, which is installed at the first call.
///
/// # Errors
/// [`BuildError`] when another recorder was installed before, or a histogram is cut into nothing.
pub fn recorder() -> Result<&'static PrometheusHandle, BuildError> {
    if let Some(handle) = RECORDER.get() {
        return Ok(handle);
    }
    static INSTALL: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let _turn = INSTALL.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if RECORDER.get().is_none() {
        let mut builder = PrometheusBuilder::new();
        for (name, buckets, _) in HISTOGRAMS {
            builder = builder.set_buckets_for_metric(Matcher::Full(name.to_owned()), buckets)?;
        }
        let recorder = builder.build_recorder();
        let handle = recorder.handle();
        metrics::set_global_recorder(recorder)?;
        describe();
        let _ = RECORDER.set(handle);
    }
    Ok(RECORDER.get().expect("set above, under the lock"))
}

/// How often samples of histograms are put into their buckets; until then each takes memory.
const UPKEEP: Duration = Duration::from_secs(5);

/// Keeps the recorder small, scraped or not, until `ending`.
pub(crate) async fn upkeep(recorder: &'static PrometheusHandle, ending: CancellationToken) {
    let mut ticks = tokio::time::interval(UPKEEP);
    while ending.run_until_cancelled(ticks.tick()).await.is_some() {
        recorder.run_upkeep();
    }
}

fn describe() {
    for (name, unit, help) in COUNTERS {
        metrics::describe_counter!(name, unit, help);
    }
    for (name, unit, help) in GAUGES {
        metrics::describe_gauge!(name, unit, help);
    }
    for (name, _, help) in HISTOGRAMS {
        metrics::describe_histogram!(name, Unit::Seconds, help);
    }
}

/// Gauges that are computed at a scrape, in the text format.
#[derive(Debug, Default)]
pub struct Gauges(String);

impl Gauges {
    /// A family with one value.
    pub fn one(&mut self, name: &str, help: &str, value: impl std::fmt::Display) {
        self.family(name, help);
        self.line(format_args!("{name} {value}"));
    }

    /// A family with one value for each word of a label.
    pub fn each<'a, V: std::fmt::Display>(
        &mut self,
        name: &str,
        help: &str,
        label: &str,
        values: impl IntoIterator<Item = (&'a str, V)>,
    ) {
        self.family(name, help);
        for (word, value) in values {
            self.line(format_args!("{name}{{{label}=\"{word}\"}} {value}"));
        }
    }

    /// A counter that the store keeps itself.
    pub fn counter(&mut self, name: &str, help: &str, value: u64) {
        self.line(format_args!("# HELP {name} {help}\n# TYPE {name} counter\n{name} {value}"));
    }

    /// The text.
    #[must_use]
    pub fn into_text(self) -> String {
        self.0
    }

    fn family(&mut self, name: &str, help: &str) {
        self.line(format_args!("# HELP {name} {help}\n# TYPE {name} gauge"));
    }

    fn line(&mut self, text: std::fmt::Arguments<'_>) {
        // Writing to a string does not fail.
        let _ = writeln!(self.0, "{text}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_recorder_is_one_and_knows_its_catalogue() {
        let first = recorder().unwrap();
        metrics::counter!("wasup_sends_total", "outcome" => "sent").increment(1);
        metrics::histogram!("wasup_http_request_seconds").record(0.002);
        let text = recorder().unwrap().render();
        assert!(text.contains("# HELP wasup_sends_total"), "{text}");
        assert!(text.contains("wasup_http_request_seconds_bucket{le=\"0.0025\"}"), "{text}");
        assert!(std::ptr::eq(first, recorder().unwrap()));
    }

    #[test]
    fn names_follow_the_rule() {
        let counters = COUNTERS.iter().map(|(name, _, help)| (*name, *help, "_total"));
        let histograms = HISTOGRAMS.iter().map(|(name, _, help)| (*name, *help, "_seconds"));
        for (name, help, ending) in counters.chain(histograms) {
            assert!(name.starts_with("wasup_") && name.ends_with(ending) && help.ends_with('.'), "{name}");
        }
    }

    #[test]
    fn gauges_are_in_the_text_format() {
        let mut gauges = Gauges::default();
        gauges.each("wasup_accounts", "Accounts.", "phase", [("connected", 3), ("stopped", 0)]);
        assert_eq!(
            gauges.into_text(),
            "# HELP wasup_accounts Accounts.\n# TYPE wasup_accounts gauge\nwasup_accounts{phase=\"connected\"} 3\n\
             wasup_accounts{phase=\"stopped\"} 0\n"
        );
    }
}
