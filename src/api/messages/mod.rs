//! `/v1/accounts/{id}/messages` and `/v1/messages/{id}`.

mod address;
mod body;
mod change;
mod content;
mod look;
mod mentions;
mod problems;
mod send;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::state::ApiState;

/// The routes of messages.
pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(send::send, look::list))
        .routes(routes!(look::show, change::edit, change::take_back))
        .routes(routes!(change::forward))
        .routes(routes!(change::star))
}
