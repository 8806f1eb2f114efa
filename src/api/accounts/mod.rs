//! `/v1/accounts`.

mod change;
mod create;
mod look;
mod pairing;
mod problems;
mod timeline;
mod verbs;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) use change::EffectWord;
pub(super) use look::PageQuery;

use super::problem::{FieldError, Problem};
use super::state::ApiState;

/// Items of a page, when the caller does not say.
const LIMIT: usize = 50;
/// Most items of a page.
const LIMIT_MAX: usize = 1_000;

/// The routes of this folder.
pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(create::create, look::list))
        .routes(routes!(look::show, change::change, verbs::delete))
        .routes(routes!(verbs::start))
        .routes(routes!(verbs::stop))
        .routes(routes!(verbs::restart))
        .routes(routes!(verbs::logout))
        .routes(routes!(verbs::release))
        .routes(routes!(pairing::code))
        .routes(routes!(pairing::cancel))
        .routes(routes!(timeline::list))
}

/// The limit, where it is one.
pub(super) fn limit(asked: Option<usize>) -> Result<usize, Problem> {
    match asked.unwrap_or(LIMIT) {
        limit @ 1..=LIMIT_MAX => Ok(limit),
        _ => Err(Problem::invalid(vec![FieldError::new("limit", "must be from 1 to 1000")])),
    }
}

/// A cursor that this list did not make.
pub(super) fn bad_cursor() -> Problem {
    Problem::invalid(vec![FieldError::new("cursor", "is not a next_cursor of this list")])
}
