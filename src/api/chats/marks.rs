//! What is done to a chat as a whole.

use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wasup_actors::{ChatMark, Principal, Receipts};
use wasup_sessions::ports::Typing;
use wasup_store::id::AccountId;

use super::{chat_name, message_name};
use crate::api::extract::{Caller, Json, Path};
use crate::api::problem::{FieldError, Problem, ProblemView};
use crate::api::state::Chatting;
use crate::api::view::ChatView;
use crate::config::Span;

/// How long typing is shown where nothing is said, and at most.
const TYPING: Duration = Duration::from_secs(10);
const TYPING_MAX: Duration = Duration::from_secs(60);

/// How a chat is read.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct ReadChat {
    /// Up to which message: our id or the network's. The whole chat where it is left out.
    up_to: Option<String>,
    /// Whether those who wrote are told.
    #[serde(default = "yes")]
    #[schema(default = true)]
    receipts: bool,
}

const fn yes() -> bool {
    true
}

/// A chat that was read.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct ReadView {
    /// What became of the receipts: `sent`; `none` where nothing was unread; `not_wanted`; `not_sent` where the account
    /// is not connected or the network did not take them.
    #[schema(examples("sent"))]
    receipts: &'static str,
    /// For how many messages receipts went out, the newest 1024 at most.
    receipts_sent: usize,
    /// How the chat stands.
    chat: ChatView,
}

/// For how long typing or recording is shown.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct ShowTyping {
    /// How long, at most 60s; it ends by itself then. `0s` ends it now.
    #[serde(rename = "for")]
    #[schema(value_type = Option<String>, default = "10s", examples("5s"))]
    lasts: Option<Span>,
}

/// Whether a chat is put away.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct ArchiveChat {
    /// `false` takes it back.
    #[serde(default = "yes")]
    #[schema(default = true)]
    archived: bool,
}

/// Whether a chat stands above the others.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct PinChat {
    /// `false` lets it go.
    #[serde(default = "yes")]
    #[schema(default = true)]
    pinned: bool,
}

/// Whether phones are silent about a chat.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct MuteChat {
    /// `false` ends it.
    #[serde(default = "yes")]
    #[schema(default = true)]
    muted: bool,
    /// How long, from now on; for ever where it is left out.
    #[serde(rename = "for")]
    #[schema(value_type = Option<String>, examples("8h"))]
    lasts: Option<Span>,
}

