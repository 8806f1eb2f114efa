//! The list of chats, of all or of a day, and one of them.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use wasup_actors::{ChatsQuery, Principal};
use wasup_store::id::AccountId;
use wasup_store::repo::chat_list::{ChatFilter, ChatPlace};

use super::chat_name;
use crate::api::accounts::limit;
use crate::api::day::span;
use crate::api::extract::{Caller, Path, Query};
use crate::api::problem::{FieldError, Problem, ProblemView};
use crate::api::state::Chatting;
use crate::api::view::{ChatView, Cursor};

/// Most chats that can be left out: whoever is deeper follows the cursor.
const SKIP_MAX: usize = 10_000;

/// Which chats.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct ChatListQuery {
    /// Most items in the answer, 1 to 1000.
    #[param(minimum = 1, maximum = 1000, default = 50)]
    limit: Option<usize>,
    /// `next_cursor` of the piece before; or a chat (our id, an address, a number) to go on behind.
    cursor: Option<String>,
    /// Leaves out so many chats first, at most 10000.
    #[param(minimum = 0, maximum = 10000, default = 0)]
    skip: Option<usize>,
    /// `false`: only chats with one human.
    #[param(default = true)]
    include_groups: Option<bool>,
    /// Only chats with unread messages or marked as unread; `false` for the others.
    unread: Option<bool>,
    /// Only chats that are put away; `false` for the others.
    archived: Option<bool>,
    /// Only chats with messages on this day, `YYYY-MM-DD`.
    #[param(example = "2026-11-21")]
    date: Option<String>,
    /// With `date`: the time zone by its IANA name.
    #[param(default = "UTC", example = "Asia/Jakarta")]
    tz: Option<String>,
}

/// A piece of the list of chats.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct ChatListView {
    /// The chats, the one with the newest message first.
    data: Vec<ChatView>,
    /// Give it as `cursor` to get the next piece; `null` at the end.
    next_cursor: Option<String>,
    /// All chats of the account, whatever was asked for.
    totals: TotalsView,
}

/// All chats of an account.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct TotalsView {
    /// Chats that have messages.
    chats: u64,
    /// Messages in them that are not read.
    unread_messages: u64,
}

impl ChatListQuery {
    fn filter(&self) -> Result<ChatFilter, Problem> {
        let day = span(self.date.as_deref(), self.tz.as_deref()).map_err(|error| Problem::invalid(vec![error]))?;
        Ok(ChatFilter {
            humans_only: self.include_groups == Some(false),
            unread: self.unread,
            archived: self.archived,
            day,
        })
    }

    async fn place(&self, state: &Chatting, caller: &Principal, id: &AccountId) -> Result<Option<ChatPlace>, Problem> {
        let Some(text) = &self.cursor else { return Ok(None) };
        if let Some(Cursor::Chat(place)) = Cursor::read(text) {
            return Ok(Some(place));
        }
        let (accounts, chats, settings) = state;
        let bad =
            || Problem::invalid(vec![FieldError::new("cursor", "is neither a next_cursor of this list nor a chat")]);
        let name = chat_name(accounts, settings, caller, id, text).await.map_err(|_| bad())?;
        Ok(Some(chats.place(caller, id, &name).await?))
    }
}

/// Lists an account's chats, the one with the newest message first. Chats of humans that turned out to be one are one.
#[utoipa::path(get, path = "/v1/accounts/{id}/chats", tag = "chats", operation_id = "listChats",
    params(("id" = String, Path, description = "The account's id, percent-encoded"), ChatListQuery),
    responses((status = 200, body = ChatListView), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(in crate::api) async fn list(
    State(state): State<Chatting>,
    Caller(caller): Caller,
    Path(id): Path<AccountId>,
    Query(query): Query<ChatListQuery>,
) -> Result<axum::Json<ChatListView>, Problem> {
    let limit = limit(query.limit)?;
    let skip = query.skip.unwrap_or(0);
    if skip > SKIP_MAX {
        return Err(Problem::invalid(vec![FieldError::new("skip", "must be at most 10000; follow next_cursor")]));
    }
    let filter = query.filter()?;
    let after = query.place(&state, &caller, &id).await?;
    let found = state.1.list(&caller, &id, &ChatsQuery { filter, after, skip, limit }).await?;
    Ok(axum::Json(ChatListView {
        data: found.lines.iter().map(|(chat, line)| ChatView::new(&id, *chat, line)).collect(),
        next_cursor: found.next.map(|place| Cursor::Chat(place).to_string()),
        totals: TotalsView { chats: found.totals.chats, unread_messages: found.totals.unread },
    }))
}

/// Shows a chat.
#[utoipa::path(get, path = "/v1/accounts/{id}/chats/{chat}", tag = "chats", operation_id = "getChat",
    params(("id" = String, Path, description = "The account's id, percent-encoded"),
        ("chat" = String, Path, description = "The chat: our id, an address or a number")),
    responses((status = 200, body = ChatView), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(in crate::api) async fn show(
    State((accounts, chats, settings)): State<Chatting>,
    Caller(caller): Caller,
    Path((id, chat)): Path<(AccountId, String)>,
) -> Result<axum::Json<ChatView>, Problem> {
    let name = chat_name(&accounts, &settings, &caller, &id, &chat).await?;
    let (chat, line) = chats.get(&caller, &id, &name).await?;
    Ok(axum::Json(ChatView::new(&id, chat, &line)))
}
