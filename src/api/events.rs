//! `/v1/events`: the event log, piece by piece.

use std::time::Duration;

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, timeout_at};
use utoipa::{IntoParams, ToSchema};
use wasup_actors::{Batch, Begin, Bounds, EventFilter, EventsError, Tail};
use wasup_store::id::AccountId;
use wasup_store::records::EventKind;

use super::accounts::limit;
use super::extract::{Caller, Query};
use super::problem::{ErrorCode, FieldError, Problem, ProblemView};
use super::state::{Following, Settings};
use super::view::EventView;
use crate::config::Span;

/// Events looked at for one piece, where a filter leaves most of them out.
const LOOKS: usize = 2_000;
/// Bytes of the rows in one piece; a single event may be larger.
const BYTES: usize = 1 << 20;

/// Which events.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct EventsQuery {
    /// What was read already: `next_cursor` of the piece before, a stream's `id`, or the id of an event (`evt_…`).
    /// `oldest` (also without it): from the oldest event that is kept. `latest`: what happens from now on.
    after: Option<String>,
    /// Most items in the answer, 1 to 1000.
    #[param(minimum = 1, maximum = 1000, default = 50)]
    limit: Option<usize>,
    /// Only these types, separated by commas.
    #[param(example = "message.received,message.status")]
    types: Option<String>,
    /// Only this account's.
    #[param(value_type = Option<String>)]
    account: Option<AccountId>,
    /// Where nothing is there yet: wait so long for it.
    #[param(value_type = Option<String>, example = "30s")]
    wait: Option<Span>,
}

/// A piece of the event log.
#[derive(Serialize, ToSchema)]
struct EventsPage<'a> {
    /// The events, in order.
    #[schema(value_type = Vec<EventView>)]
    data: Vec<EventView<'a>>,
    /// Give it as `after` to read on. It moves on even where the filter left everything out, and there is always one.
    next_cursor: String,
    /// Whether more is there already. A piece may be empty and have more after it, where a filter leaves much out.
    more: bool,
}

/// Where to begin, as a caller says it.
pub(super) fn begin(field: &str, text: &str) -> Result<Begin, Problem> {
    match text {
        "oldest" => Ok(Begin::Oldest),
        "latest" => Ok(Begin::Latest),
        text => text
            .parse()
            .map(Begin::After)
            .map_err(|error| Problem::invalid(vec![FieldError::new(field, error.to_string())])),
    }
}

/// What a caller wants to see.
pub(super) fn filter(types: Option<&str>, account: Option<AccountId>) -> Result<EventFilter, Problem> {
    let words = types.map(|types| types.split(',').map(str::trim).collect::<Vec<_>>()).unwrap_or_default();
    let unknown = |word: &str| {
        let known = EventKind::ALL.map(EventKind::as_str).join(", ");
        Problem::invalid(vec![FieldError::new("types", format!("{word:?} is no type of event; there are {known}"))])
    };
    let kinds = words.into_iter().map(|word| EventKind::from_word(word).ok_or_else(|| unknown(word)));
    Ok(EventFilter { account, kinds: kinds.collect::<Result<_, _>>()? })
}

/// Reads the event log: the same events as webhooks and streams carry, in the order in which they were committed.
/// 410 where the place is gone: then what came after it is lost to this reader.
#[utoipa::path(get, path = "/v1/events", tag = "events", operation_id = "listEvents", params(EventsQuery),
    responses((status = 200, body = EventsPage), (status = 410, description = "The place is older than what is kept, or of another life of the store (after a restore); `oldest_cursor` says where to go on.", body = ProblemView, content_type = "application/problem+json"),
        (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn list(
    State((events, settings)): State<Following>,
    Caller(caller): Caller,
    Query(query): Query<EventsQuery>,
) -> Result<Response, Problem> {
    let bounds = Bounds { events: limit(query.limit)?, looks: LOOKS, bytes: BYTES };
    let begin = query.after.as_deref().map_or(Ok(Begin::Oldest), |text| begin("after", text))?;
    let mut tail = events.tail(&caller, filter(query.types.as_deref(), query.account)?, begin).await?;
    let patience = settings.patience(query.wait.map(|span| span.0));
    let batch = first(&mut tail, bounds, patience, &settings).await?;
    let data = batch.events.iter().map(|(id, event)| EventView::new(*id, event)).collect();
    let page = EventsPage { data, next_cursor: batch.cursor.to_string(), more: batch.more };
    Ok(axum::Json(page).into_response())
}

/// The first piece in which something is, or the last one that could be read within the wait.
async fn first(tail: &mut Tail, bounds: Bounds, patience: Duration, settings: &Settings) -> Result<Batch, EventsError> {
    let deadline = Instant::now() + patience;
    let mut batch = tail.read(bounds).await?;
    while batch.events.is_empty() && Instant::now() < deadline {
        if batch.more {
            // Others get their turn; what was read did not wait for anything.
            tokio::task::yield_now().await;
        } else if !matches!(timeout_at(deadline, settings.until_ending(tail.more())).await, Ok(Some(()))) {
            break;
        }
        batch = tail.read(bounds).await?;
    }
    Ok(batch)
}

impl From<EventsError> for Problem {
    fn from(error: EventsError) -> Self {
        match error {
            EventsError::AccountNotFound => Self::not_found("account"),
            EventsError::CursorGone { oldest } => {
                let detail = "what came after this place was pruned, or the store has begun a new life since; \
                              oldest_cursor is the oldest place there is";
                Self { oldest_cursor: Some(oldest.to_string()), ..Self::new(ErrorCode::CursorGone, detail) }
            }
            EventsError::Store(error) => error.into(),
        }
    }
}
