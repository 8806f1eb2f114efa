//! `/v1/campaigns`: one message, made anew for each of many recipients, sent by one or several accounts at a pace.

mod create;
mod export;
mod form;
mod look;
mod message;
mod pace;
mod problems;
mod recipients;
mod wish;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::state::ApiState;

/// The routes of this folder.
pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(create::create, look::list))
        .routes(routes!(look::overview))
        .routes(routes!(look::show, create::change, wish::delete))
        .routes(routes!(create::copy))
        .routes(routes!(create::retry))
        .routes(routes!(look::stats))
        .routes(routes!(recipients::list))
        .routes(routes!(export::export))
        .routes(routes!(wish::start))
        .routes(routes!(wish::unschedule))
        .routes(routes!(wish::pause))
        .routes(routes!(wish::resume))
        .routes(routes!(wish::stop))
}
