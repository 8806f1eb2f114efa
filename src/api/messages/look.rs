//! Messages as they stand: lists and single ones.

use axum::extract::State;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use wasup_actors::{MessageFilter, MessagePlace, Messages};
use wasup_store::Direction as Order;
use wasup_store::id::{AccountId, MessageId, MessageKey};
use wasup_store::records::{Content, Direction, MessageState};
use wasup_store::repo::words::Words;

use super::address::Addresses;
use super::problems::one;
use crate::api::accounts::{bad_cursor, limit};
use crate::api::deliveries::moment;
use crate::api::extract::{Caller, Path, Query};
use crate::api::problem::{FieldError, Problem, ProblemView};
use crate::api::state::Writing;
use crate::api::view::{Cursor, MessageView, Page};

/// Which way messages went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Way {
    /// To the account.
    Inbound,
    /// From the account.
    Outbound,
}

/// In which order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Sorted {
    /// The oldest first.
    Asc,
    /// The newest first.
    Desc,
}

/// Which messages.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct MessagesQuery {
    /// Most items in the answer, 1 to 1000. A page may have fewer and still have a `next_cursor`, where few messages fit.
    #[param(minimum = 1, maximum = 1000, default = 50)]
    limit: Option<usize>,
    /// `next_cursor` of the piece before.
    cursor: Option<String>,
    /// Only messages of this chat: a number or an address.
    chat: Option<String>,
    /// Only messages that this human wrote, also those in groups.
    from: Option<String>,
    /// Only messages that the account sent to this number or address.
    to: Option<String>,
    /// Only messages that went this way.
    #[param(inline)]
    direction: Option<Way>,
    /// Only messages of this type, such as `text` or `reaction`.
    r#type: Option<String>,
    /// Only messages in this state, such as `failed`.
    state: Option<String>,
    /// Only messages from this moment on.
    #[param(example = "2026-11-21T10:40:59Z")]
    since: Option<String>,
    /// Only messages from before this moment.
    until: Option<String>,
    /// Only messages with all these words, in any case; the last one may be the beginning of a word. With `search.index` they
    /// are sought in an index; what it does not hold yet is looked through. Without it all are, 5000 for an answer. Either way
    /// an answer may be short or empty and still have a `next_cursor`.
    #[param(example = "order 42")]
    q: Option<String>,
    /// `desc` (the newest first) or `asc`. `desc` where it is not given.
    #[param(inline)]
    order: Option<Sorted>,
}

/// Every state there is.
const STATES: [MessageState; 10] = [
    MessageState::Queued,
    MessageState::Sending,
    MessageState::Held,
    MessageState::Sent,
    MessageState::Delivered,
    MessageState::Read,
    MessageState::Played,
    MessageState::Rejected,
    MessageState::Failed,
    MessageState::Cancelled,
];

impl MessagesQuery {
    async fn filter(&self, addresses: &Addresses<'_>) -> Result<MessageFilter, Problem> {
        let mut filter = MessageFilter {
            way: self.direction.map(Direction::from),
            kind: self.r#type.as_deref().map(kind).transpose().map_err(one)?,
            state: self.state.as_deref().map(state).transpose().map_err(one)?,
            since_ms: moment("since", self.since.as_deref()).map_err(one)?,
            until_ms: moment("until", self.until.as_deref()).map_err(one)?,
            words: self.q.as_deref().and_then(Words::of),
            ..MessageFilter::default()
        };
        if self.q.is_some() && filter.words.is_none() {
            return Err(one(FieldError::new("q", "has no word to look for")));
        }
        let places = [
            ("chat", &self.chat, &mut filter.chat),
            ("from", &self.from, &mut filter.from),
            ("to", &self.to, &mut filter.to),
        ];
        for (field, text, place) in places {
            if let Some(text) = text {
                *place = Some(addresses.one(field, text).await?);
            }
        }
        Ok(filter)
    }
}

impl From<Way> for Direction {
    fn from(way: Way) -> Self {
        match way {
            Way::Inbound => Self::Inbound,
            Way::Outbound => Self::Outbound,
        }
    }
}

impl Sorted {
    /// The order that was asked for; the newest first where none was.
    pub(super) fn order(asked: Option<Self>) -> Order {
        if asked == Some(Self::Asc) { Order::Forward } else { Order::Backward }
    }
}

/// A type by its word.
pub(super) fn kind(word: &str) -> Result<String, FieldError> {
    let known = || format!("must be one of {}", Content::KINDS.join(", "));
    Content::KINDS.contains(&word).then(|| word.to_owned()).ok_or_else(|| FieldError::new("type", known()))
}

/// A place in a list of messages by its cursor.
pub(super) fn place(cursor: Option<&str>) -> Result<Option<MessageKey>, Problem> {
    match cursor.map(Cursor::read) {
        None => Ok(None),
        Some(Some(Cursor::Message(key))) => Ok(Some(key)),
        Some(_) => Err(bad_cursor()),
    }
}

/// A state by its word.
pub(super) fn state(word: &str) -> Result<MessageState, FieldError> {
    let found = STATES.into_iter().find(|state| state.as_str() == word);
    let known = || STATES.map(MessageState::as_str).join(", ");
    found.ok_or_else(|| FieldError::new("state", format!("must be one of {}", known())))
}

/// Lists an account's messages. What does something to another message (a reaction, an edit, a revoke, a vote) is among them,
/// unless a chat or a human is asked for.
#[utoipa::path(get, path = "/v1/accounts/{id}/messages", tag = "messages", operation_id = "listMessages",
    params(("id" = String, Path, description = "The account's id, percent-encoded"), MessagesQuery),
    responses((status = 200, body = Page<MessageView>), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(in crate::api) async fn list(
    State((accounts, messages, settings)): State<Writing>,
    Caller(caller): Caller,
    Path(id): Path<AccountId>,
    Query(query): Query<MessagesQuery>,
) -> Result<axum::Json<Page<MessageView>>, Problem> {
    let limit = limit(query.limit)?;
    let after = place(query.cursor.as_deref())?;
    let filter = query.filter(&Addresses::new(&accounts, &settings, &caller, &id)).await?;
    let order = Sorted::order(query.order);
    let page = messages.list(&caller, &id, &filter, MessagePlace { order, after, limit }).await?;
    let data = page.found.iter().map(|(message, record)| MessageView::new(&id, *message, record)).collect();
    let next_cursor = page.next.map(|key| Cursor::Message(key).to_string());
    Ok(axum::Json(Page { data, next_cursor }))
}

/// Shows a message, with who reacted to it and who voted in it.
#[utoipa::path(get, path = "/v1/messages/{id}", tag = "messages", operation_id = "getMessage",
    params(("id" = String, Path, description = "The message's id, `msg_…`")),
    responses((status = 200, body = MessageView), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(in crate::api) async fn show(
    State(messages): State<Messages>,
    Caller(caller): Caller,
    Path(id): Path<MessageId>,
) -> Result<axum::Json<MessageView>, Problem> {
    let (account, record) = messages.get(&caller, id).await?;
    let (reactions, votes) = messages.marks(id).await?;
    Ok(axum::Json(MessageView::new(&account.id, id, &record).marked(&reactions, &votes)))
}
