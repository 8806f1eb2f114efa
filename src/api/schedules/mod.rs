//! `/v1/accounts/{id}/schedules` and `/v1/schedules`: what happens at a time, or again and again.

mod change;
mod create;
mod form;
mod look;
mod moments;
mod problems;
mod wish;

use axum::extract::DefaultBodyLimit;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::state::ApiState;

/// The routes of this folder.
pub(super) fn routes() -> OpenApiRouter<ApiState> {
    // A schedule may hold a job, which has a limit of its own.
    let long = OpenApiRouter::new()
        .routes(routes!(create::create, look::of_account))
        .routes(routes!(look::show, change::change, wish::delete))
        .layer(DefaultBodyLimit::disable());
    OpenApiRouter::new()
        .merge(long)
        .routes(routes!(look::list))
        .routes(routes!(look::runs))
        .routes(routes!(wish::pause))
        .routes(routes!(wish::resume))
        .routes(routes!(wish::run))
}
