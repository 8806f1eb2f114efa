//! One attempt, in a task of its own.

use std::io::Read as _;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ractor::ActorRef;
use tokio::time::{Instant, timeout};
use wasup_store::id::{AccountNo, DeliveryId, EventId, MessageId, Millis};
use wasup_store::jid::JidKind;
use wasup_store::records::{
    Content, EndpointRecord, EventData, EventKind, EventRecord, FilesAs, NotSent, Participant, ReplyMode,
};

use super::dispatcher::DispatcherMsg;
use super::reply::{Reply, reply};
use super::{Answered, FileInEvent, Policy, WebhookAnswer, WebhookRequest, request};
use crate::context::Context;
use crate::files::of_message;
use crate::meters::InUse;
use crate::tray::Tray;

/// Longest that a file may take to come before an event goes out without it.
const FETCH_PATIENCE: Duration = Duration::from_secs(20);

/// Most bytes of an answer beside the file in it.
const ANSWER_BESIDES: usize = 64 * 1_024;

/// What a worker is sent out with.
pub(super) struct Errand {
    pub(super) about: About,
    pub(super) endpoint: Arc<EndpointRecord>,
    pub(super) policy: Policy,
    pub(super) event_id: EventId,
    pub(super) event: EventRecord,
}

/// Which attempt it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct About {
    pub(super) id: DeliveryId,
    /// The account whose event it is.
    pub(super) no: AccountNo,
    /// Attempts of the schedule, this one included.
    pub(super) tries: u32,
    /// Attempts over all replays, this one included.
    pub(super) n: u32,
    /// When it was queued.
    pub(super) queued_ms: Millis,
}

/// What it comes back with.
#[derive(Debug)]
pub(super) struct Attempted {
    pub(super) about: About,
    pub(super) at_ms: Millis,
    pub(super) took_ms: u32,
    /// Where it went, and by which rules; `None` where it never began.
    pub(super) went: Option<(String, Policy)>,
    pub(super) result: Attempt,
    /// What the answer says to the chat.
    pub(super) reply: Option<ForChat>,
}

/// An answer that is meant for a chat.
#[derive(Debug, Clone)]
pub(super) struct ForChat {
    /// The message that it answers.
    pub(super) to: MessageId,
    pub(super) chat: Participant,
    /// What it says, or why nothing is said.
    pub(super) says: Result<Content, NotSent>,
}

/// How it went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Attempt {
    /// The receiver, or the way to it, answered.
    Answered(WebhookAnswer),
    /// The worker died.
    Lost,
    /// There is no event to deliver any more.
    Pruned,
}

/// Comes home in any case: a worker that panics reports itself lost.
struct WayHome {
    attempted: Option<Attempted>,
    started: Instant,
    tray: Arc<Tray<Attempted>>,
    actor: ActorRef<DispatcherMsg>,
    _out: InUse,
}

impl Drop for WayHome {
    fn drop(&mut self) {
        let Some(mut attempted) = self.attempted.take() else { return };
        attempted.took_ms = u32::try_from(self.started.elapsed().as_millis()).unwrap_or(u32::MAX);
        if self.tray.put(attempted) {
            let _ = self.actor.cast(DispatcherMsg::Attempted);
        }
    }
}

/// Makes one attempt.
pub(super) async fn run(ctx: Arc<Context>, errand: Errand, tray: Arc<Tray<Attempted>>, actor: ActorRef<DispatcherMsg>) {
    let Errand { about, endpoint, policy, event_id, event } = errand;
    let at_ms = ctx.store.now_ms();
    let (limit, went) = (policy.timeout, Some((endpoint.url.clone(), policy)));
    let lost = Attempted { about, at_ms, took_ms: 0, went, result: Attempt::Lost, reply: None };
    let out = InUse::of(&ctx.meters.attempts_in_flight);
    let mut home = WayHome { attempted: Some(lost), started: Instant::now(), tray, actor, _out: out };
    let body = body(&ctx, &endpoint, event_id, &event).await;
    let headers = request::headers(&endpoint, event_id, &body, (at_ms, ctx.store.wall_ms()));
    // A file in an answer comes as base64, four characters for three bytes, with little beside it.
    let answering = ctx.files.as_ref().filter(|_| endpoint.reply == ReplyMode::Answer);
    let answer_max = answering.map(|files| files.reply_max / 3 * 4 + ANSWER_BESIDES);
    let request = WebhookRequest { url: endpoint.url.clone(), headers, body, timeout: limit, answer_max };
    // The transport keeps the time; this is for one that does not, and ends before the lease does.
    let patience = limit + ctx.settings.webhooks.lease_margin / 2;
    let answer = timeout(patience, ctx.webhooks.post(request)).await.unwrap_or(WebhookAnswer::TimedOut);
    if let Some(attempted) = &mut home.attempted {
        attempted.reply = match for_chat(&endpoint, &event, &answer) {
            Some(said) => Some(with_file(&ctx, said).await),
            None => None,
        };
        attempted.result = Attempt::Answered(answer);
    }
}

