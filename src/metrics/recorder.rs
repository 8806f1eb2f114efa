//! A gateway's own recorder, and the handles over it that are handed down.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use metrics::{Counter, Gauge, Histogram, Key, Label as KeyLabel, Level, Metadata, Recorder as _};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};
use tokio_util::sync::CancellationToken;
use wasup_actors::supervision::CrashKind;
use wasup_actors::{
    AttemptResult, Branch, DeliveryOutcome, Meters, PairingOutcome, PairingWay, PrunedRows, Refusal, ReplyOutcome,
    RestrictionChange, RowOutcome, ScheduleOutcome, SendOutcome,
};
use wasup_sessions::meters::{Arrived, Counters, LinkMeters};
use wasup_sessions::ports::DisconnectReason;
use wasup_store::records::{Content, ImportEnd, Phase};
use wasup_store::repo::account::Outlived;

use super::catalogue::{self, Family, Kind, Values, catalogue};
use super::http::HttpMeters;
use super::reloads::ReloadMeters;
use super::scans::ScanMeters;
use super::streams::StreamMeters;
use super::text::Text;

/// How often samples of histograms are put into their buckets; until then each takes memory.
const UPKEEP: Duration = Duration::from_secs(5);

const METADATA: Metadata<'static> = Metadata::new("wasup", Level::INFO, None);

/// What one gateway records. Clones are the same.
#[derive(Clone)]
pub struct Metrics {
    recorder: Arc<PrometheusRecorder>,
    handle: PrometheusHandle,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Metrics {
    /// A recorder with nothing in it.
    ///
    /// # Errors
    /// [`BuildError`] when a histogram is cut into nothing.
    pub fn new() -> Result<Self, BuildError> {
        let mut builder = PrometheusBuilder::new();
        for family in catalogue() {
            if let Kind::Histogram(cut) = family.kind
                && !cut.seconds().is_empty()
            {
                builder = builder.set_buckets_for_metric(Matcher::Full(family.name.to_owned()), cut.seconds())?;
            }
        }
        let recorder = builder.build_recorder();
        let handle = recorder.handle();
        let metrics = Self { recorder: Arc::new(recorder), handle };
        metrics.describe();
        Ok(metrics)
    }

    fn describe(&self) {
        for family in catalogue() {
            let (name, help) = (family.name.into(), family.help.into());
            match family.kind {
                Kind::Counter => self.recorder.describe_counter(name, None, help),
                Kind::Gauge => self.recorder.describe_gauge(name, None, help),
                Kind::Histogram(_) => self.recorder.describe_histogram(name, None, help),
            }
        }
    }

    /// Keeps the recorder small, scraped or not, until `ending`.
    pub(crate) async fn upkeep(self, ending: CancellationToken) {
        let mut ticks = tokio::time::interval(UPKEEP);
        while ending.run_until_cancelled(ticks.tick()).await.is_some() {
            self.handle.run_upkeep();
        }
    }

    /// What was recorded, together with what is computed now: families in the order of their names.
    pub(crate) fn render(&self, computed: Text) -> String {
        self.handle.run_upkeep();
        computed.merged_with(&self.handle.render())
    }

    /// A counter of a family.
    pub(super) fn counter(&self, family: &Family, words: &[&str]) -> Counter {
        self.recorder.register_counter(&key(family, words), &METADATA)
    }

    /// A gauge of a family.
    pub(super) fn gauge(&self, family: &Family, words: &[&str]) -> Gauge {
        self.recorder.register_gauge(&key(family, words), &METADATA)
    }

    /// A histogram of a family.
    pub(super) fn histogram(&self, family: &Family, words: &[&str]) -> Histogram {
        self.recorder.register_histogram(&key(family, words), &METADATA)
    }

    fn counters<K: Copy + PartialEq>(
        &self,
        family: &Family,
        all: &[K],
        word: impl Fn(K) -> &'static str,
    ) -> Counters<K> {
        Counters::new(all.iter().copied(), |key| self.counter(family, &[word(key)]))
    }

    /// Counters by the type of content, in one direction.
    fn contents(&self, direction: &str) -> Counters<&'static str> {
        Counters::new(Content::KINDS, |kind| self.counter(&catalogue::MESSAGES_SEEN, &[direction, kind]))
    }

    /// Counters by what comes of a try to send an item of something larger.
    fn items(&self, family: &Family) -> Counters<SendOutcome> {
        Counters::new(ITEM_OUTCOMES, |outcome| self.counter(family, &[outcome.as_str()]))
    }

