//! `/v1/ws`: the event log over a WebSocket.

use std::time::Duration;

use axum::extract::State;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade, close_code};
use axum::http::HeaderMap;
use axum::response::Response;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use wasup_actors::{Batch, EventsError, Tail};
use wasup_store::cursor::EventCursor;

use super::frame::{Word, json};
use super::sse::{StreamQuery, begins};
use super::{News, Place, StreamSettings, Streams};
use crate::api::events::filter;
use crate::api::extract::{Caller, Query};
use crate::api::problem::{ErrorCode, Problem, ProblemView};
use crate::metrics::{StreamEnd, StreamKind};

/// The name of what is spoken here, for clients that ask for one.
const PROTOCOL: &str = "wasup.v1";
/// Longest message of a client; nothing that it says is needed.
const HEARD_MAX: usize = 4 << 10;
/// The code of a close whose reason is a place that is gone; the range is for applications.
const CURSOR_GONE: u16 = 4410;
/// How long the last words may take, and the client's own close after them.
const FAREWELL: Duration = Duration::from_secs(1);
/// How long a client that lagged may take for what it was sent before, and the words after it. One that takes nothing at
/// all is hung up on earlier, as on any connection.
const CATCH_UP: Duration = Duration::from_secs(60);
/// A client that was not heard for so many heartbeats is gone; each asks it for a pong.
const SILENT_BEATS: u32 = 3;

