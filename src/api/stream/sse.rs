//! `/v1/events/stream`: the event log as server-sent events.

use std::convert::Infallible;
use std::sync::{Arc, OnceLock};

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use futures_util::stream::unfold;
use serde::Deserialize;
use tokio::sync::mpsc;
use tokio::time::timeout;
use utoipa::IntoParams;
use wasup_actors::{Begin, EventsError, Tail};
use wasup_store::cursor::EventCursor;
use wasup_store::id::AccountId;

use super::frame::{ALIVE, Word, append_block};
use super::{News, Place, Streams};
use crate::api::events::{begin, filter};
use crate::api::extract::{Caller, Query};
use crate::api::problem::{FieldError, Problem, ProblemView};
use crate::metrics::{StreamEnd, StreamKind};

/// Pieces that wait for a slow client.
const WAITING: usize = 4;

/// Which events, on a stream.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct StreamQuery {
    /// What was read already: a cursor, or the id of an event (`evt_…`). `latest` (also without it): what happens from
    /// now on. `oldest`: from the oldest event that is kept.
    pub(super) after: Option<String>,
    /// Only these types, separated by commas.
    #[param(example = "message.received,message.status")]
    pub(super) types: Option<String>,
    /// Only this account's.
    #[param(value_type = Option<String>)]
    pub(super) account: Option<AccountId>,
}

/// Where to begin: a client that comes back says it in the header, with the path that it had the first time.
pub(super) fn begins(query: &StreamQuery, headers: &HeaderMap) -> Result<Begin, Problem> {
    let field = "Last-Event-ID";
    if let Some(value) = headers.get(field).filter(|value| !value.is_empty()) {
        let text = value.to_str().map_err(|_| Problem::invalid(vec![FieldError::new(field, "is no cursor")]))?;
        return begin(field, text);
    }
    query.after.as_deref().map_or(Ok(Begin::Latest), |text| begin("after", text))
}

