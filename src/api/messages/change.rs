//! What callers do to messages: another text, taken back, passed on, starred.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use wasup_actors::{Messages, TakenBack};
use wasup_store::id::MessageId;

use super::address::Addresses;
use super::content;
use super::problems::one;
use super::send::answer;
use crate::api::extract::{Caller, Json, Path, Query};
use crate::api::idempotency::IdempotencyKey;
use crate::api::problem::{Problem, ProblemView};
use crate::api::state::Writing;
use crate::api::view::MessageView;

/// Another text for a message.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct EditMessage {
    /// The text, or the text under the file, from now on.
    #[schema(min_length = 1)]
    text: String,
}

/// For whom a message is taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum For {
    /// For everybody in the chat.
    Everyone,
}

/// How a message is taken back.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct TakeBackQuery {
    /// For whom. `everyone`, also where it is not given.
    #[param(inline)]
    r#for: Option<For>,
}

/// Where a message is passed on to.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ForwardMessage {
    /// A phone number, an address of the network or a group.
    to: String,
}

/// Whether a message is starred.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct StarMessage {
    /// Whether it is among the account's starred messages from now on.
    starred: bool,
}

/// Gives one of the account's own messages another text, or another text under its file. The answer is the message that
/// does so; the network accepts it for about 15 minutes after the first was written.
#[utoipa::path(patch, path = "/v1/messages/{id}", tag = "messages", operation_id = "editMessage",
    params(("id" = String, Path, description = "The message's id, `msg_…`"),
        ("Idempotency-Key" = Option<String>, Header, description = "As for sending.")),
    request_body = EditMessage,
    responses((status = 202, body = MessageView), (status = 409, description = "It can't have another text.", body = ProblemView, content_type = "application/problem+json"),
        (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(in crate::api) async fn edit(
    State((_accounts, messages, settings)): State<Writing>,
    Caller(caller): Caller,
    Path(id): Path<MessageId>,
    key: IdempotencyKey,
    Json(body): Json<EditMessage>,
) -> Result<Response, Problem> {
    let text = content::words("text", &body.text, &[], settings.text_max).map_err(one)?;
    let request = key.over(&["edit", &id.to_string(), &text]);
    let (account, accepted) = messages.edit(&caller, id, text, request).await?;
    Ok(answer(&account.id, &accepted))
}

/// Takes a message back for everybody. One that still waits to be sent is cancelled, and 200 shows it; else 202 shows the
/// message that asks the network to take it back. In a group admins may take back what others wrote.
#[utoipa::path(delete, path = "/v1/messages/{id}", tag = "messages", operation_id = "revokeMessage",
    params(("id" = String, Path, description = "The message's id, `msg_…`"), TakeBackQuery,
        ("Idempotency-Key" = Option<String>, Header, description = "As for sending.")),
    responses((status = 200, description = "It was cancelled, or taken back before.", body = MessageView), (status = 202, body = MessageView),
        (status = 409, description = "It is on the wire at this moment, or can't be taken back.", body = ProblemView, content_type = "application/problem+json"),
        (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(in crate::api) async fn take_back(
    State(messages): State<Messages>,
    Caller(caller): Caller,
    Path(id): Path<MessageId>,
    Query(query): Query<TakeBackQuery>,
    key: IdempotencyKey,
) -> Result<Response, Problem> {
    let TakeBackQuery { r#for: Some(For::Everyone) | None } = query;
    let request = key.over(&["revoke", &id.to_string()]);
    let (account, outcome) = messages.take_back(&caller, id, request).await?;
    Ok(match outcome {
        TakenBack::Revoking(accepted) => answer(&account.id, &accepted),
        TakenBack::Cancelled(record) | TakenBack::Already(record) => {
            (StatusCode::OK, axum::Json(MessageView::new(&account.id, id, &record))).into_response()
        }
    })
}

/// Passes a message on to another chat, as forwarded. Its files are not uploaded again.
#[utoipa::path(post, path = "/v1/messages/{id}/forward", tag = "messages", operation_id = "forwardMessage",
    params(("id" = String, Path, description = "The message's id, `msg_…`"),
        ("Idempotency-Key" = Option<String>, Header, description = "As for sending.")),
    request_body = ForwardMessage,
    responses((status = 202, body = MessageView), (status = 409, description = "Messages of its type can't be passed on.", body = ProblemView, content_type = "application/problem+json"),
        (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(in crate::api) async fn forward(
    State((accounts, messages, settings)): State<Writing>,
    Caller(caller): Caller,
    Path(id): Path<MessageId>,
    key: IdempotencyKey,
    Json(body): Json<ForwardMessage>,
) -> Result<Response, Problem> {
    let (account, _) = messages.get(&caller, id).await?;
    let to = Addresses::new(&accounts, &settings, &caller, &account.id).one("to", &body.to).await?;
    let request = key.over(&["forward", &id.to_string(), to.jid.as_str()]);
    let (account, accepted) = messages.forward(&caller, id, to, request).await?;
    Ok(answer(&account.id, &accepted))
}

/// Puts a message among the account's starred ones on all its devices, or takes it out.
#[utoipa::path(post, path = "/v1/messages/{id}/star", tag = "messages", operation_id = "starMessage",
    params(("id" = String, Path, description = "The message's id, `msg_…`")),
    request_body = StarMessage,
    responses((status = 200, body = MessageView), (status = 409, description = "The account is not connected, or there is nothing to star.", body = ProblemView, content_type = "application/problem+json"),
        (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(in crate::api) async fn star(
    State(messages): State<Messages>,
    Caller(caller): Caller,
    Path(id): Path<MessageId>,
    Json(body): Json<StarMessage>,
) -> Result<axum::Json<MessageView>, Problem> {
    let (account, record) = messages.star(&caller, id, body.starred).await?;
    Ok(axum::Json(MessageView::new(&account.id, id, &record)))
}
