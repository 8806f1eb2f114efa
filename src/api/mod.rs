//! The HTTP API: one file a resource. A handler extracts, calls one use case, and maps its answer.

mod accounts;
mod admin;
mod audit;
mod campaigns;
mod chatbot;
mod chats;
mod clock;
mod contacts;
mod day;
mod deliveries;
mod door;
mod endpoints;
mod events;
mod extract;
mod groups;
mod idempotency;
mod jobs;
mod lists;
mod log;
mod media;
mod messages;
mod numbers;
mod openapi;
mod opt_outs;
mod persistence;
mod presence;
mod probes;
pub mod problem;
mod qr;
mod qr_image;
mod reload;
mod request;
#[cfg(feature = "sandbox")]
mod sandbox;
mod schedules;
mod state;
mod stats;
mod stream;
mod templates;
mod tree;
pub mod view;

use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::{Extension, Router};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use problem::{ErrorCode, Problem};

pub use admin::{BackupView, Backups, NewBackup, backup_name};
pub use door::Door;
pub use openapi::document;
pub use qr_image::terminal;
pub use request::RequestId;
pub use state::{ApiState, Settings};
pub use stream::{StreamSettings, Streams};

/// Every route, with who is let in.
fn routes(door: &Door) -> OpenApiRouter<ApiState> {
    let guarded = OpenApiRouter::new()
        .merge(accounts::routes())
        .routes(routes!(qr::show))
        .merge(messages::routes())
        .merge(jobs::routes())
        .merge(schedules::routes())
        .merge(campaigns::routes())
        .merge(groups::routes())
        .merge(chats::routes())
        .merge(persistence::routes())
        .merge(contacts::routes())
        .merge(presence::routes())
        .merge(numbers::routes())
        .merge(endpoints::routes())
        .merge(chatbot::routes())
        .merge(media::routes())
        .merge(lists::routes())
        .merge(opt_outs::routes())
        .merge(templates::routes())
        .merge(told())
        .merge(deliveries::routes())
        .routes(routes!(stats::show))
        .routes(routes!(stats::messages))
        .routes(routes!(stats::of_account))
        .routes(routes!(tree::show))
        .routes(routes!(log::show, log::put))
        .routes(routes!(clock::show))
        .routes(routes!(clock::trust))
        .routes(routes!(admin::backup))
        .routes(routes!(reload::reload))
        .routes(routes!(probes::health))
        .routes(routes!(openapi::show));
    #[cfg(feature = "sandbox")]
    let guarded = guarded.merge(sandbox::routes());
    let guarded = guarded.layer(from_fn_with_state(door.clone(), door::guard));
    let metrics = OpenApiRouter::new()
        .routes(routes!(probes::metrics))
        .layer(from_fn_with_state(door.clone(), door::guard_metrics));
    let open = OpenApiRouter::new().routes(routes!(probes::livez)).routes(routes!(probes::readyz));
    let open = open.merge(media::open_routes());
    open.merge(metrics).merge(guarded)
}

/// What happened, and who did it.
fn told() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(events::list))
        .routes(routes!(stream::sse::open))
        .routes(routes!(stream::websocket::open))
        .routes(routes!(audit::list))
}

/// The whole API.
pub fn router(state: ApiState, door: &Door) -> Router {
    let (router, document) = document(routes(door));
    router
        .fallback(|| async { Problem::new(ErrorCode::NotFound, "there is no such path") })
        .method_not_allowed_fallback(|| async {
            Problem::new(ErrorCode::MethodNotAllowed, "this path exists, but not for this method")
        })
        .layer(Extension(openapi::Document::of(&document)))
        .layer(DefaultBodyLimit::max(state.settings.body_max))
        .layer(from_fn_with_state(state.http.clone(), request::track))
        .with_state(state)
}
