//! Having deliveries made again.

use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;
use wasup_actors::{DeliveryLog, ReplayWish};
use wasup_store::cursor::EventCursor;
use wasup_store::id::{DeliveryId, EndpointId};

use super::moment;
use crate::api::extract::{Caller, Json, Path};
use crate::api::problem::{FieldError, Problem, ProblemView};
use crate::api::view::{DeliveryView, ReplayView};

/// Which deliveries are made again: one of `since`, `after` and `failed_since`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReplayMany {
    /// Every event from this moment on that the endpoint would get as it is set now, whatever became of it; also events
    /// that were never queued for it.
    #[schema(examples("2026-11-21T10:40:59Z"))]
    since: Option<String>,
    /// With `since`: before this moment. Without it up to now.
    until: Option<String>,
    /// As `since`, from a cursor of the event log on, or from an event's id.
    after: Option<String>,
    /// Everything that was given up from this moment on.
    failed_since: Option<String>,
}

impl ReplayMany {
    fn check(self) -> Result<ReplayWish, Problem> {
        let one = |error| Problem::invalid(vec![error]);
        let at = |field, text: &Option<String>| moment(field, text.as_deref()).map_err(one);
        let (since, until, failed) =
            (at("since", &self.since)?, at("until", &self.until)?, at("failed_since", &self.failed_since)?);
        match (since, self.after.as_deref(), failed) {
            (Some(since_ms), None, None) => Ok(ReplayWish::Events { since_ms, until_ms: until }),
            (None, _, _) if until.is_some() => Err(one(FieldError::new("until", "goes with since only"))),
            (None, Some(text), None) => {
                let cursor = text.parse::<EventCursor>();
                cursor.map(ReplayWish::After).map_err(|error| one(FieldError::new("after", error.to_string())))
            }
            (None, None, Some(since_ms)) => Ok(ReplayWish::Failed { since_ms }),
            _ => Err(one(FieldError::new("body", "give one of since, after and failed_since"))),
        }
    }
}

/// Has a delivery made again, under the same `webhook-id` and from the begin of the schedule, whatever became of it.
#[utoipa::path(post, path = "/v1/deliveries/{id}/replay", tag = "webhooks", operation_id = "replayDelivery",
    params(("id" = String, Path, description = "The delivery's id")),
    responses((status = 202, body = DeliveryView), (status = 410, description = "Its event was pruned.", body = ProblemView, content_type = "application/problem+json"),
        (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn one(
    State(deliveries): State<DeliveryLog>,
    Caller(caller): Caller,
    Path(id): Path<DeliveryId>,
) -> Result<(StatusCode, axum::Json<DeliveryView>), Problem> {
    let listed = deliveries.replay(&caller, id).await?;
    Ok((StatusCode::ACCEPTED, axum::Json(DeliveryView::from(&listed))))
}

/// Has many deliveries of an endpoint made again. It goes on by itself, over restarts too; one at a time.
#[utoipa::path(post, path = "/v1/endpoints/{id}/replay", tag = "webhooks", operation_id = "replayDeliveries",
    params(("id" = String, Path, description = "The endpoint's id")), request_body = ReplayMany,
    responses((status = 202, body = ReplayView), (status = 409, description = "Another replay of this endpoint runs.", body = ProblemView, content_type = "application/problem+json"),
        (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn many(
    State(deliveries): State<DeliveryLog>,
    Caller(caller): Caller,
    Path(id): Path<EndpointId>,
    Json(body): Json<ReplayMany>,
) -> Result<(StatusCode, axum::Json<ReplayView>), Problem> {
    let replay = deliveries.replay_many(&caller, id, body.check()?).await?;
    Ok((StatusCode::ACCEPTED, axum::Json(ReplayView::from(replay))))
}

/// Shows how far the endpoint's newest replay of many is.
#[utoipa::path(get, path = "/v1/endpoints/{id}/replay", tag = "webhooks", operation_id = "getReplay",
    params(("id" = String, Path, description = "The endpoint's id")),
    responses((status = 200, body = ReplayView), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn newest(
    State(deliveries): State<DeliveryLog>,
    Caller(caller): Caller,
    Path(id): Path<EndpointId>,
) -> Result<axum::Json<ReplayView>, Problem> {
    let replay = deliveries.newest_replay(&caller, id).await?;
    replay.map(|replay| axum::Json(ReplayView::from(replay))).ok_or_else(|| Problem::not_found("replay"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(body: serde_json::Value) -> Result<ReplayWish, Vec<String>> {
        let body: ReplayMany = serde_json::from_value(body).unwrap();
        body.check().map_err(|problem| problem.errors.into_iter().map(|error| error.field).collect())
    }

    #[test]
    fn exactly_one_kind_of_replay_is_asked_for() {
        let at = "1970-01-01T00:00:07Z";
        let cursor = EventCursor::new(3, wasup_store::id::Position(9));
        for (body, expected) in [
            (json!({"since": at}), Ok(ReplayWish::Events { since_ms: 7_000, until_ms: None })),
            (json!({"since": at, "until": at}), Ok(ReplayWish::Events { since_ms: 7_000, until_ms: Some(7_000) })),
            (json!({"failed_since": at}), Ok(ReplayWish::Failed { since_ms: 7_000 })),
            (json!({"after": cursor.to_string()}), Ok(ReplayWish::After(cursor))),
            (json!({}), Err("body")),
            (json!({"since": at, "failed_since": at}), Err("body")),
            (json!({"since": at, "after": "x"}), Err("body")),
            (json!({"failed_since": at, "until": at}), Err("until")),
            (json!({"since": "soon"}), Err("since")),
            (json!({"after": "nonsense"}), Err("after")),
        ] {
            let shown = body.to_string();
            assert_eq!(read(body), expected.map_err(|field| vec![field.to_owned()]), "{shown}");
        }
    }
}
