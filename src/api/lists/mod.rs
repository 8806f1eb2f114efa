//! `/v1/lists`: lists of contacts, who is in them, and their tags.

mod contacts;
mod form;
mod list;
mod problems;
mod put;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::state::ApiState;

pub(super) use form::number;

/// The routes of this folder.
pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list::create, list::list))
        .routes(routes!(list::show, list::change, list::delete))
        .routes(routes!(contacts::list, put::add))
        .routes(routes!(contacts::show, put::put, put::change, contacts::delete))
        .routes(routes!(contacts::tags))
}
