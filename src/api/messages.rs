//! `/v1/accounts/{id}/messages` and `/v1/messages/{id}`.

use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use wasup_actors::{Accepted, Accounts, MessageError, MessageQuery, Messages, Principal, SendCommand, SendError};
use wasup_sessions::number::participant;
use wasup_store::id::{AccountId, MessageId};
use wasup_store::jid::JidKind;
use wasup_store::records::{Content, Lane, MessageRecord, Participant};

use super::accounts::{bad_cursor, limit};
use super::extract::{Caller, Json, Path, Query};
use super::idempotency::{IdempotencyKey, REPLAYED};
use super::problem::{ErrorCode, FieldError, Problem, ProblemView};
use super::state::{Settings, Writing};
use super::view::{Cursor, MessageType, MessageView, Page};
use crate::config::Span;

/// Longest text, in characters: the network's own limit.
const TEXT_MAX: usize = 65_536;
/// Longest id of the caller's own, in bytes.
const CLIENT_ID_MAX: usize = 128;
/// How long `?wait=sent` waits when no `timeout` is given.
const WAIT: Duration = Duration::from_secs(10);

/// A message to send.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SendMessage {
    /// Who gets it: a phone number (`6281234567890`, `+62 812-3456-7890`; in national form where the account or the
    /// installation has a `default_region`) or an address of the network (`…@s.whatsapp.net`, `…@lid`).
    #[schema(examples("+62 812-3456-7890"))]
    to: String,
    /// What is sent.
    r#type: MessageType,
    /// The text, 1 to 65536 characters.
    #[schema(min_length = 1, max_length = 65536, examples("Hello"))]
    text: String,
    /// Your own id of it, at most 128 bytes. Without an `Idempotency-Key` it also makes repeats harmless.
    #[schema(max_length = 128)]
    client_message_id: Option<String>,
}

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

/// Which messages.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct MessagesQuery {
    /// Most items in the answer, 1 to 1000.
    #[param(minimum = 1, maximum = 1000, default = 50)]
    limit: Option<usize>,
    /// `next_cursor` of the piece before.
    cursor: Option<String>,
    /// Only messages of this chat: a number or an address.
    chat: Option<String>,
}

/// The address that a text means, by the account's region, else by the installation's.
async fn address(
    accounts: &Accounts,
    settings: &Settings,
    caller: &Principal,
    id: &AccountId,
    (field, text): (&str, &str),
) -> Result<Participant, Problem> {
    let account = accounts.get(caller, id).await?;
    let region = account.default_region.as_deref().or(settings.region.as_deref());
    participant(text, region).map_err(|error| Problem::invalid(vec![FieldError::new(field, error.to_string())]))
}

impl SendMessage {
    fn check(&self) -> Result<(), Problem> {
        let mut errors = Vec::new();
        if self.text.is_empty() || self.text.chars().count() > TEXT_MAX {
            errors.push(FieldError::new("text", "must have 1 to 65536 characters"));
        }
        if self.client_message_id.as_ref().is_some_and(|id| id.is_empty() || id.len() > CLIENT_ID_MAX) {
            errors.push(FieldError::new("client_message_id", "must have 1 to 128 bytes"));
        }
        if errors.is_empty() { Ok(()) } else { Err(Problem::invalid(errors)) }
    }

    fn command(self, account: AccountId, chat: Participant, key: IdempotencyKey) -> Result<SendCommand, Problem> {
        if chat.jid.kind() == JidKind::Group {
            return Err(Problem::invalid(vec![FieldError::new("to", "groups can't be written to in this version")]));
        }
        let own = self.client_message_id;
        let idempotency = key.over(&[chat.jid.as_str(), "text", &self.text, own.as_deref().unwrap_or_default()]);
        let content = match self.r#type {
            MessageType::Text => Content::text(self.text),
        };
        Ok(SendCommand {
            account,
            chat,
            content,
            context: None,
            lane: Lane::Interactive,
            client_message_id: own,
            idempotency,
        })
    }
}

