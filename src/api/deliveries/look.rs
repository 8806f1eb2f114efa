//! Lists of deliveries, and one with all that is known of it.

use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;
use wasup_actors::DeliveryLog;
use wasup_store::id::{DeliveryId, EndpointId};
use wasup_store::records::DeliveryState;
use wasup_store::repo::delivery::{DeliveryQuery, StateFilter};

use super::moment;
use crate::api::accounts::{bad_cursor, limit};
use crate::api::extract::{Caller, Path, Query};
use crate::api::problem::{FieldError, Problem, ProblemView};
use crate::api::view::{Cursor, DeliveryDetail, DeliveryView, Page};

/// Which deliveries.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct DeliveriesQuery {
    /// Only those in this state: `available`, `executing`, `retryable`, `suspended` (waits for the one before it in its
    /// chat), `completed` or `discarded` (given up: the dead letters), or `pending` for what is to be tried. Without it
    /// all, the newest first. What is to be tried comes in the order in which it is due.
    #[param(example = "discarded")]
    state: Option<String>,
    /// Not before this moment: the event's, of discarded ones when they were given up.
    #[param(example = "2026-11-21T10:40:59Z")]
    since: Option<String>,
    /// Before this moment.
    until: Option<String>,
    /// Most items in the answer, 1 to 1000. It may hold less and still have a next piece.
    #[param(minimum = 1, maximum = 1000, default = 50)]
    limit: Option<usize>,
    /// `next_cursor` of the piece before.
    cursor: Option<String>,
}

impl DeliveriesQuery {
    fn check(self, endpoint: EndpointId) -> Result<DeliveryQuery, Problem> {
        let limit = limit(self.limit)?;
        let after = match self.cursor.as_deref().map(Cursor::read) {
            None => None,
            Some(Some(Cursor::Delivery(place))) => Some(place),
            Some(_) => return Err(bad_cursor()),
        };
        let mut errors = Vec::new();
        let mut at = |field, text: Option<&str>| {
            moment(field, text).unwrap_or_else(|error| {
                errors.push(error);
                None
            })
        };
        let (since_ms, until_ms) = (at("since", self.since.as_deref()), at("until", self.until.as_deref()));
        let state = match self.state.as_deref() {
            None => StateFilter::All,
            Some("pending") => StateFilter::Pending,
            Some(word) => DeliveryState::from_word(word).map_or_else(
                || {
                    let known = DeliveryState::ALL.map(DeliveryState::as_str).join(", ");
                    errors.push(FieldError::new("state", format!("must be pending or one of {known}")));
                    StateFilter::All
                },
                StateFilter::One,
            ),
        };
        if errors.is_empty() {
            Ok(DeliveryQuery { endpoint, state, since_ms, until_ms, after, limit })
        } else {
            Err(Problem::invalid(errors))
        }
    }
}

/// Lists an endpoint's deliveries.
#[utoipa::path(get, path = "/v1/endpoints/{id}/deliveries", tag = "webhooks", operation_id = "listDeliveries",
    params(("id" = String, Path, description = "The endpoint's id"), DeliveriesQuery),
    responses((status = 200, body = Page<DeliveryView>), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn list(
    State(deliveries): State<DeliveryLog>,
    Caller(caller): Caller,
    Path(id): Path<EndpointId>,
    Query(query): Query<DeliveriesQuery>,
) -> Result<axum::Json<Page<DeliveryView>>, Problem> {
    let found = deliveries.list(&caller, &query.check(id)?).await?;
    let next_cursor = found.next.map(|place| Cursor::Delivery(place).to_string());
    Ok(axum::Json(Page { data: found.rows.iter().map(DeliveryView::from).collect(), next_cursor }))
}

/// Shows a delivery: the request, and every attempt with the beginning of its answer.
#[utoipa::path(get, path = "/v1/deliveries/{id}", tag = "webhooks", operation_id = "getDelivery",
    params(("id" = String, Path, description = "The delivery's id")),
    responses((status = 200, body = DeliveryDetail), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn show(
    State(deliveries): State<DeliveryLog>,
    Caller(caller): Caller,
    Path(id): Path<DeliveryId>,
) -> Result<axum::Json<DeliveryDetail>, Problem> {
    Ok(axum::Json(DeliveryDetail::from(deliveries.show(&caller, id).await?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(state: Option<&str>, since: Option<&str>, cursor: Option<&str>) -> Result<DeliveryQuery, Problem> {
        let own = |text: Option<&str>| text.map(str::to_owned);
        let query =
            DeliveriesQuery { state: own(state), since: own(since), until: None, limit: None, cursor: own(cursor) };
        query.check(EndpointId::new(1, 1))
    }

    #[test]
    fn words_and_moments_are_checked() {
        let asked = query(Some("discarded"), Some("1970-01-01T00:00:07Z"), None).unwrap();
        assert_eq!((asked.state, asked.since_ms), (StateFilter::One(DeliveryState::Discarded), Some(7_000)));
        assert_eq!(query(Some("pending"), None, None).unwrap().state, StateFilter::Pending);
        let problem = query(Some("dead"), Some("yesterday"), None).unwrap_err();
        let fields: Vec<&str> = problem.errors.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(fields, ["since", "state"]);
        assert_eq!(query(None, None, Some("!!")).unwrap_err().errors[0].field, "cursor");
        assert!(query(None, Some("1969-01-01T00:00:00Z"), None).is_err());
    }
}
