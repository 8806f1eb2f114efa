//! `/v1/endpoints/{id}/deliveries` and `/v1/deliveries/{id}`: what became of deliveries, and having them made again.

mod look;
mod replay;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wasup_actors::DeliveryError;

use super::accounts::bad_cursor;
use super::problem::{ErrorCode, FieldError, Problem};
use super::state::ApiState;

/// The routes of this folder.
pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(look::list))
        .routes(routes!(look::show))
        .routes(routes!(replay::one))
        .routes(routes!(replay::many, replay::newest))
}

impl From<DeliveryError> for Problem {
    fn from(error: DeliveryError) -> Self {
        match error {
            DeliveryError::EndpointNotFound => Self::not_found("endpoint"),
            DeliveryError::NotFound => Self::not_found("delivery"),
            DeliveryError::EventGone => {
                Self::new(ErrorCode::EventGone, "the event was pruned: there is nothing to deliver any more")
            }
            DeliveryError::ReplayRuns => {
                Self::new(ErrorCode::ReplayRunning, "another replay of this endpoint runs; ask again when it is done")
            }
            DeliveryError::BadCursor => bad_cursor(),
            DeliveryError::CursorGone => {
                let message = "is a place in another life of the store; take a cursor of the present one";
                Self::invalid(vec![FieldError::new("after", message)])
            }
            DeliveryError::Store(error) => error.into(),
        }
    }
}

/// A moment as callers write it.
pub(super) fn moment(field: &str, text: Option<&str>) -> Result<Option<u64>, FieldError> {
    let Some(text) = text else { return Ok(None) };
    let ms = text.parse::<jiff::Timestamp>().ok().and_then(|at| u64::try_from(at.as_millisecond()).ok());
    let bad = || FieldError::new(field, "must be a moment such as 2026-11-21T10:40:59Z");
    ms.map(Some).ok_or_else(bad)
}
