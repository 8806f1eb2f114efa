//! `/v1/lists`: lists of contacts, who is in them, and their tags.

mod contacts;
mod export;
mod form;
mod import;
mod list;
mod problems;
mod put;

use axum::extract::DefaultBodyLimit;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::state::ApiState;

pub(super) use export::Delimiter;
pub(super) use form::{ContactForm, number};

/// The routes of this folder.
pub(super) fn routes() -> OpenApiRouter<ApiState> {
    // A file goes to the disk piece by piece, and has a limit of its own.
    let uploads = OpenApiRouter::new().routes(routes!(import::import)).layer(DefaultBodyLimit::disable());
    OpenApiRouter::new()
        .routes(routes!(list::create, list::list))
        .routes(routes!(list::show, list::change, list::delete))
        .routes(routes!(contacts::list, put::add))
        .routes(routes!(contacts::show, put::put, put::change, contacts::delete))
        .routes(routes!(contacts::tags))
        .routes(routes!(export::export))
        .routes(routes!(import::list))
        .routes(routes!(import::show, import::forget))
        .routes(routes!(import::problems))
        .merge(uploads)
}