/// Sends a message. 202 says that it is on disk: it will be sent, or end in `rejected` or `failed`.
#[utoipa::path(post, path = "/v1/accounts/{id}/messages", tag = "messages", operation_id = "sendMessage",
    params(("id" = String, Path, description = "The account's id, percent-encoded"), WaitQuery,
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 visible characters. A repeat with the same key and body gets the first message and `Idempotency-Replayed: true`; with another body 422.")),
    request_body = SendMessage,
    responses((status = 202, body = MessageView), (status = 422, description = "The key was used with another body.", body = ProblemView, content_type = "application/problem+json"),
        (status = 429, description = "Too many messages of the account wait; see `Retry-After`.", body = ProblemView, content_type = "application/problem+json"),
        (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn send(
    State((accounts, messages, settings)): State<Writing>,
    Caller(caller): Caller,
    Path(id): Path<AccountId>,
    Query(query): Query<WaitQuery>,
    key: IdempotencyKey,
    Json(body): Json<SendMessage>,
) -> Result<Response, Problem> {
    body.check()?;
    let chat = address(&accounts, &settings, &caller, &id, ("to", &body.to)).await?;
    let mut accepted = messages.send(&caller, body.command(id.clone(), chat, key)?).await?;
    if let Some(record) = settled(&messages, &settings, &query, &accepted).await? {
        accepted.record = record;
    }
    let view = axum::Json(MessageView::new(&id, accepted.id, &accepted.record));
    let mut response = (StatusCode::ACCEPTED, view).into_response();
    if accepted.replayed {
        response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    }
    Ok(response)
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

/// Lists an account's messages, the newest first.
#[utoipa::path(get, path = "/v1/accounts/{id}/messages", tag = "messages", operation_id = "listMessages",
    params(("id" = String, Path, description = "The account's id, percent-encoded"), MessagesQuery),
    responses((status = 200, body = Page<MessageView>), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn list(
    State((accounts, messages, settings)): State<Writing>,
    Caller(caller): Caller,
    Path(id): Path<AccountId>,
    Query(query): Query<MessagesQuery>,
) -> Result<axum::Json<Page<MessageView>>, Problem> {
    let limit = limit(query.limit)?;
    let before = match query.cursor.as_deref().map(Cursor::read) {
        None => None,
        Some(Some(Cursor::Message(key))) => Some(key),
        Some(_) => return Err(bad_cursor()),
    };
    let chat = match &query.chat {
        Some(text) => Some(address(&accounts, &settings, &caller, &id, ("chat", text)).await?.jid),
        None => None,
    };
    let found = messages.list(&caller, &id, &MessageQuery { chat, before, limit: limit + 1 }).await?;
    let view = |(message, record): &(MessageId, MessageRecord)| MessageView::new(&id, *message, record);
    Ok(axum::Json(Page::of(found, limit, |(message, _)| Cursor::Message(message.key), view)))
}

/// Shows a message.
#[utoipa::path(get, path = "/v1/messages/{id}", tag = "messages", operation_id = "getMessage",
    params(("id" = String, Path, description = "The message's id, `msg_…`")),
    responses((status = 200, body = MessageView), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn show(
    State(messages): State<Messages>,
    Caller(caller): Caller,
    Path(id): Path<MessageId>,
) -> Result<axum::Json<MessageView>, Problem> {
    let (account, record) = messages.get(&caller, id).await?;
    Ok(axum::Json(MessageView::new(&account.id, id, &record)))
}

impl From<SendError> for Problem {
    fn from(error: SendError) -> Self {
        match error {
            SendError::AccountNotFound => Self::not_found("account"),
            SendError::MessageNotFound => Self::not_found("message"),
            SendError::IdempotencyKeyReused => Self::new(
                ErrorCode::IdempotencyKeyReused,
                "this Idempotency-Key (or client_message_id) came before, with another message",
            ),
            SendError::OutboxFull { retry_after } => {
                let detail = "as many messages of the account wait as send.outbox_max allows";
                Self::new(ErrorCode::OutboxFull, detail).after(retry_after)
            }
            SendError::SpaceLow => wasup_store::StoreError::SpaceLow { floor: 0 }.into(),
            SendError::Store(error) => error.into(),
        }
    }
}

impl From<MessageError> for Problem {
    fn from(error: MessageError) -> Self {
        match error {
            MessageError::NotFound => Self::not_found("message"),
            MessageError::AccountNotFound => Self::not_found("account"),
            MessageError::Store(error) => error.into(),
        }
    }
}
