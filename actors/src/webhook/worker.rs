//! One attempt, in a task of its own.

use std::sync::Arc;

use ractor::ActorRef;
use tokio::time::{Instant, timeout};
use wasup_store::id::{AccountNo, DeliveryId, EventId, Millis};
use wasup_store::records::{EndpointRecord, EventRecord};

use super::dispatcher::DispatcherMsg;
use super::{WebhookAnswer, WebhookRequest, sign};
use crate::context::Context;
use crate::meters::InUse;
use crate::tray::Tray;

/// What a worker is sent out with.
pub(super) struct Errand {
    pub(super) id: DeliveryId,
    pub(super) no: AccountNo,
    pub(super) tries: u32,
    pub(super) endpoint: Arc<EndpointRecord>,
    pub(super) event_id: EventId,
    pub(super) event: EventRecord,
}

/// What it comes back with.
#[derive(Debug)]
pub(super) struct Attempted {
    pub(super) id: DeliveryId,
    /// The account whose event it is.
    pub(super) no: AccountNo,
    pub(super) tries: u32,
    pub(super) at_ms: Millis,
    pub(super) took_ms: u32,
    /// When the event happened.
    pub(super) event_ms: Millis,
    pub(super) result: Attempt,
}

/// How it went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
    let Errand { id, no, tries, endpoint, event_id, event } = errand;
    let at_ms = ctx.store.now_ms();
    let lost = Attempted { id, no, tries, at_ms, took_ms: 0, event_ms: event.at_ms, result: Attempt::Lost };
    let out = InUse::of(&ctx.meters.attempts_in_flight);
    let mut home = WayHome { attempted: Some(lost), started: Instant::now(), tray, actor, _out: out };
    let settings = &ctx.settings.webhooks;
    let body = ctx.encoder.encode(event_id, &event);
    // By the clock that the receiver's check is compared with. The event's id: the same on every try, and never chosen by a user.
    let mut headers = sign::headers(&endpoint.secret, &event_id.to_string(), ctx.store.wall_ms() / 1_000, &body);
    headers.push(("content-type", "application/json".to_owned()));
    let request = WebhookRequest { url: endpoint.url.clone(), headers, body, timeout: settings.timeout };
    // The transport keeps the time; this is for one that does not, and ends before the lease does.
    let patience = settings.timeout + settings.lease_margin / 2;
    let answer = timeout(patience, ctx.webhooks.post(request)).await.unwrap_or(WebhookAnswer::TimedOut);
    if let Some(attempted) = &mut home.attempted {
        attempted.result = Attempt::Answered(answer);
    }
}