    /// What the tree counts with.
    #[must_use]
    pub fn tree(&self) -> Meters {
        Meters {
            restarts: self.counters(&catalogue::RESTARTS, &CrashKind::ALL, CrashKind::as_str),
            branch_restarts: self.counters(&catalogue::BRANCH_RESTARTS, &Branch::ALL, Branch::as_str),
            quarantined: self.gauge(&catalogue::QUARANTINED, &[]),
            state_changes: self.counters(&catalogue::STATE_CHANGES, &Phase::ALL, Phase::as_str),
            pairings: Counters::new(pairings(), |(way, outcome)| {
                self.counter(&catalogue::PAIRINGS, &[way.as_str(), outcome.as_str()])
            }),
            expired: self.counters(&catalogue::EXPIRED, &Outlived::ALL, Outlived::as_str),
            reconnects: self.counters(&catalogue::RECONNECTS, &DisconnectReason::ALL, DisconnectReason::as_str),
            accepted: self.contents("outbound"),
            sends: self.counters(&catalogue::SENDS, SendOutcome::ALL, SendOutcome::as_str),
            restrictions: self.counters(&catalogue::RESTRICTIONS, RestrictionChange::ALL, RestrictionChange::as_str),
            send_seconds: self.histogram(&catalogue::SEND_TIME, &[]),
            refusals: self.counters(&catalogue::REFUSALS, Refusal::ALL, Refusal::as_str),
            asks: self.gauge(&catalogue::MAILBOX_PERMITS, &["supervisor"]),
            batches: self.gauge(&catalogue::MAILBOX_PERMITS, &["accounts"]),
            attempts: self.counters(&catalogue::ATTEMPTS, AttemptResult::ALL, AttemptResult::as_str),
            attempt_seconds: self.histogram(&catalogue::ATTEMPT_TIME, &[]),
            attempts_in_flight: self.gauge(&catalogue::ATTEMPTS_IN_FLIGHT, &[]),
            deliveries: self.counters(&catalogue::DELIVERIES, DeliveryOutcome::ALL, DeliveryOutcome::as_str),
            replies: self.counters(&catalogue::REPLIES, ReplyOutcome::ALL, |outcome| outcome.as_str()),
            lag_seconds: self.histogram(&catalogue::LAG, &[]),
            first_attempt_seconds: self.histogram(&catalogue::FIRST_ATTEMPT, &[]),
            endpoints_probed: self.gauge(&catalogue::ENDPOINTS_PROBED, &[]),
            indexed: self.counter(&catalogue::INDEXED, &[]),
            index_lag: self.gauge(&catalogue::INDEX_LAG, &[]),
            import_rows: self.counters(&catalogue::IMPORT_ROWS, RowOutcome::ALL, RowOutcome::as_str),
            imports_ended: self.counters(&catalogue::IMPORTS_ENDED, &ImportEnd::ALL, ImportEnd::as_str),
            import_seconds: self.histogram(&catalogue::IMPORT_TIME, &[]),
            imports_running: self.gauge(&catalogue::IMPORTS, &["running"]),
            imports_waiting: self.gauge(&catalogue::IMPORTS, &["waiting"]),
            job_items: self.items(&catalogue::JOB_ITEMS),
            campaign_messages: self.items(&catalogue::CAMPAIGN_MESSAGES),
            schedules: self.counters(&catalogue::SCHEDULES, ScheduleOutcome::ALL, ScheduleOutcome::as_str),
            pruned: self.counters(&catalogue::PRUNED, PrunedRows::ALL, PrunedRows::as_str),
            ..Meters::default()
        }
    }

    /// What the links count with.
    #[must_use]
    pub fn links(&self) -> LinkMeters {
        LinkMeters {
            received: self.contents("inbound"),
            sent_elsewhere: self.contents("other_device"),
            arrived: self.counters(&catalogue::ARRIVED, &Arrived::ALL, Arrived::as_str),
            commit_seconds: self.histogram(&catalogue::INBOUND_COMMIT, &[]),
        }
    }

    /// What live streams count with.
    pub(crate) fn streams(&self) -> StreamMeters {
        StreamMeters::new(self)
    }

    /// What readings of the accounts file are counted with.
    pub(crate) fn reloads(&self) -> ReloadMeters {
        ReloadMeters::new(self)
    }

    /// What scans of files are counted with.
    pub(crate) fn scans(&self) -> ScanMeters {
        ScanMeters::new(self)
    }

    /// What the API counts with.
    pub(crate) fn http(&self) -> HttpMeters {
        HttpMeters::new(self.clone())
    }
}

/// What comes of a try to send an item of a job or a message of a campaign.
const ITEM_OUTCOMES: [SendOutcome; 5] =
    [SendOutcome::Sent, SendOutcome::Rejected, SendOutcome::Held, SendOutcome::Failed, SendOutcome::Requeued];

/// Every way of a pairing with everything that can come of it.
fn pairings() -> impl Iterator<Item = (PairingWay, PairingOutcome)> {
    let of = |way: &PairingWay| PairingOutcome::ALL.iter().map(|outcome| (*way, *outcome)).collect::<Vec<_>>();
    PairingWay::ALL.iter().flat_map(of)
}

/// The key of a series. A word that the catalogue does not list would be a series that nobody can look for.
fn key(family: &Family, words: &[&str]) -> Key {
    debug_assert_eq!(family.labels.len(), words.len(), "{}", family.name);
    let labels: Vec<KeyLabel> = family
        .labels
        .iter()
        .zip(words)
        .map(|(label, word)| {
            if let Values::Of(values) = label.values {
                debug_assert!(values.contains(word), "{}: {}={word}", family.name, label.name);
            }
            KeyLabel::new(label.name, (*word).to_owned())
        })
        .collect();
    Key::from_parts(family.name, labels)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_recorders_do_not_see_each_other() {
        let (one, two) = (Metrics::new().unwrap(), Metrics::new().unwrap());
        let (ours, _theirs) = (one.tree(), two.tree());
        ours.sends.count(SendOutcome::Sent);
        ours.send_seconds.record(0.02);
        let sent = |metrics: &Metrics| {
            let text = metrics.render(Text::default());
            assert!(text.contains("# HELP wasup_sends_total Sends by outcome."), "{text}");
            assert!(text.contains("wasup_send_seconds_bucket{le=\"0.05\"}"), "{text}");
            text.lines().find_map(|line| line.strip_prefix("wasup_sends_total{outcome=\"sent\"} ")?.parse::<u64>().ok())
        };
        assert_eq!((sent(&one), sent(&two)), (Some(1), Some(0)));
    }

    #[test]
    fn everybody_who_asks_gets_the_same_counter() {
        let metrics = Metrics::new().unwrap();
        metrics.tree().accepted.count("text");
        metrics.tree().accepted.count("text");
        let text = metrics.render(Text::default());
        assert!(text.contains("wasup_messages_total{direction=\"outbound\",type=\"text\"} 2\n"), "{text}");
    }
}
