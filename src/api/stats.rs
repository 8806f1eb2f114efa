//! Numbers: what there is, and how many messages came and went.

use axum::extract::State;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use wasup_actors::{ByType, Hours, Stats, StatsError, Way};
use wasup_store::id::{AccountId, Millis};
use wasup_store::records::{Direction, HourCounts, TenantCounters};
use wasup_store::repo::stat::HOUR_MS;

use super::deliveries::moment;
use super::extract::{Caller, Path, Query};
use super::problem::{FieldError, Problem, ProblemView};
use super::view::Time;

/// Longest span of one answer: numbers are kept for 400 days.
const SPAN_MAX_MS: Millis = 400 * 24 * HOUR_MS;
/// The span where none is asked for.
const SPAN_MS: Millis = 7 * 24 * HOUR_MS;

/// How long a bucket is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Bucket {
    /// An hour.
    Hour,
    /// A day of the time zone.
    #[default]
    Day,
}

/// Which numbers of an account.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct SeriesQuery {
    /// From this moment on; the hour that it is in counts. A week ago by default, 400 days before `until` at most.
    #[param(example = "2026-11-21T10:40:59Z")]
    since: Option<String>,
    /// Up to this moment; the hour that it is in counts. Now by default.
    until: Option<String>,
    /// `hour` or `day` (default).
    #[serde(default)]
    #[param(inline)]
    bucket: Bucket,
    /// The time zone of days, an IANA name such as `Asia/Jakarta`; UTC by default. Numbers are kept by hours of UTC: where
    /// a zone is half an hour off, an hour belongs to the day it begins in.
    tz: Option<String>,
}

/// Which numbers of all accounts.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct TotalsQuery {
    /// From this moment on; the hour that it is in counts. A week ago by default, 400 days before `until` at most.
    since: Option<String>,
    /// Up to this moment; the hour that it is in counts. Now by default.
    until: Option<String>,
    /// Only those of this account.
    #[param(value_type = Option<String>)]
    account: Option<AccountId>,
}

/// Messages of one way and type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct TypeCount {
    /// `inbound` or `outbound`.
    #[schema(value_type = String, examples("inbound"))]
    direction: Direction,
    /// What they hold.
    #[schema(examples("text"))]
    r#type: &'static str,
    /// How many.
    count: u64,
}

/// Messages of a span by way and type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct TotalsView {
    /// When the first hour begins that is counted.
    since: Time,
    /// When the last one is over.
    until: Time,
    /// Received.
    inbound: u64,
    /// Sent: acknowledged by the network.
    outbound: u64,
    /// By way and type.
    types: Vec<TypeCount>,
}

/// Messages of a bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct BucketView {
    /// When it begins.
    start: Time,
    /// Received.
    inbound: u64,
    /// Sent.
    outbound: u64,
}

/// An account's messages over time. Buckets without messages are there, too.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct SeriesView {
    /// The account.
    account: String,
    /// How long a bucket is.
    bucket: Bucket,
    /// The whole span.
    totals: TotalsView,
    /// Its buckets, the oldest first.
    series: Vec<BucketView>,
}

/// What there is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct StatsView {
    /// Accounts.
    accounts: u64,
    /// Messages kept.
    messages: u64,
    /// Bytes of their contents.
    message_bytes: u64,
    /// Messages ever received.
    received: u64,
    /// Messages ever sent.
    sent: u64,
    /// Sends that ended in rejected, failed or cancelled.
    unsent: u64,
    /// Messages that can't be read.
    unavailable: u64,
    /// Sends that wait or are on their way.
    queued: u64,
    /// Sends that are held.
    held: u64,
}

impl From<TenantCounters> for StatsView {
    fn from(counted: TenantCounters) -> Self {
        Self {
            accounts: counted.accounts,
            messages: counted.messages,
            message_bytes: counted.message_bytes,
            received: counted.received,
            sent: counted.sent,
            unsent: counted.unsent,
            unavailable: counted.unavailable,
            queued: counted.outbox.iter().sum(),
            held: counted.held,
        }
    }
}

