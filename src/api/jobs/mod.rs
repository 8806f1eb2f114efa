//! `/v1/accounts/{id}/jobs` and `/v1/jobs`: many messages of one account, sent one after the other.

mod accept;
mod items;
mod look;
mod problems;
mod wish;

use axum::extract::DefaultBodyLimit;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::state::ApiState;

pub(in crate::api) use accept::{NewJobBody, read_long};

/// The routes of this folder.
pub(super) fn routes() -> OpenApiRouter<ApiState> {
    // A job has a limit of its own.
    let accepts =
        OpenApiRouter::new().routes(routes!(accept::accept, look::of_account)).layer(DefaultBodyLimit::disable());
    OpenApiRouter::new()
        .merge(accepts)
        .routes(routes!(look::list))
        .routes(routes!(look::show, wish::delete))
        .routes(routes!(items::list))
        .routes(routes!(wish::pause))
        .routes(routes!(wish::resume))
        .routes(routes!(wish::cancel))
}
