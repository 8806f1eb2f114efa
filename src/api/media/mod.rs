//! `/v1/media` and the files of messages.

mod answer;
mod form;
mod kept;
mod measures;
mod of_message;
mod problems;
mod upload;

use axum::extract::DefaultBodyLimit;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::state::ApiState;

pub(super) use form::MediaForm;
pub(super) use upload::hash_of;

/// The routes that want the key.
pub(super) fn routes() -> OpenApiRouter<ApiState> {
    // What comes goes to the disk piece by piece, and has a limit of its own.
    let uploads = OpenApiRouter::new().routes(routes!(upload::upload)).layer(DefaultBodyLimit::disable());
    OpenApiRouter::new()
        .merge(uploads)
        .routes(routes!(kept::list))
        .routes(routes!(kept::show, kept::delete))
        .routes(routes!(kept::content))
        .routes(routes!(of_message::show))
}

/// The route that wants a link's signature instead.
pub(super) fn open_routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(of_message::by_link))
}