impl From<StatsError> for Problem {
    fn from(error: StatsError) -> Self {
        match error {
            StatsError::AccountNotFound => Self::not_found("account"),
            StatsError::Store(error) => error.into(),
        }
    }
}

/// The hours of a span.
fn hours(since: Option<&str>, until: Option<&str>) -> Result<Hours, Problem> {
    let invalid = |error| Problem::invalid(vec![error]);
    let now_ms = u64::try_from(Timestamp::now().as_millisecond()).unwrap_or_default();
    let until_ms = moment("until", until).map_err(invalid)?.unwrap_or(now_ms);
    let since_ms = moment("since", since).map_err(invalid)?.unwrap_or(until_ms.saturating_sub(SPAN_MS));
    if since_ms >= until_ms {
        return Err(invalid(FieldError::new("since", "must be before until")));
    }
    if until_ms - since_ms > SPAN_MAX_MS {
        return Err(invalid(FieldError::new("since", "must be at most 400 days before until")));
    }
    Ok(Hours::touching(since_ms, until_ms))
}

fn zone(name: Option<&str>) -> Result<TimeZone, Problem> {
    let bad = || Problem::invalid(vec![FieldError::new("tz", "must be an IANA time zone such as Asia/Jakarta")]);
    name.map_or(Ok(TimeZone::UTC), |name| TimeZone::get(name).map_err(|_| bad()))
}

