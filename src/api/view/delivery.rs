//! A delivery with its attempts.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use utoipa::ToSchema;
use wasup_actors::{Listed, Shown};
use wasup_store::records::{AnswerBody, Attempt, DeliveryState, Reply};
use wasup_store::repo::delivery::Replay;

use super::Time;

/// One event on its way to one endpoint.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DeliveryView {
    /// Its id.
    #[schema(examples("dlv_000001hnp5dqo0000000000000000000000008"))]
    pub id: String,
    /// The endpoint.
    pub endpoint: String,
    /// The event: the `webhook-id` of every attempt.
    pub event: String,
    /// The event's type; `null` where the event was pruned.
    pub r#type: Option<&'static str>,
    /// `available`, `executing`, `retryable`, `suspended`, `completed` or `discarded`.
    pub state: &'static str,
    /// Why it was given up: `exhausted`, `refused`, `gone`, `forbidden` or `event_pruned`.
    pub reason: Option<&'static str>,
    /// Attempts that were begun, over all replays.
    pub attempts: u32,
    /// When it was queued.
    pub queued_at: Time,
    /// When the next attempt is due.
    pub next_attempt_at: Option<Time>,
    /// When it was completed or given up.
    pub ended_at: Option<Time>,
    /// What became of the answer as a reply, where the endpoint may reply.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply: Option<ReplyView>,
}

/// What became of an answer as a reply.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ReplyView {
    /// The message that it became.
    pub message: Option<String>,
    /// Why it became none: `too_long`, `not_yet`, `outbox_full`, `space_low` or `account_gone`.
    pub reason: Option<&'static str>,
}

/// A delivery with its request and every attempt.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DeliveryDetail {
    /// What the list shows.
    #[serde(flatten)]
    pub delivery: DeliveryView,
    /// The request, as it is made now.
    pub request: RequestView,
    /// What was tried: the first attempts and the newest hundred.
    pub tried: Vec<AttemptView>,
}

/// The request of a delivery.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct RequestView {
    /// Where it goes.
    pub url: String,
    /// Its headers. Of the signature and of the endpoint's own headers only the names are shown.
    #[schema(value_type = Object)]
    pub headers: serde_json::Map<String, serde_json::Value>,
    /// The event as it is sent; `null` where it was pruned.
    #[schema(value_type = Option<Object>)]
    pub body: Option<serde_json::Value>,
}

/// One try.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AttemptView {
    /// Which one, counted from 1 over all replays.
    pub n: u32,
    /// When it began.
    pub at: Time,
    /// How long it took, in milliseconds.
    pub took_ms: u32,
    /// `answered`, `timed_out`, `unreachable`, `forbidden` or `lost` (the worker died: the receiver may have got it).
    pub outcome: &'static str,
    /// The HTTP status.
    pub status: Option<u16>,
    /// Where it went.
    pub url: Option<String>,
    /// The beginning of the answer, where it had a body.
    pub answer: Option<AnswerView>,
}

/// The beginning of an answer.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AnswerView {
    /// Its type, as the receiver named it.
    pub content_type: Option<String>,
    /// Its text.
    pub body: Option<String>,
    /// Its bytes in base64, where it is no text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body_base64: Option<String>,
    /// Whether there was more of it.
    pub cut: bool,
}

/// A replay of many.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ReplayView {
    /// `running` or `done`.
    pub state: &'static str,
    /// Events, or deliveries, that were looked at.
    pub looked: u64,
    /// Deliveries that were queued.
    pub queued: u64,
    /// When it was asked for.
    pub begun_at: Time,
    /// When it was done.
    pub ended_at: Option<Time>,
}

impl From<&Listed> for DeliveryView {
    fn from(listed: &Listed) -> Self {
        let record = &listed.record;
        let waits = matches!(record.state, DeliveryState::Available | DeliveryState::Retryable);
        Self {
            id: listed.id.to_string(),
            endpoint: listed.id.endpoint.to_string(),
            event: listed.event.to_string(),
            r#type: listed.kind.map(wasup_store::records::EventKind::as_str),
            state: record.state.as_str(),
            reason: record.why.map(wasup_store::records::DiscardReason::as_str),
            attempts: record.attempt_no(),
            queued_at: Time::from_ms(record.queued_ms),
            next_attempt_at: waits.then(|| Time::from_ms(record.due_ms)),
            ended_at: record.ended_ms.map(Time::from_ms),
            reply: record.reply.map(ReplyView::from),
        }
    }
}

impl From<Reply> for ReplyView {
    fn from(reply: Reply) -> Self {
        match reply {
            Reply::Sent(id) => Self { message: Some(id.to_string()), reason: None },
            Reply::NotSent(why) => Self { message: None, reason: Some(why.as_str()) },
        }
    }
}

impl From<Shown> for DeliveryDetail {
    fn from(shown: Shown) -> Self {
        let headers = shown.headers.into_iter().map(|(name, value)| (name, value.into())).collect();
        // What we encode is JSON.
        let body = shown.body.and_then(|body| serde_json::from_slice(&body).ok());
        Self {
            delivery: DeliveryView::from(&shown.listed),
            request: RequestView { url: shown.url, headers, body },
            tried: shown.attempts.into_iter().map(AttemptView::from).collect(),
        }
    }
}

impl From<Attempt> for AttemptView {
    fn from(attempt: Attempt) -> Self {
        Self {
            n: attempt.n,
            at: Time::from_ms(attempt.at_ms),
            took_ms: attempt.took_ms,
            outcome: attempt.outcome.as_str(),
            status: attempt.outcome.status(),
            url: attempt.url,
            answer: attempt.answer.map(AnswerView::from),
        }
    }
}

impl From<AnswerBody> for AnswerView {
    fn from(answer: AnswerBody) -> Self {
        let AnswerBody { content_type, body, cut, .. } = answer;
        match text(body.0, cut) {
            Ok(body) => Self { content_type, body: Some(body), body_base64: None, cut },
            Err(bytes) => Self { content_type, body: None, body_base64: Some(STANDARD.encode(bytes)), cut },
        }
    }
}

/// The text that bytes are, if they are one. A cut may have gone through its last character.
fn text(bytes: Vec<u8>, cut: bool) -> Result<String, Vec<u8>> {
    String::from_utf8(bytes).or_else(|error| {
        let whole = error.utf8_error().valid_up_to();
        let mut bytes = error.into_bytes();
        if !cut || bytes.len() - whole > 3 {
            return Err(bytes);
        }
        bytes.truncate(whole);
        String::from_utf8(bytes).map_err(std::string::FromUtf8Error::into_bytes)
    })
}

impl From<Replay> for ReplayView {
    fn from(replay: Replay) -> Self {
        Self {
            state: if replay.ended_ms.is_some() { "done" } else { "running" },
            looked: replay.looked,
            queued: replay.queued,
            begun_at: Time::from_ms(replay.begun_ms),
            ended_at: replay.ended_ms.map(Time::from_ms),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_shown_as_text_where_it_is_one() {
        for (bytes, cut, expected) in [
            (&b"ok"[..], false, Some("ok")),
            ("é".as_bytes(), false, Some("é")),
            (&"aé".as_bytes()[..2], true, Some("a")),
            (&"aé".as_bytes()[..2], false, None),
            (&[0xff, 0xfe, 0, 1, 2], true, None),
            (b"", false, Some("")),
        ] {
            assert_eq!(text(bytes.to_vec(), cut).ok().as_deref(), expected, "{bytes:?}");
        }
    }
}