/// Streams events as they happen over a WebSocket: each a text frame with the event as webhooks carry it. The first
/// frame is `{"type":"hello","cursor":…}`; without news there is `{"type":"heartbeat","cursor":…}`. Before the stream is
/// closed by this side there is `lagged` (code 1013), `bye` (1001) or `cursor_gone` with `oldest_cursor` (4410). To go on,
/// connect again with `after`: the last event's id, or a cursor. The key goes in a header, as everywhere.
#[utoipa::path(get, path = "/v1/ws", tag = "events", operation_id = "connectWebSocket",
    params(StreamQuery),
    responses((status = 101, description = "A WebSocket from here on; the subprotocol `wasup.v1` is taken where it is offered."),
        (status = 503, description = "Too many streams are open; see `Retry-After`.", body = ProblemView, content_type = "application/problem+json"),
        (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(in crate::api) async fn open(
    State(streams): State<Streams>,
    Caller(caller): Caller,
    Query(query): Query<StreamQuery>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    let upgrade = upgrade.map_err(|error| {
        Problem::new(ErrorCode::Malformed, format!("this path wants a WebSocket: {}", error.body_text()))
    })?;
    let begin = begins(&query, &headers)?;
    let filter = filter(query.types.as_deref(), query.account)?;
    let place = streams.place(StreamKind::WebSocket)?;
    let tail = match streams.shared.events.tail(&caller, filter, begin).await {
        Ok(tail) => Ok(tail),
        Err(EventsError::CursorGone { oldest }) => Err(oldest),
        Err(error) => return Err(error.into()),
    };
    let tasks = streams.shared.tasks.clone();
    let upgrade = upgrade.protocols([PROTOCOL]).max_message_size(HEARD_MAX).max_frame_size(HEARD_MAX);
    Ok(upgrade.on_upgrade(move |socket| tasks.track_future(serve(streams, socket, tail, place))))
}

async fn serve(streams: Streams, socket: WebSocket, tail: Result<Tail, EventCursor>, place: Place) {
    let (sink, mut heard) = socket.split();
    let StreamSettings { patience, ending, .. } = streams.shared.settings.clone();
    let mut told = Told { sink, patience, ending, at: None };
    let end = match tail {
        Ok(mut tail) => run(&streams, &mut tail, &mut told, &mut heard, &place).await,
        Err(oldest) => {
            told.farewell(&mut heard, Word::Gone(oldest), CURSOR_GONE).await;
            StreamEnd::CursorGone
        }
    };
    place.ends(end);
}

async fn run(
    streams: &Streams,
    tail: &mut Tail,
    told: &mut Told,
    heard: &mut SplitStream<WebSocket>,
    place: &Place,
) -> StreamEnd {
    let silence = streams.shared.settings.heartbeat * SILENT_BEATS;
    let mut last_heard = Instant::now();
    told.at = Some(tail.cursor());
    let mut news = Some(Word::Hello(tail.cursor()).json());
    loop {
        if let Some(word) = news.take()
            && let Err(lost) = told.say(word).await
        {
            return told.lost(lost, heard).await;
        }
        let next = tokio::select! {
            message = heard.next() => match message {
                Some(Ok(Message::Close(_)) | Err(_)) | None => return StreamEnd::Left,
                Some(Ok(_)) => {
                    last_heard = Instant::now();
                    continue;
                }
            },
            next = streams.news(tail) => next,
        };
        match next {
            News::Events(batch) => {
                if let Err(lost) = told.tell(&batch, place).await {
                    return told.lost(lost, heard).await;
                }
            }
            News::Quiet(_) if last_heard.elapsed() > silence => return StreamEnd::Left,
            News::Quiet(cursor) => {
                told.at = Some(cursor);
                news = Some(Word::Heartbeat(cursor).json());
            }
            News::Gone(oldest) => {
                told.farewell(heard, Word::Gone(oldest), CURSOR_GONE).await;
                return StreamEnd::CursorGone;
            }
            News::Ending => {
                told.farewell(heard, Word::Bye(told.at.unwrap_or(tail.cursor())), close_code::AWAY).await;
                return StreamEnd::Bye;
            }
            News::Broken => return StreamEnd::Broken,
        }
    }
}

/// Why a frame did not go out.
enum Lost {
    /// The connection is gone.
    Left,
    /// The client took nothing for too long.
    Late,
    /// The server stops.
    Ending,
}

/// The sending half, and what the client has been told.
struct Told {
    sink: SplitSink<WebSocket, Message>,
    patience: Duration,
    ending: CancellationToken,
    /// The last place that went out.
    at: Option<EventCursor>,
}

impl Told {
    /// Sends a word, and asks for a pong.
    async fn say(&mut self, word: String) -> Result<(), Lost> {
        let send = async {
            self.sink.feed(Message::Text(word.into())).await?;
            self.sink.send(Message::Ping(bytes::Bytes::new())).await
        };
        within(self.patience, &self.ending, send).await
    }

    /// Sends events. What is noted as told may be less than what arrived, never more.
    async fn tell(&mut self, batch: &Batch, place: &Place) -> Result<(), Lost> {
        for (id, event) in &batch.events {
            let Ok(text) = Utf8Bytes::try_from(json(*id, event)) else { continue };
            within(self.patience, &self.ending, self.sink.feed(Message::Text(text))).await?;
            self.at = Some(EventCursor::from(*id));
        }
        within(self.patience, &self.ending, self.sink.flush()).await?;
        place.meter.sent(batch.events.len());
        self.at = Some(batch.cursor);
        Ok(())
    }

    async fn lost(&mut self, lost: Lost, heard: &mut SplitStream<WebSocket>) -> StreamEnd {
        match (lost, self.at) {
            // What it was sent stands before these words; it may take all of it yet, until it is hung up on.
            (Lost::Late, Some(at)) => {
                self.farewell(heard, Word::Lagged(at), close_code::AGAIN).await;
                StreamEnd::Lagged
            }
            (Lost::Ending, Some(at)) => {
                self.farewell(heard, Word::Bye(at), close_code::AWAY).await;
                StreamEnd::Bye
            }
            _ => StreamEnd::Left,
        }
    }

    /// Says a last word, closes, and waits a moment for the client to close too: what it has not read yet would be lost
    /// with the connection.
    async fn farewell(&mut self, heard: &mut SplitStream<WebSocket>, word: Word, code: u16) {
        let reason = Utf8Bytes::from_static(match word {
            Word::Lagged(_) => "lagged",
            Word::Gone(_) => "cursor_gone",
            _ => "bye",
        });
        let last_words = async {
            self.sink.feed(Message::Text(word.json().into())).await?;
            self.sink.send(Message::Close(Some(CloseFrame { code, reason }))).await
        };
        let said = match word {
            Word::Lagged(_) => within(CATCH_UP, &self.ending, last_words).await,
            _ => timeout(FAREWELL, last_words)
                .await
                .map_err(|_| Lost::Late)
                .and_then(|said| said.map_err(|_| Lost::Left)),
        };
        if said.is_ok() {
            // Whether or not it answers in time, the connection ends here.
            let _ = timeout(FAREWELL, async { while let Some(Ok(_)) = heard.next().await {} }).await;
        }
    }
}

async fn within(
    patience: Duration,
    ending: &CancellationToken,
    work: impl Future<Output = Result<(), axum::Error>>,
) -> Result<(), Lost> {
    tokio::select! {
        done = timeout(patience, work) => match done {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(Lost::Left),
            Err(_) => Err(Lost::Late),
        },
        () = ending.cancelled() => Err(Lost::Ending),
    }
}