impl TotalsView {
    fn new(hours: Hours, sums: ByType) -> Self {
        let all = |way| sums.iter().filter(|((of, _), _)| *of == way).map(|(_, count)| count).sum();
        let (inbound, outbound) = (all(Way::Inbound), all(Way::Outbound));
        let types = sums.into_iter().map(|((way, r#type), count)| {
            let direction = if way == Way::Inbound { Direction::Inbound } else { Direction::Outbound };
            TypeCount { direction, r#type, count }
        });
        Self {
            since: Time::from_ms(hours.begin_ms()),
            until: Time::from_ms(hours.end_ms()),
            inbound,
            outbound,
            types: types.collect(),
        }
    }
}

/// When the bucket of an hour begins.
fn begin(at_ms: Millis, bucket: Bucket, zone: &TimeZone) -> Millis {
    let at = i64::try_from(at_ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    match (bucket, at) {
        (Bucket::Day, Some(at)) => {
            let day = at.to_zoned(zone.clone()).start_of_day();
            day.ok().and_then(|day| u64::try_from(day.timestamp().as_millisecond()).ok()).unwrap_or(at_ms)
        }
        _ => at_ms,
    }
}

/// The buckets of a span with what was counted in them.
fn series(hours: Hours, counts: &[HourCounts], bucket: Bucket, zone: &TimeZone) -> Vec<BucketView> {
    let mut found: Vec<BucketView> = Vec::new();
    let mut counts = counts.iter().peekable();
    let mut at_ms = hours.begin_ms();
    while at_ms < hours.end_ms() {
        let start = Time::from_ms(begin(at_ms, bucket, zone));
        if found.last().is_none_or(|last| last.start != start) {
            found.push(BucketView { start, inbound: 0, outbound: 0 });
        }
        at_ms += HOUR_MS;
        let Some(last) = found.last_mut() else { continue };
        while let Some(counted) = counts.next_if(|counted| Millis::from(counted.hour) * HOUR_MS < at_ms) {
            for (direction, _, count) in counted.iter() {
                match direction {
                    Direction::Inbound => last.inbound += u64::from(count),
                    Direction::Outbound => last.outbound += u64::from(count),
                }
            }
        }
    }
    found
}

/// Shows what there is.
#[utoipa::path(get, path = "/v1/stats", tag = "stats", operation_id = "getStats",
    responses((status = 200, body = StatsView), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn show(State(stats): State<Stats>, Caller(caller): Caller) -> Result<axum::Json<StatsView>, Problem> {
    Ok(axum::Json(stats.of_tenant(&caller).await?.into()))
}

/// Counts messages by direction and type, of every account or one. Numbers outlive the messages: they are kept for 400
/// days, by the hour.
#[utoipa::path(get, path = "/v1/stats/messages", tag = "stats", operation_id = "countMessages", params(TotalsQuery),
    responses((status = 200, body = TotalsView), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn messages(
    State(stats): State<Stats>,
    Caller(caller): Caller,
    Query(query): Query<TotalsQuery>,
) -> Result<axum::Json<TotalsView>, Problem> {
    let hours = hours(query.since.as_deref(), query.until.as_deref())?;
    let sums = stats.by_type(&caller, query.account.as_ref(), hours).await?;
    Ok(axum::Json(TotalsView::new(hours, sums)))
}

/// Counts an account's messages over time.
#[utoipa::path(get, path = "/v1/accounts/{id}/stats", tag = "stats", operation_id = "getAccountStats",
    params(("id" = String, Path, description = "The account's id, percent-encoded"), SeriesQuery),
    responses((status = 200, body = SeriesView), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn of_account(
    State(stats): State<Stats>,
    Caller(caller): Caller,
    Path(id): Path<AccountId>,
    Query(query): Query<SeriesQuery>,
) -> Result<axum::Json<SeriesView>, Problem> {
    let hours = hours(query.since.as_deref(), query.until.as_deref())?;
    let zone = zone(query.tz.as_deref())?;
    let counts = stats.of_account(&caller, &id, hours).await?;
    let series = series(hours, &counts, query.bucket, &zone);
    let totals = TotalsView::new(hours, wasup_actors::by_type(&counts));
    Ok(axum::Json(SeriesView { account: id.to_string(), bucket: query.bucket, totals, series }))
}

#[cfg(test)]
mod tests {
    use wasup_store::records::Content;

    use super::*;

    fn counted(hour: u32, inbound: u32, outbound: u32) -> HourCounts {
        let mut counts = HourCounts::of(hour);
        for (direction, count) in [(Direction::Inbound, inbound), (Direction::Outbound, outbound)] {
            (0..count).for_each(|_| counts.count(direction, &Content::text("x")));
        }
        counts
    }

    fn starts(found: &[BucketView]) -> Vec<String> {
        found.iter().map(|bucket| serde_json::to_value(bucket.start).unwrap().as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn days_begin_where_the_zone_says_also_when_its_clocks_change() {
        // Berlin, the last Sunday of October 2026: a day of 25 hours.
        let at = |text: &str| u64::try_from(text.parse::<Timestamp>().unwrap().as_millisecond()).unwrap();
        let hours = Hours::touching(at("2026-10-24T22:00:00Z"), at("2026-10-26T23:00:00Z"));
        let first = u32::try_from(at("2026-10-24T22:00:00Z") / HOUR_MS).unwrap();
        let counts: Vec<_> = (0..49).map(|n| counted(first + n, 1, 0)).collect();
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        let found = series(hours, &counts, Bucket::Day, &berlin);
        assert_eq!(starts(&found), ["2026-10-24T22:00:00.000Z", "2026-10-25T23:00:00.000Z"]);
        assert_eq!(found.iter().map(|day| day.inbound).collect::<Vec<_>>(), [25, 24]);
    }

    #[test]
    fn empty_buckets_are_there_too() {
        let hours = Hours::touching(0, 4 * HOUR_MS);
        let counts = [counted(1, 2, 3), counted(3, 0, 1)];
        let found = series(hours, &counts, Bucket::Hour, &TimeZone::UTC);
        let numbers: Vec<_> = found.iter().map(|hour| (hour.inbound, hour.outbound)).collect();
        assert_eq!(numbers, [(0, 0), (2, 3), (0, 0), (0, 1)]);
        assert_eq!(series(hours, &counts, Bucket::Day, &TimeZone::UTC).len(), 1);
    }

    #[test]
    fn spans_are_checked() {
        for (since, until, field) in [
            (Some("yesterday"), None, "since"),
            (None, Some("x"), "until"),
            (Some("2026-01-02T00:00:00Z"), Some("2026-01-01T00:00:00Z"), "since"),
            (Some("2020-01-01T00:00:00Z"), Some("2026-01-01T00:00:00Z"), "since"),
        ] {
            assert_eq!(hours(since, until).unwrap_err().errors[0].field, field);
        }
        assert_eq!(zone(Some("Mars/Base")).unwrap_err().errors[0].field, "tz");
    }
}