/// The body: the event, with its message's file as the endpoint wants it.
async fn body(ctx: &Context, endpoint: &EndpointRecord, id: EventId, event: &EventRecord) -> Bytes {
    let told = || ctx.encoder.encode_with(id, event, FileInEvent::Told);
    let EventData::Message(message) = &event.data else { return told() };
    let (Some(media), Some(files)) = (message.content.media(), &ctx.files) else { return told() };
    let linked = || ctx.encoder.encode_with(id, event, FileInEvent::Linked { now_ms: ctx.store.wall_ms() });
    match endpoint.media {
        FilesAs::None => told(),
        FilesAs::Link => linked(),
        FilesAs::Base64 if media.size > files.event_max => linked(),
        FilesAs::Base64 => match whole(ctx, message.id).await {
            Some(bytes) => ctx.encoder.encode_with(id, event, FileInEvent::Whole(&bytes)),
            // The receiver may fetch it later.
            None => linked(),
        },
    }
}

/// The bytes of a message's file, fetched from the network where they are not here.
async fn whole(ctx: &Context, id: MessageId) -> Option<Vec<u8>> {
    let files = ctx.files.as_ref()?;
    let found = timeout(FETCH_PATIENCE, of_message(ctx, None, id)).await.ok()?;
    let file = found.inspect_err(|error| tracing::info!(%error, "a file is not put into an event")).ok()?;
    // The sender said how large it is; only now it is known.
    let size = usize::try_from(file.media.size).ok().filter(|_| file.media.size <= files.event_max)?;
    let mut opened = files.shelf.open_file(file.id).ok()?;
    let reading = tokio::task::spawn_blocking(move || {
        let mut bytes = Vec::with_capacity(size);
        opened.read_to_end(&mut bytes).map(|_| bytes)
    });
    reading.await.ok()?.ok()
}

/// What an answer says, with its file taken in.
async fn with_file(ctx: &Context, said: Said) -> ForChat {
    let Said { to, chat, reply } = said;
    let says = match (reply, &ctx.files) {
        (Reply::Text(text), _) => Ok(Content::text(text)),
        (Reply::TooLong, _) => Err(NotSent::TooLong),
        (Reply::Media(_), None) => Err(NotSent::BadMedia),
        (Reply::Media(media), Some(files)) => files.source.reply(media).await,
    };
    ForChat { to, chat, says }
}

/// What an answer says to the chat, as it was read.
struct Said {
    to: MessageId,
    chat: Participant,
    reply: Reply,
}

/// What an answer says to the chat, where the endpoint may answer and the event is a received message.
fn for_chat(endpoint: &EndpointRecord, event: &EventRecord, answer: &WebhookAnswer) -> Option<Said> {
    let WebhookAnswer::Answered(Answered { status: 200..=299, content_type, body, cut, .. }) = answer else {
        return None;
    };
    let EventData::Message(message) = &event.data else { return None };
    if endpoint.reply != ReplyMode::Answer || event.kind != EventKind::MessageReceived {
        return None;
    }
    // Whoever answers a status would show the answer to everybody.
    if message.chat.jid.kind() == JidKind::Broadcast {
        return None;
    }
    let reply = reply(content_type.as_deref(), body, *cut)?;
    Some(Said { to: message.id, chat: message.chat.clone(), reply })
}