/// Streams events as they happen, as server-sent events. `id` is a cursor, `event` the type, `data` the event as webhooks
/// carry it. The first one is `hello` with the place where the stream begins; a `heartbeat` tells how far was looked
/// where the filter left everything out. `lagged` (the client was too slow), `bye` (the server stops), both with the
/// place to go on from, and `cursor_gone` (what came next was pruned, or the store began a new life) with the oldest
/// place each end the stream. Every `id` is where a client that comes back by itself goes on.
#[utoipa::path(get, path = "/v1/events/stream", tag = "events", operation_id = "streamEvents",
    params(StreamQuery, ("Last-Event-ID" = Option<String>, Header, description = "The last `id` that was seen; goes before `after`.")),
    responses((status = 200, body = String, content_type = "text/event-stream"),
        (status = 503, description = "Too many streams are open; see `Retry-After`.", body = ProblemView, content_type = "application/problem+json"),
        (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(in crate::api) async fn open(
    State(streams): State<Streams>,
    Caller(caller): Caller,
    Query(query): Query<StreamQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let begin = begins(&query, &headers)?;
    let filter = filter(query.types.as_deref(), query.account)?;
    let place = Arc::new(streams.place(StreamKind::Sse)?);
    let (out, queue) = mpsc::channel(WAITING);
    let last = LastWord::default();
    match streams.shared.events.tail(&caller, filter, begin).await {
        Ok(tail) => {
            let pump = Pump { streams: streams.clone(), out, last: last.clone(), place: Arc::clone(&place) };
            drop(streams.shared.tasks.spawn(pump.run(tail)));
        }
        Err(EventsError::CursorGone { oldest }) => {
            place.ends(StreamEnd::CursorGone);
            last.say(Word::Gone(oldest));
        }
        Err(error) => return Err(error.into()),
    }
    let headers = [
        (CONTENT_TYPE, "text/event-stream"),
        (CACHE_CONTROL, "no-cache"),
        // Or a proxy keeps events until it has many.
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    Ok((headers, body(queue, last, place)).into_response())
}

/// What a stream says last, whatever still waits before it.
#[derive(Clone, Default)]
struct LastWord(Arc<OnceLock<Word>>);

impl LastWord {
    fn say(&self, word: Word) {
        // It ends once.
        let _ = self.0.set(word);
    }
}

/// The body: what the pump hands over, then the last word. It holds the stream's place until the connection is done.
fn body(queue: mpsc::Receiver<Bytes>, last: LastWord, place: Arc<Place>) -> Body {
    let next = async |(mut queue, last, place): (mpsc::Receiver<Bytes>, Option<LastWord>, Arc<Place>)| {
        if let Some(piece) = queue.recv().await {
            return Some((Ok::<_, Infallible>(piece), (queue, last, place)));
        }
        let word = last?.0.get().copied()?;
        Some((Ok(Bytes::from(word.block())), (queue, None, place)))
    };
    Body::from_stream(unfold((queue, Some(last), place), next))
}

/// What became of a piece.
enum Handed {
    Over,
    /// The client has gone.
    Left,
    /// The client took nothing for too long.
    Late,
    /// The server stops.
    Ending,
}

/// Takes events out of the log and hands them to the body, never more than a few pieces ahead of the client.
struct Pump {
    streams: Streams,
    out: mpsc::Sender<Bytes>,
    last: LastWord,
    place: Arc<Place>,
}

impl Pump {
    async fn run(self, mut tail: Tail) {
        let end = self.pump(&mut tail).await;
        self.place.ends(end);
    }

    async fn pump(&self, tail: &mut Tail) -> StreamEnd {
        let mut told = tail.cursor();
        if let Some(end) = self.tell(Word::Hello(told).block().into(), told).await {
            return end;
        }
        loop {
            let news = tokio::select! {
                () = self.out.closed() => return StreamEnd::Left,
                news = self.streams.news(tail) => news,
            };
            let (piece, cursor, count) = match news {
                News::Events(batch) => {
                    let mut piece = Vec::new();
                    for (id, event) in &batch.events {
                        append_block(&mut piece, *id, event);
                    }
                    (Bytes::from(piece), batch.cursor, batch.events.len())
                }
                News::Quiet(cursor) if cursor == told => (Bytes::from_static(ALIVE), cursor, 0),
                // Its filter left something out: a client that comes back later need not have it looked at again.
                News::Quiet(cursor) => (Word::Heartbeat(cursor).block().into(), cursor, 0),
                News::Gone(oldest) => {
                    self.last.say(Word::Gone(oldest));
                    return StreamEnd::CursorGone;
                }
                News::Ending => {
                    self.last.say(Word::Bye(told));
                    return StreamEnd::Bye;
                }
                News::Broken => return StreamEnd::Broken,
            };
            if let Some(end) = self.tell(piece, told).await {
                return end;
            }
            self.place.meter.sent(count);
            told = cursor;
        }
    }

    /// Hands a piece over; answers how the stream ends, where that does not work. `told` is what went before it.
    async fn tell(&self, piece: Bytes, told: EventCursor) -> Option<StreamEnd> {
        match self.hand_over(piece).await {
            Handed::Over => None,
            Handed::Left => Some(StreamEnd::Left),
            Handed::Late => {
                self.last.say(Word::Lagged(told));
                Some(StreamEnd::Lagged)
            }
            Handed::Ending => {
                self.last.say(Word::Bye(told));
                Some(StreamEnd::Bye)
            }
        }
    }

    async fn hand_over(&self, piece: Bytes) -> Handed {
        let settings = &self.streams.shared.settings;
        tokio::select! {
            sent = timeout(settings.patience, self.out.send(piece)) => match sent {
                Ok(Ok(())) => Handed::Over,
                Ok(Err(_)) => Handed::Left,
                Err(_) => Handed::Late,
            },
            () = settings.ending.cancelled() => Handed::Ending,
        }
    }
}
