//! One attempt, in a task of its own.

use std::sync::Arc;

use ractor::ActorRef;
use tokio::time::{Instant, timeout};
use wasup_store::id::{AccountNo, DeliveryId, EventId, MessageId, Millis};
use wasup_store::jid::JidKind;
use wasup_store::records::{EndpointRecord, EventData, EventKind, EventRecord, Participant, ReplyMode};

use super::dispatcher::DispatcherMsg;
use super::reply::{Reply, reply};
use super::{Answered, Policy, WebhookAnswer, WebhookRequest, request};
use crate::context::Context;
use crate::meters::InUse;
use crate::tray::Tray;

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
    pub(super) reply: Reply,
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
    let body = ctx.encoder.encode(event_id, &event);
    let headers = request::headers(&endpoint, event_id, &body, (at_ms, ctx.store.wall_ms()));
    let request = WebhookRequest { url: endpoint.url.clone(), headers, body, timeout: limit };
    // The transport keeps the time; this is for one that does not, and ends before the lease does.
    let patience = limit + ctx.settings.webhooks.lease_margin / 2;
    let answer = timeout(patience, ctx.webhooks.post(request)).await.unwrap_or(WebhookAnswer::TimedOut);
    if let Some(attempted) = &mut home.attempted {
        attempted.reply = for_chat(&endpoint, &event, &answer);
        attempted.result = Attempt::Answered(answer);
    }
}

/// What an answer says to the chat, where the endpoint may answer and the event is a received message.
fn for_chat(endpoint: &EndpointRecord, event: &EventRecord, answer: &WebhookAnswer) -> Option<ForChat> {
    let WebhookAnswer::Answered(Answered { status: 200..=299, content_type, body, cut, .. }) = answer else {
        return None;
    };
    let EventData::Message(message) = &event.data else { return None };
    if endpoint.reply != ReplyMode::Answer || event.kind != EventKind::MessageReceived {
        return None;
    }
    let mut reply = reply(content_type.as_deref(), body, *cut)?;
    if message.chat.jid.kind() == JidKind::Group {
        reply = Reply::NotYet;
    }
    Some(ForChat { to: message.id, chat: message.chat.clone(), reply })
}
