//! `POST /v1/accounts/{id}/messages`.

use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use wasup_actors::{Accepted, Messages, SendCommand};
use wasup_store::id::AccountId;
use wasup_store::records::{Lane, MessageRecord};

use super::again::Again;
use super::asked::Asked;
use super::body::SendMessage;
use super::compose::Composer;
use crate::api::extract::{Caller, Path, Query};
use crate::api::idempotency::{IdempotencyKey, REPLAYED};
use crate::api::problem::{Problem, ProblemView};
use crate::api::state::{ApiState, Settings};
use crate::api::view::MessageView;
use crate::config::Span;

/// How long `?wait=sent` waits when no `timeout` is given.
const WAIT: Duration = Duration::from_secs(10);

/// What an answer waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum WaitFor {
    /// Until the network's server has it, or it is certain that it never will.
    Sent,
}

/// How long the answer to a send waits.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct WaitQuery {
    /// `sent`: answer when the network's server has it.
    #[param(inline)]
    wait: Option<WaitFor>,
    /// With `wait`: how long at most, such as `10s`. The answer is 202 after it, too.
    #[param(value_type = Option<String>, example = "10s")]
    timeout: Option<Span>,
}

/// Sends a message. 202 says that it is on disk: it will be sent, or end in `rejected` or `failed`.
#[utoipa::path(post, path = "/v1/accounts/{id}/messages", tag = "messages", operation_id = "sendMessage",
    params(("id" = String, Path, description = "The account's id, percent-encoded"), WaitQuery,
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 visible characters. A repeat with the same key and body gets the first message and `Idempotency-Replayed: true`; with another body 422.")),
    request_body(content((SendMessage = "application/json"), (SendMessage = "multipart/form-data")),
        description = "JSON; or a form with a field for each field of it (or all of them as JSON in `message`) and last the field `file`"),
    responses((status = 202, body = MessageView), (status = 422, description = "The key was used with another body.", body = ProblemView, content_type = "application/problem+json"),
        (status = 429, description = "Too many messages of the account wait; see `Retry-After`.", body = ProblemView, content_type = "application/problem+json"),
        (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(in crate::api) async fn send(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    Path(id): Path<AccountId>,
    Query(query): Query<WaitQuery>,
    key: IdempotencyKey,
    asked: Asked,
) -> Result<Response, Problem> {
    let request = SendMessage::read(asked.value)?;
    let own = request.own_id()?;
    let (composer, messages, settings) = (Composer::new(&state, &caller, &id), &state.messages, &state.settings);
    let mentions = composer.mentions(&request.common).await?;
    let again = Again { key, asked: asked.repeated, own: own.as_deref() };
    if let Some(mut first) = composer.replayed(&request, &again).await? {
        if let Some(record) = settled(messages, settings, &query, &first).await? {
            first.record = record;
        }
        return Ok(answer(&id, &first));
    }
    let (content, chat, context) = composer.whole(&request, mentions).await?;
    let command = SendCommand {
        account: id.clone(),
        idempotency: again.over(&chat),
        chat,
        content,
        context,
        lane: Lane::Interactive,
        client_message_id: own,
    };
    let mut accepted = messages.send(&caller, command).await?;
    if let Some(record) = settled(messages, settings, &query, &accepted).await? {
        accepted.record = record;
    }
    Ok(answer(&id, &accepted))
}

/// The answer to an accepted message.
pub(super) fn answer(account: &AccountId, accepted: &Accepted) -> Response {
    let view = axum::Json(MessageView::new(account, accepted.id, &accepted.record));
    let mut response = (StatusCode::ACCEPTED, view).into_response();
    if accepted.replayed {
        response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    }
    response
}

/// What became of it within the wait, where one is asked for and the server does not stop.
async fn settled(
    messages: &Messages,
    settings: &Settings,
    query: &WaitQuery,
    accepted: &Accepted,
) -> Result<Option<MessageRecord>, Problem> {
    if query.wait != Some(WaitFor::Sent) {
        return Ok(None);
    }
    let patience = settings.patience(Some(query.timeout.map_or(WAIT, |span| span.0)));
    let settled = settings.until_ending(messages.wait_settled(accepted.id, patience)).await;
    Ok(settled.transpose()?)
}
