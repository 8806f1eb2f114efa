//! `/v1/accounts/{id}/presence` and `/v1/accounts/{id}/calls`: who is there, and who calls.

mod calls;

use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wasup_actors::{People, Seen};
use wasup_store::id::AccountId;

use super::contacts::one;
use super::extract::{Caller, Json, Path, Query};
use super::problem::{ErrorCode, Problem, ProblemView};
use super::state::{ApiState, Knowing};
use super::view::{PersonView, Time};
use crate::config::Span;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(appear))
        .routes(routes!(show))
        .routes(routes!(subscribe))
        .routes(routes!(unsubscribe))
        .routes(routes!(calls::refuse))
}

/// How somebody was seen last.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Presence)]
pub(super) struct PresenceView {
    /// Who.
    contact: PersonView,
    /// Whether they are there; `null` where the network has not said so on this connection.
    available: Option<bool>,
    /// When they were there last, where they let it be known.
    last_seen: Option<Time>,
    /// `composing` or `recording` while they do.
    #[schema(examples("composing"))]
    typing: Option<&'static str>,
    /// The group in which they do; `null` in the chat with the account.
    group: Option<PersonView>,
    /// Since when it is known.
    updated_at: Time,
}

impl From<&Seen> for PresenceView {
    fn from(seen: &Seen) -> Self {
        Self {
            contact: PersonView::from(&seen.who),
            available: seen.available,
            last_seen: seen.last_seen_ms.map(Time::from_ms),
            typing: seen.typing.map(wasup_store::records::PresenceState::as_str),
            group: seen.group.as_ref().map(PersonView::from),
            updated_at: Time::from_ms(seen.at_ms),
        }
    }
}

/// How long is waited.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct PresenceQuery {
    /// How long the network's word is waited for where nothing is known yet, such as `5s`.
    #[param(value_type = Option<String>, example = "5s")]
    wait: Option<Span>,
}

/// What an account is shown as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Shown {
    /// There.
    Available,
    /// Not there.
    Unavailable,
}

/// How the account is to be seen.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Appear {
    /// `available` or `unavailable`.
    #[schema(inline)]
    presence: Shown,
}

/// Shows the account as there, or as not there, as long as it is linked by this connection and its reconnects; after a
/// restart it is shown as there again. While it is not there, phones ring for it again, and the network tells it of nobody.
#[utoipa::path(post, path = "/v1/accounts/{id}/presence", tag = "contacts", operation_id = "setPresence",
    params(("id" = String, Path, description = "The account's id")), request_body = Appear,
    responses((status = 204), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn appear(
    State(people): State<People>,
    Caller(caller): Caller,
    Path(id): Path<AccountId>,
    Json(body): Json<Appear>,
) -> Result<StatusCode, Problem> {
    people.appear(&caller, &id, body.presence == Shown::Available).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Shows whether somebody is there, and watches them from now on: what is seen of them comes as `presence` events. It shows
/// the account itself as there, unless it was shown otherwise: the network tells nobody else. At most
/// 256 people are watched; whoever was asked for longest ago is let go. Nothing of it outlives the account's connection to
/// the network by more than its reconnects: after a restart nobody is watched.
#[utoipa::path(get, path = "/v1/accounts/{id}/presence/{contact}", tag = "contacts", operation_id = "getPresence",
    params(("id" = String, Path, description = "The account's id"),
        ("contact" = String, Path, description = "Our id, a number or an address"), PresenceQuery),
    responses((status = 200, body = PresenceView), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn show(
    State(state): State<Knowing>,
    Caller(caller): Caller,
    Path((id, contact)): Path<(AccountId, String)>,
    Query(query): Query<PresenceQuery>,
) -> Result<axum::Json<PresenceView>, Problem> {
    let name = one(&state, &caller, &id, contact).await?;
    let wait = state.2.patience(query.wait.map(|span| span.0));
    let seen = state.2.until_ending(state.1.watch(&caller, &id, &name, wait)).await;
    let seen = seen.ok_or_else(|| Problem::new(ErrorCode::ShuttingDown, "the server is stopping"))??;
    Ok(axum::Json(PresenceView::from(&seen)))
}

/// Watches somebody from now on, as a look at them does.
#[utoipa::path(post, path = "/v1/accounts/{id}/presence/{contact}/subscribe", tag = "contacts", operation_id = "subscribePresence",
    params(("id" = String, Path, description = "The account's id"), ("contact" = String, Path, description = "Our id, a number or an address")),
    responses((status = 204), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn subscribe(
    State(state): State<Knowing>,
    Caller(caller): Caller,
    Path((id, contact)): Path<(AccountId, String)>,
) -> Result<StatusCode, Problem> {
    let name = one(&state, &caller, &id, contact).await?;
    state.1.watch(&caller, &id, &name, Duration::ZERO).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Watches somebody no more.
#[utoipa::path(post, path = "/v1/accounts/{id}/presence/{contact}/unsubscribe", tag = "contacts", operation_id = "unsubscribePresence",
    params(("id" = String, Path, description = "The account's id"), ("contact" = String, Path, description = "Our id, a number or an address")),
    responses((status = 204), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn unsubscribe(
    State(state): State<Knowing>,
    Caller(caller): Caller,
    Path((id, contact)): Path<(AccountId, String)>,
) -> Result<StatusCode, Problem> {
    let name = one(&state, &caller, &id, contact).await?;
    state.1.unwatch(&caller, &id, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}
