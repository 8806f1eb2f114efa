//! `/v1/accounts/{id}/messages`, `/v1/messages` and `/v1/messages/{id}`.

mod address;
mod again;
mod asked;
mod body;
mod change;
mod compose;
mod content;
mod feed;
mod look;
mod mentions;
mod problems;
mod send;
pub(super) mod status;

pub(super) use body::{SendMessage, canonical};
pub(super) use compose::Composer;

use axum::extract::DefaultBodyLimit;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::state::ApiState;

/// The routes of messages.
pub(super) fn routes() -> OpenApiRouter<ApiState> {
    // A file goes to the disk piece by piece; JSON has a limit of its own, which files in base64 need.
    let sends = OpenApiRouter::new().routes(routes!(send::send, look::list)).layer(DefaultBodyLimit::disable());
    OpenApiRouter::new()
        .merge(sends)
        .routes(routes!(feed::list))
        .routes(routes!(look::show, change::edit, change::take_back))
        .routes(routes!(change::forward))
        .routes(routes!(change::star))
}