/// Reads a chat: nothing of it is unread any more, on disk when this answers. Those who wrote are told, if the account is
/// connected.
#[utoipa::path(post, path = "/v1/accounts/{id}/chats/{chat}/read", tag = "chats", operation_id = "readChat",
    params(("id" = String, Path, description = "The account's id, percent-encoded"),
        ("chat" = String, Path, description = "The chat: our id, an address or a number")), request_body = ReadChat,
    responses((status = 200, body = ReadView), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(in crate::api) async fn read(
    State((accounts, chats, settings)): State<Chatting>,
    Caller(caller): Caller,
    Path((id, chat)): Path<(AccountId, String)>,
    Json(body): Json<ReadChat>,
) -> Result<axum::Json<ReadView>, Problem> {
    let name = chat_name(&accounts, &settings, &caller, &id, &chat).await?;
    let upto = body.up_to.as_deref().map(message_name);
    let (chat, line, receipts) = chats.read(&caller, &id, &name, (upto.as_ref(), body.receipts)).await?;
    let (word, sent) = match receipts {
        Receipts::Sent(sent) => ("sent", sent),
        Receipts::None => ("none", 0),
        Receipts::NotWanted => ("not_wanted", 0),
        Receipts::NotSent => ("not_sent", 0),
    };
    Ok(axum::Json(ReadView { receipts: word, receipts_sent: sent, chat: ChatView::new(&id, chat, &line) }))
}

/// Marks a chat as unread.
#[utoipa::path(post, path = "/v1/accounts/{id}/chats/{chat}/unread", tag = "chats", operation_id = "markChatUnread",
    params(("id" = String, Path, description = "The account's id, percent-encoded"),
        ("chat" = String, Path, description = "The chat: our id, an address or a number")),
    responses((status = 200, body = ChatView), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(in crate::api) async fn unread(
    State(state): State<Chatting>,
    Caller(caller): Caller,
    Path((id, chat)): Path<(AccountId, String)>,
) -> Result<axum::Json<ChatView>, Problem> {
    mark(&state, &caller, (&id, &chat), ChatMark::Unread).await
}

async fn mark(
    (accounts, chats, settings): &Chatting,
    caller: &Principal,
    (id, chat): (&AccountId, &str),
    mark: ChatMark,
) -> Result<axum::Json<ChatView>, Problem> {
    let name = chat_name(accounts, settings, caller, id, chat).await?;
    let (chat, line) = chats.mark(caller, id, &name, mark).await?;
    Ok(axum::Json(ChatView::new(id, chat, &line)))
}

async fn show(
    (accounts, chats, settings): &Chatting,
    caller: &Principal,
    (id, chat): (&AccountId, &str),
    (what, lasts): (Typing, Option<Span>),
) -> Result<StatusCode, Problem> {
    let lasts = lasts.map_or(TYPING, |span| span.0);
    if lasts > TYPING_MAX {
        return Err(Problem::invalid(vec![FieldError::new("for", "must be at most 60s")]));
    }
    let name = chat_name(accounts, settings, caller, id, chat).await?;
    chats.typing(caller, id, &name, (what, lasts)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Shows in a chat that the account is typing. It ends by itself.
#[utoipa::path(post, path = "/v1/accounts/{id}/chats/{chat}/typing", tag = "chats", operation_id = "showTyping",
    params(("id" = String, Path, description = "The account's id, percent-encoded"),
        ("chat" = String, Path, description = "The chat: our id, an address or a number; it need not exist yet")),
    request_body = ShowTyping,
    responses((status = 204), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(in crate::api) async fn typing(
    State(state): State<Chatting>,
    Caller(caller): Caller,
    Path((id, chat)): Path<(AccountId, String)>,
    Json(body): Json<ShowTyping>,
) -> Result<StatusCode, Problem> {
    show(&state, &caller, (&id, &chat), (Typing::Text, body.lasts)).await
}

/// Shows in a chat that the account is recording a voice note. It ends by itself.
#[utoipa::path(post, path = "/v1/accounts/{id}/chats/{chat}/recording", tag = "chats", operation_id = "showRecording",
    params(("id" = String, Path, description = "The account's id, percent-encoded"),
        ("chat" = String, Path, description = "The chat: our id, an address or a number; it need not exist yet")),
    request_body = ShowTyping,
    responses((status = 204), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(in crate::api) async fn recording(
    State(state): State<Chatting>,
    Caller(caller): Caller,
    Path((id, chat)): Path<(AccountId, String)>,
    Json(body): Json<ShowTyping>,
) -> Result<StatusCode, Problem> {
    show(&state, &caller, (&id, &chat), (Typing::Voice, body.lasts)).await
}

/// Puts a chat away on all of the account's devices, or takes it back.
#[utoipa::path(post, path = "/v1/accounts/{id}/chats/{chat}/archive", tag = "chats", operation_id = "archiveChat",
    params(("id" = String, Path, description = "The account's id, percent-encoded"),
        ("chat" = String, Path, description = "The chat: our id, an address or a number")), request_body = ArchiveChat,
    responses((status = 200, body = ChatView), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(in crate::api) async fn archive(
    State(state): State<Chatting>,
    Caller(caller): Caller,
    Path((id, chat)): Path<(AccountId, String)>,
    Json(body): Json<ArchiveChat>,
) -> Result<axum::Json<ChatView>, Problem> {
    mark(&state, &caller, (&id, &chat), ChatMark::Archived(body.archived)).await
}

/// Pins a chat above the others on all of the account's devices, or lets it go.
#[utoipa::path(post, path = "/v1/accounts/{id}/chats/{chat}/pin", tag = "chats", operation_id = "pinChat",
    params(("id" = String, Path, description = "The account's id, percent-encoded"),
        ("chat" = String, Path, description = "The chat: our id, an address or a number")), request_body = PinChat,
    responses((status = 200, body = ChatView), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(in crate::api) async fn pin(
    State(state): State<Chatting>,
    Caller(caller): Caller,
    Path((id, chat)): Path<(AccountId, String)>,
    Json(body): Json<PinChat>,
) -> Result<axum::Json<ChatView>, Problem> {
    mark(&state, &caller, (&id, &chat), ChatMark::Pinned(body.pinned)).await
}

/// Silences a chat on all of the account's devices for a time or for ever, or ends that.
#[utoipa::path(post, path = "/v1/accounts/{id}/chats/{chat}/mute", tag = "chats", operation_id = "muteChat",
    params(("id" = String, Path, description = "The account's id, percent-encoded"),
        ("chat" = String, Path, description = "The chat: our id, an address or a number")), request_body = MuteChat,
    responses((status = 200, body = ChatView), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(in crate::api) async fn mute(
    State(state): State<Chatting>,
    Caller(caller): Caller,
    Path((id, chat)): Path<(AccountId, String)>,
    Json(body): Json<MuteChat>,
) -> Result<axum::Json<ChatView>, Problem> {
    let until = match (body.muted, body.lasts) {
        (false, Some(_)) => {
            return Err(Problem::invalid(vec![FieldError::new("for", "says nothing without muted")]));
        }
        (false, None) => None,
        (true, None) => Some(u64::MAX),
        (true, Some(Span(lasts))) if lasts.is_zero() => {
            return Err(Problem::invalid(vec![FieldError::new("for", "must be longer")]));
        }
        (true, Some(Span(lasts))) => Some(state.1.now_ms() + u64::try_from(lasts.as_millis()).unwrap_or(u64::MAX / 2)),
    };
    mark(&state, &caller, (&id, &chat), ChatMark::Muted(until)).await
}

/// Deletes a chat with all its messages, here and on the account's other devices. What is still to be sent stays.
#[utoipa::path(delete, path = "/v1/accounts/{id}/chats/{chat}", tag = "chats", operation_id = "deleteChat",
    params(("id" = String, Path, description = "The account's id, percent-encoded"),
        ("chat" = String, Path, description = "The chat: our id, an address or a number")),
    responses((status = 204), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(in crate::api) async fn delete(
    State((accounts, chats, settings)): State<Chatting>,
    Caller(caller): Caller,
    Path((id, chat)): Path<(AccountId, String)>,
) -> Result<StatusCode, Problem> {
    let name = chat_name(&accounts, &settings, &caller, &id, &chat).await?;
    chats.delete(&caller, &id, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}
