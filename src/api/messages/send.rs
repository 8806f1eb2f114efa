//! `POST /v1/accounts/{id}/messages`.

use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use wasup_actors::{Accepted, Idempotency, Messages, Principal, SendCommand, target_of};
use wasup_store::id::{AccountId, MessageId};
use wasup_store::jid::JidKind;
use wasup_store::records::{
    Audience, Content, Direction, Lane, Media, MessageContext, MessageRecord, Participant, Poll, Quoted, Target,
};

use super::address::Addresses;
use super::asked::Asked;
use super::body::{Common, FileBody, MessageBody, SendMessage, canonical};
use super::{content, status};
use crate::api::extract::{Caller, Path, Query};
use crate::api::idempotency::{IdempotencyKey, REPLAYED};
use crate::api::problem::{FieldError, Problem, ProblemView};
use crate::api::state::{Settings, Writing};
use crate::api::view::MessageView;
use crate::config::Span;
use crate::media::{Intake, MediaKind};

/// Longest id of the caller's own, in bytes.
const CLIENT_ID_MAX: usize = 128;
/// How long `?wait=sent` waits when no `timeout` is given.
const WAIT: Duration = Duration::from_secs(10);
/// Most humans that a message may name.
const MENTIONS_MAX: usize = 1_024;

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

/// A problem with one field.
pub(super) fn one(error: FieldError) -> Problem {
    Problem::invalid(vec![error])
}

/// A request to send, while it is made into a message.
struct Composer<'a> {
    addresses: Addresses<'a>,
    messages: &'a Messages,
    caller: &'a Principal,
    account: &'a AccountId,
    text_max: usize,
    intake: &'a Intake,
}

