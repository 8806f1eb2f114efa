//! A chat's messages.

use std::time::Duration;

use axum::extract::State;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use wasup_actors::{ChatPageQuery, MessageName, Older};
use wasup_store::id::{AccountId, MessageId};
use wasup_store::records::MessageRecord;

use super::{chat_name, message_name};
use crate::api::accounts::{bad_cursor, limit};
use crate::api::extract::{Caller, Path, Query};
use crate::api::problem::{ErrorCode, FieldError, Problem, ProblemView};
use crate::api::state::Chatting;
use crate::api::view::{Cursor, MessageView, Page};
use crate::config::Span;

/// How long the phone is waited for when it must be asked and nothing is said.
const WAIT: Duration = Duration::from_secs(10);

/// In which order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::api) enum Order {
    /// The newest first.
    Desc,
    /// The oldest first.
    Asc,
}

/// Which messages of the chat.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct ChatMessagesQuery {
    /// Most items in the answer, 1 to 1000.
    #[param(minimum = 1, maximum = 1000, default = 50)]
    limit: Option<usize>,
    /// `next_cursor` of the piece before, with the same `order`.
    cursor: Option<String>,
    /// Only messages from before this one: our id or the network's. The newest come first.
    before: Option<String>,
    /// Only messages from after this one: our id or the network's. The oldest come first.
    after: Option<String>,
    /// `desc` for the newest first, `asc` for the oldest first; goes without saying with `before` and `after`.
    #[param(inline, default = "desc")]
    order: Option<Order>,
    /// `store`: what is here. `server`: the phone is asked for older messages first; it must be online, and answers only for
    /// chats that have a message here. `auto`: it is asked where fewer than `limit` are here and `wait` is given.
    #[param(inline, default = "auto")]
    source: Option<Source>,
    /// How long older messages are waited for, such as `10s`; with `source=server` 10s where it is not given. What has come by
    /// then is answered.
    #[param(value_type = Option<String>, example = "10s")]
    wait: Option<Span>,
}

/// Where messages come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::api) enum Source {
    /// The phone, where there is too little here.
    Auto,
    /// The phone.
    Server,
    /// What is here.
    Store,
}

impl ChatMessagesQuery {
    /// The order, and behind which message to begin.
    fn place(&self) -> Result<(Order, Option<MessageName>, Option<wasup_store::id::MessageKey>), Problem> {
        let given = [&self.cursor, &self.before, &self.after].into_iter().flatten().count();
        let wrong = |field: &str, what: &str| Problem::invalid(vec![FieldError::new(field, what)]);
        if given > 1 {
            return Err(wrong("cursor", "give one of cursor, before and after"));
        }
        if self.before.is_some() && self.order == Some(Order::Asc) {
            return Err(wrong("order", "with before the newest come first"));
        }
        if self.after.is_some() && self.order == Some(Order::Desc) {
            return Err(wrong("order", "with after the oldest come first"));
        }
        if let Some(before) = &self.before {
            return Ok((Order::Desc, Some(message_name(before)), None));
        }
        if let Some(after) = &self.after {
            return Ok((Order::Asc, Some(message_name(after)), None));
        }
        let order = self.order.unwrap_or(Order::Desc);
        match self.cursor.as_deref().map(Cursor::read) {
            None => Ok((order, None, None)),
            Some(Some(Cursor::Message(key))) => Ok((order, None, Some(key))),
            Some(_) => Err(bad_cursor()),
        }
    }
}

/// Lists a chat's messages. A page costs the same at any depth.
#[utoipa::path(get, path = "/v1/accounts/{id}/chats/{chat}/messages", tag = "chats", operation_id = "listChatMessages",
    params(("id" = String, Path, description = "The account's id, percent-encoded"),
        ("chat" = String, Path, description = "The chat: our id, an address or a number"), ChatMessagesQuery),
    responses((status = 200, body = Page<MessageView>), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(in crate::api) async fn list(
    State((accounts, chats, settings)): State<Chatting>,
    Caller(caller): Caller,
    Path((id, chat)): Path<(AccountId, String)>,
    Query(query): Query<ChatMessagesQuery>,
) -> Result<axum::Json<Page<MessageView>>, Problem> {
    let limit = limit(query.limit)?;
    let (order, named, key) = query.place()?;
    let name = chat_name(&accounts, &settings, &caller, &id, &chat).await?;
    let no = accounts.get(&caller, &id).await?.no;
    let behind = named.or_else(|| key.map(|key| MessageName::Id(MessageId { account: no, key })));
    let older = match query.source {
        Some(Source::Store) => Older::No,
        Some(Source::Server) => Older::Yes,
        Some(Source::Auto) | None => Older::WhereShort,
    };
    let patience = query.wait.map(|span| span.0).or((older == Older::Yes).then_some(WAIT));
    let wait = settings.patience(patience);
    let page = ChatPageQuery { oldest_first: order == Order::Asc, behind, limit: limit + 1, older, wait };
    let found = settings.until_ending(chats.messages(&caller, &id, &name, &page)).await;
    let found = found.ok_or_else(|| Problem::new(ErrorCode::ShuttingDown, "the server is stopping"))??;
    let view = |(message, record): &(MessageId, MessageRecord)| MessageView::new(&id, *message, record);
    Ok(axum::Json(Page::of(found, limit, |(message, _)| Cursor::Message(message.key), view)))
}
