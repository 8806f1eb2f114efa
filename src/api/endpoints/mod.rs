//! `/v1/endpoints`: webhooks, with everything that can be set about them.

mod change;
mod look;
mod problems;
mod secret;
mod switch;
mod webhook;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::state::ApiState;

/// The routes of this folder.
pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(change::create, look::list))
        .routes(routes!(look::show, change::change, change::delete))
        .routes(routes!(secret::rotate))
        .routes(routes!(switch::pause))
        .routes(routes!(switch::resume))
        .routes(routes!(switch::test))
        .routes(routes!(webhook::put, webhook::show, webhook::delete))
}