impl Composer<'_> {
    /// The message that a request names in a field.
    async fn named(&self, field: &str, name: &str) -> Result<(MessageId, MessageRecord), Problem> {
        match self.messages.named(self.caller, self.account, name).await {
            Ok(found) => Ok(found),
            Err(wasup_actors::MessageError::NotFound) => {
                Err(one(FieldError::new(field, "the account has no such message")))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The message of an act, with the chat that the act goes to.
    async fn target(&self, name: &str, common: &Common) -> Result<(Target, MessageRecord, Participant), Problem> {
        let (id, record) = self.named("message", name).await?;
        let feed = record.chat.jid.kind() == JidKind::Broadcast;
        if feed || record.content.target().is_some() || record.content == Content::Revoked {
            return Err(one(FieldError::new("message", "nothing can be done to it")));
        }
        if let Some(to) = &common.to {
            let to = self.addresses.one("to", to).await?;
            let jids = [Some(&record.chat.jid), record.chat.lid.as_ref()];
            let same = jids.contains(&Some(&to.jid)) || (to.phone.is_some() && to.phone == record.chat.phone);
            if !same {
                return Err(one(FieldError::new("to", "is not the chat of the message")));
            }
        }
        let chat = record.chat.clone();
        Ok((target_of(id, &record), record, chat))
    }

    async fn chat(&self, common: &Common) -> Result<Participant, Problem> {
        match &common.to {
            Some(to) if status::is_meant(to) => Ok(status::feed()),
            Some(to) => self.addresses.one("to", to).await,
            None => Err(one(FieldError::new("to", "missing field `to`"))),
        }
    }

    /// What is sent and where.
    async fn content(&self, request: &SendMessage, named: &[Participant]) -> Result<(Content, Participant), Problem> {
        let common = &request.common;
        if let Some((kind, body)) = request.body.file() {
            // Whoever gets it is known before anything is fetched.
            let chat = self.chat(common).await?;
            return Ok((self.file(kind, body, named).await?, chat));
        }
        let content = match &request.body {
            MessageBody::Reaction(body) => {
                let emoji = content::emoji(body.emoji.as_deref()).map_err(one)?;
                let (target, _, chat) = self.target(&body.message, common).await?;
                return Ok((Content::Reaction { target, emoji }, chat));
            }
            MessageBody::PollVote(body) => {
                let (target, record, chat) = self.target(&body.message, common).await?;
                let options = content::votes(poll_of(&record)?, &body.options).map_err(one)?;
                return Ok((Content::PollVote { target, options: Some(options) }, chat));
            }
            MessageBody::Text(body) => content::text(body, named, self.text_max),
            MessageBody::Location(body) => content::location(body),
            MessageBody::Contact(body) => content::contacts(body, self.addresses.region().await?),
            MessageBody::Poll(body) => content::poll(body),
            // It was looked for above.
            _ => return Err(one(FieldError::new("type", "is no type of message"))),
        };
        Ok((content.map_err(one)?, self.chat(common).await?))
    }

    /// A message with a file: taken in, looked at and kept before the message is.
    async fn file(&self, kind: MediaKind, body: &FileBody, named: &[Participant]) -> Result<Content, Problem> {
        let spoken = matches!(kind, MediaKind::Audio | MediaKind::Voice | MediaKind::Sticker);
        if body.caption.is_some() && spoken {
            return Err(one(FieldError::new("caption", "is not shown under sounds and stickers")));
        }
        if body.view_once && !matches!(kind, MediaKind::Image | MediaKind::Video | MediaKind::Voice) {
            return Err(one(FieldError::new("view_once", "is for pictures, films and voice notes")));
        }
        let caption = body.caption.as_deref().filter(|caption| !caption.is_empty());
        let caption = caption.map(|caption| content::words("caption", caption, named, self.text_max));
        let caption = caption.transpose().map_err(one)?;
        let media = body.media.clone().take(self.intake, kind).await?;
        Ok(kind.content(Media { caption, ..media }))
    }

    /// The first answer to a repeated request with a file: then the file is not fetched, decoded and kept again. That of a
    /// form has come with the request: its bytes are a part of what is asked for.
    async fn replayed(&self, request: &SendMessage, again: &Again<'_>) -> Result<Option<Accepted>, Problem> {
        if request.body.file().is_none() {
            return Ok(None);
        }
        let Some(key) = again.over(&self.chat(&request.common).await?) else { return Ok(None) };
        Ok(self.messages.replayed(self.caller, self.account, &key).await?)
    }

    /// What surrounds it.
    async fn context(
        &self,
        request: &SendMessage,
        chat: &Participant,
        mentions: Vec<Participant>,
        audience: Option<Audience>,
    ) -> Result<Option<Box<MessageContext>>, Problem> {
        let common = &request.common;
        let view_once = request.body.file().is_some_and(|(_, body)| body.view_once);
        let quoted = match &common.reply_to {
            Some(name) => Some(Box::new(self.quoted(name, chat).await?)),
            None => None,
        };
        let disappears_after = content::expiration(common.expiration).map_err(one)?;
        let audience = audience.map(Box::new);
        let context =
            MessageContext { quoted, mentions, disappears_after, view_once, audience, ..MessageContext::default() };
        Ok((context != MessageContext::default()).then(|| Box::new(context)))
    }

    async fn quoted(&self, name: &str, chat: &Participant) -> Result<Quoted, Problem> {
        let (id, record) = self.named("reply_to", name).await?;
        let here = record.chat.jid == chat.jid
            || (chat.phone.is_some() && record.chat.phone == chat.phone)
            || (chat.lid.is_some() && record.chat.lid == chat.lid);
        if !here {
            return Err(one(FieldError::new("reply_to", "is a message of another chat")));
        }
        if record.content.target().is_some() {
            return Err(one(FieldError::new("reply_to", "can't be answered")));
        }
        let mut content = record.content;
        if let Some(media) = content.media_mut() {
            (media.thumbnail, media.waveform) = (None, None);
        }
        Ok(Quoted {
            provider_id: record.provider_id,
            from_me: record.direction == Direction::Outbound,
            sender: record.sender,
            message: Some(id),
            content: Some(content),
        })
    }

    async fn mentions(&self, common: &Common) -> Result<Vec<Participant>, Problem> {
        if common.mentions.len() > MENTIONS_MAX {
            return Err(one(FieldError::new("mentions", "must be at most 1024")));
        }
        let mut named = Vec::with_capacity(common.mentions.len());
        for (n, text) in common.mentions.iter().enumerate() {
            let who = self.addresses.one(&format!("mentions[{n}]"), text).await?;
            if who.phone.is_none() && who.lid.is_none() {
                return Err(one(FieldError::new(format!("mentions[{n}]"), "is no human")));
            }
            named.push(who);
        }
        Ok(named)
    }
}

fn poll_of(record: &MessageRecord) -> Result<&Poll, Problem> {
    match &record.content {
        Content::Poll(asked) if record.secret.is_some() => Ok(asked),
        Content::Poll(_) => Err(one(FieldError::new("message", "the poll's secret is not known here"))),
        _ => Err(one(FieldError::new("message", "is no poll"))),
    }
}

fn own_id(common: &Common) -> Result<(), Problem> {
    if common.client_message_id.as_ref().is_some_and(|id| id.is_empty() || id.len() > CLIENT_ID_MAX) {
        return Err(one(FieldError::new("client_message_id", "must have 1 to 128 bytes")));
    }
    Ok(())
}

/// By what a repeat of the request is known: its key, else the caller's own id of the message.
struct Again<'a> {
    key: IdempotencyKey,
    asked: Value,
    own: Option<&'a str>,
}

impl Again<'_> {
    fn over(&self, chat: &Participant) -> Option<Idempotency> {
        // However the receiver is written, it is the same one.
        let mut asked = self.asked.clone();
        asked["to"] = Value::String(chat.jid.to_string());
        self.key.clone().or_own(self.own).over(&[&canonical(&asked)])
    }
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
    State((accounts, messages, settings)): State<Writing>,
    State(intake): State<Intake>,
    Caller(caller): Caller,
    Path(id): Path<AccountId>,
    Query(query): Query<WaitQuery>,
    key: IdempotencyKey,
    asked: Asked,
) -> Result<Response, Problem> {
    let request = SendMessage::read(asked.value)?;
    own_id(&request.common)?;
    let composer = Composer {
        addresses: Addresses::new(&accounts, &settings, &caller, &id),
        messages: &messages,
        caller: &caller,
        account: &id,
        text_max: settings.text_max,
        intake: &intake,
    };
    let mentions = composer.mentions(&request.common).await?;
    let own = request.common.client_message_id.clone();
    let again = Again { key, asked: asked.repeated, own: own.as_deref() };
    if let Some(mut first) = composer.replayed(&request, &again).await? {
        if let Some(record) = settled(&messages, &settings, &query, &first).await? {
            first.record = record;
        }
        return Ok(answer(&id, &first));
    }
    // Who sees a status is known before anything is fetched.
    let audience = status::audience(&request, &composer.addresses, (&messages, &caller, &id)).await?;
    let (content, chat) = composer.content(&request, &mentions).await?;
    let context = composer.context(&request, &chat, mentions, audience).await?;
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
    if let Some(record) = settled(&messages, &settings, &query, &accepted).await? {
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
