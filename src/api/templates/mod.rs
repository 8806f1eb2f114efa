//! `/v1/templates`: texts with places for what is known of each contact.

mod form;
mod handlers;
mod preview;
mod problems;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::state::ApiState;

/// The routes of this folder.
pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(handlers::create, handlers::list))
        .routes(routes!(handlers::show, handlers::change, handlers::delete))
        .routes(routes!(preview::preview))
}
