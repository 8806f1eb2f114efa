//! Messages of all accounts in one list.

use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;
use wasup_actors::{MessageFilter, MessagePlace};
use wasup_sessions::number::participant;
use wasup_store::records::Participant;

use super::look::{Sorted, Way, kind, place, state};
use super::problems::one;
use crate::api::accounts::limit;
use crate::api::day::span;
use crate::api::deliveries::moment;
use crate::api::extract::{Caller, Query};
use crate::api::problem::{FieldError, Problem, ProblemView};
use crate::api::state::{Settings, Writing};
use crate::api::view::{Cursor, MessageView, Page};

/// Which messages.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct FeedQuery {
    /// Most items in the answer, 1 to 1000. A page may have fewer, or none, and still have a `next_cursor`, where few
    /// messages fit.
    #[param(minimum = 1, maximum = 1000, default = 50)]
    limit: Option<usize>,
    /// `next_cursor` of the piece before.
    cursor: Option<String>,
    /// Only messages of accounts that are linked to this phone number.
    #[param(example = "+6281234567890")]
    phone: Option<String>,
    /// Only messages of the chat with this number or address.
    #[param(example = "+6281234567891")]
    peer: Option<String>,
    /// Only messages of this day, `YYYY-MM-DD`.
    #[param(example = "2026-11-21")]
    date: Option<String>,
    /// With `date`: the time zone by its IANA name.
    #[param(default = "UTC", example = "Asia/Jakarta")]
    tz: Option<String>,
    /// Only messages from this moment on. Not with `date`.
    #[param(example = "2026-11-21T10:40:59Z")]
    since: Option<String>,
    /// Only messages from before this moment. Not with `date`.
    until: Option<String>,
    /// Only messages that went this way.
    #[param(inline)]
    direction: Option<Way>,
    /// Only messages of this type, such as `text` or `reaction`.
    r#type: Option<String>,
    /// Only messages in this state, such as `failed`.
    state: Option<String>,
    /// `desc` (the newest first) or `asc`. `desc` where it is not given.
    #[param(inline)]
    order: Option<Sorted>,
}

impl FeedQuery {
    fn filter(&self, settings: &Settings) -> Result<MessageFilter, FieldError> {
        let (mut since_ms, mut until_ms) =
            (moment("since", self.since.as_deref())?, moment("until", self.until.as_deref())?);
        if let Some((begin, end)) = span(self.date.as_deref(), self.tz.as_deref())? {
            if since_ms.is_some() || until_ms.is_some() {
                return Err(FieldError::new("date", "says the same as since and until"));
            }
            (since_ms, until_ms) = (Some(begin), Some(end));
        }
        Ok(MessageFilter {
            chat: self.peer.as_deref().map(|text| address("peer", text, settings)).transpose()?,
            way: self.direction.map(Into::into),
            kind: self.r#type.as_deref().map(kind).transpose()?,
            state: self.state.as_deref().map(state).transpose()?,
            since_ms,
            until_ms,
            ..MessageFilter::default()
        })
    }

    /// The digits of the phone number whose accounts are meant.
    fn phone(&self, settings: &Settings) -> Result<Option<String>, FieldError> {
        let Some(text) = self.phone.as_deref() else { return Ok(None) };
        let named = address("phone", text, settings)?;
        let digits = named.jid.phone_digits().ok_or_else(|| FieldError::new("phone", "is no phone number"))?;
        Ok(Some(digits.to_owned()))
    }
}

/// Accounts have regions of their own, so numbers in national form are of the installation's.
fn address(field: &str, text: &str, settings: &Settings) -> Result<Participant, FieldError> {
    participant(text, settings.region.as_deref()).map_err(|error| FieldError::new(field, error.to_string()))
}

/// Lists messages of all accounts in one order of time. What does something to another message (a reaction, an edit, a revoke,
/// a vote) is among them, unless a `peer` is asked for.
#[utoipa::path(get, path = "/v1/messages", tag = "messages", operation_id = "listAllMessages", params(FeedQuery),
    responses((status = 200, body = Page<MessageView>), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(in crate::api) async fn list(
    State((_accounts, messages, settings)): State<Writing>,
    Caller(caller): Caller,
    Query(query): Query<FeedQuery>,
) -> Result<axum::Json<Page<MessageView>>, Problem> {
    let (limit, after) = (limit(query.limit)?, place(query.cursor.as_deref())?);
    let (filter, phone) = (query.filter(&settings).map_err(one)?, query.phone(&settings).map_err(one)?);
    let place = MessagePlace { order: Sorted::order(query.order), after, limit };
    let page = messages.feed(&caller, phone.as_deref(), &filter, place).await?;
    let data =
        page.found.iter().map(|(account, message, record)| MessageView::new(account, *message, record)).collect();
    let next_cursor = page.next.map(|key| Cursor::Message(key).to_string());
    Ok(axum::Json(Page { data, next_cursor }))
}
