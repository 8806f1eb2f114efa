//! `/v1/accounts/{id}/chatbot`: an endpoint that answers the humans for whom it is switched on.

mod senders;

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use secrecy::SecretString;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wasup_actors::{ChatbotSpec, Endpoints};
use wasup_store::id::AccountId;

use super::extract::{Caller, Json, Path};
use super::problem::{Problem, ProblemView};
use super::state::{ApiState, Settings};
use super::view::ChatbotView;
use crate::endpoint_form::addressed;
use crate::webhook_http::Reach;

/// The routes of this folder.
pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(put, show, delete)).routes(routes!(senders::list)).routes(routes!(
        senders::put,
        senders::show,
        senders::delete
    ))
}

/// Where the messages of switched-on humans go.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SetChatbot {
    /// The address, http or https. Its answer is sent to the chat: plain text, `{"text"}`, or
    /// `{"media","mimetype","caption","filename"}`.
    #[schema(examples("https://example.com/bot"))]
    url: String,
    /// The signing secret: `whsec_` and the base64 of 24 to 64 bytes. Without it the one there is stays, or one is
    /// made and shown in this answer only.
    #[schema(value_type = Option<String>)]
    secret: Option<SecretString>,
    /// `false`: messages wait until it is `true` again.
    #[serde(default = "yes")]
    #[schema(default = true)]
    active: bool,
}

const fn yes() -> bool {
    true
}

impl SetChatbot {
    fn check(self, reach: Reach) -> Result<ChatbotSpec, Problem> {
        let (secret, errors) = addressed(&self.url, self.secret.as_ref(), reach);
        match errors.is_empty() {
            true => Ok(ChatbotSpec { url: self.url, secret, active: self.active }),
            false => Err(Problem::invalid(errors)),
        }
    }
}

/// Sets the chatbot of an account. It is an endpoint of its own, also shown under `/v1/endpoints`, with everything that
/// can be set there; it hears what switched-on humans write to the account one to one, and what it answers is sent.
#[utoipa::path(put, path = "/v1/accounts/{id}/chatbot", tag = "chatbots", operation_id = "setChatbot",
    params(("id" = String, Path, description = "The account's id, percent-encoded")), request_body = SetChatbot,
    responses((status = 200, body = ChatbotView), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn put(
    State(endpoints): State<Endpoints>,
    State(settings): State<Arc<Settings>>,
    Caller(caller): Caller,
    Path(id): Path<AccountId>,
    Json(body): Json<SetChatbot>,
) -> Result<axum::Json<ChatbotView>, Problem> {
    let (endpoint, made) = endpoints.set_chatbot(&caller, &id, body.check(settings.reach)?).await?;
    Ok(axum::Json(ChatbotView { secret: made.map(|secret| secret.0), ..ChatbotView::new(&id, &endpoint) }))
}

/// Shows the chatbot of an account, without its secret.
#[utoipa::path(get, path = "/v1/accounts/{id}/chatbot", tag = "chatbots", operation_id = "getChatbot",
    params(("id" = String, Path, description = "The account's id, percent-encoded")),
    responses((status = 200, body = ChatbotView), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn show(
    State(endpoints): State<Endpoints>,
    Caller(caller): Caller,
    Path(id): Path<AccountId>,
) -> Result<axum::Json<ChatbotView>, Problem> {
    let found = endpoints.chatbot(&caller, &id).await?;
    Ok(axum::Json(ChatbotView::new(&id, &found.ok_or_else(|| Problem::not_found("chatbot"))?)))
}

/// Removes the chatbot of an account, with what was still to be delivered. For whom it was switched on stays.
#[utoipa::path(delete, path = "/v1/accounts/{id}/chatbot", tag = "chatbots", operation_id = "deleteChatbot",
    params(("id" = String, Path, description = "The account's id, percent-encoded")),
    responses((status = 204), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn delete(
    State(endpoints): State<Endpoints>,
    Caller(caller): Caller,
    Path(id): Path<AccountId>,
) -> Result<StatusCode, Problem> {
    match endpoints.remove_chatbot(&caller, &id).await? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(Problem::not_found("chatbot")),
    }
}
