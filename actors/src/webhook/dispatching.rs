//! The dispatcher's turns: claim, send out, settle.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use wasup_store::id::{AccountNo, EndpointId};
use wasup_store::records::Reply;
use wasup_store::repo::delivery::{self, Finished, Noted, Verdict};
use wasup_store::{Durability, StoreError};

use super::claims::{Found, claim_all, load};
use super::counts::{count, count_lost, count_reply};
use super::dispatcher::{DispatcherMsg, Dispatching, weather};
use super::settling::{Times, finished};
use super::worker::{self, Attempt, Attempted};
use crate::supervision::Crash;

/// The longest time between two looks for work, should every nudge be lost.
const SLOW_WAKE: Duration = Duration::from_secs(5);
/// How soon it looks again while the endpoint that is first in line takes nothing: it hides when the next one is due.
const BLOCKED_WAKE: Duration = Duration::from_millis(250);
/// Endpoints looked at in one go, besides those known to take nothing.
const DUE_PAGE: usize = 256;
/// Attempts that are noted in one commit: with their answers they are at most half a mebibyte.
const SETTLED_AT_ONCE: usize = 32;
/// Events, or deliveries, that a replay looks at in one commit.
const REPLAY_STEP: usize = 100;

impl Dispatching {
    /// Claims what is due as far as there is room, and sets the alarm for the rest.
    pub(super) async fn dispatch(&mut self) -> Result<(), Crash> {
        while self.workers.try_join_next().is_some() {}
        while !self.draining {
            match self.claim().await {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) => {
                    weather(error)?;
                    break;
                }
            }
        }
        self.set_alarm().await;
        Ok(())
    }

    /// Claims one share for everyone who is due; answers how many deliveries are on their way now.
    async fn claim(&mut self) -> Result<usize, StoreError> {
        let settings = &self.ctx.settings.webhooks;
        let (now_ms, now) = (self.ctx.time.due_ms(&self.ctx.store), Instant::now());
        let free = settings.concurrency.max(1).saturating_sub(self.out);
        let most = settings.concurrency_per_endpoint.max(1);
        if free == 0 {
            return Ok(0);
        }
        let page = DUE_PAGE + self.lanes.blocked(most, now);
        let due = self.ctx.store.read(|tx| delivery::due_endpoints(tx, now_ms, page)).await?;
        let shares = self.lanes.share(&due, free, most, now);
        if shares.is_empty() {
            return Ok(0);
        }
        let terms = settings.clone();
        let claims =
            self.ctx.store.write(Durability::Relaxed, move |tx| claim_all(tx, &shares, &terms, now_ms)).await?;
        count_lost(&self.ctx.meters, &claims.lost);
        let claimed = claims.taken;
        if claimed.is_empty() {
            return Ok(0);
        }
        // An effect follows: nothing may leave that a power cut could take back.
        let (incarnation, settings) = (self.incarnation, &self.ctx.settings.webhooks);
        let errands = self.ctx.store.read_durable(|tx| load(tx, &claimed, settings, incarnation)).await?;
        let count = errands.len();
        for errand in errands {
            self.send_out(errand, now_ms);
        }
        Ok(count)
    }

    fn send_out(&mut self, found: Found, now_ms: u64) {
        match found {
            // Its rows go with it.
            Found::NoEndpoint => {}
            Found::NoEvent(about) => {
                self.lanes.begun(about.id.endpoint, None);
                self.out += 1;
                let result = Attempt::Pruned;
                let gone = Attempted { about, at_ms: now_ms, took_ms: 0, went: None, result, reply: None };
                if self.tray.put(gone) {
                    let _ = self.myself.cast(DispatcherMsg::Attempted);
                }
            }
            Found::Errand(errand) => {
                self.lanes.begun(errand.about.id.endpoint, Some(errand.policy.concurrency));
                self.out += 1;
                let (ctx, tray, actor) = (Arc::clone(&self.ctx), Arc::clone(&self.tray), self.myself.clone());
                self.workers.spawn(worker::run(ctx, *errand, tray, actor));
            }
        }
    }

    /// Commits what the workers brought home, in jobs that stay small even where every answer was long.
    pub(super) async fn settle(&mut self) -> Result<(), Crash> {
        let now = Instant::now();
        let times = Times { now_ms: self.ctx.store.now_ms(), due_ms: self.ctx.time.due_ms(&self.ctx.store) };
        let attempts = self.tray.take();
        self.out = self.out.saturating_sub(attempts.len());
        let mut done = Vec::with_capacity(attempts.len());
        for attempted in &attempts {
            let finished = finished(&self.ctx, attempted, times, &mut self.rng);
            let success = finished.verdict == Verdict::Completed || attempted.result == Attempt::Pruned;
            let endpoint = attempted.about.id.endpoint;
            if self.lanes.ended(endpoint, success, now, &mut self.rng) {
                tracing::warn!(endpoint.id = %endpoint, "an endpoint failed too often in a row and is only probed now");
            }
            done.push(finished);
        }
        self.gauge_probed();
        for (attempts, done) in attempts.chunks(SETTLED_AT_ONCE).zip(done.chunks(SETTLED_AT_ONCE)) {
            self.note(attempts, done, times).await?;
        }
        Ok(())
    }

    /// Commits some of them.
    async fn note(&mut self, attempts: &[Attempted], done: &[Finished], times: Times) -> Result<(), Crash> {
        let rows = done.to_vec();
        let write = move |tx: &mut wasup_store::WriteTx<'_>| delivery::finish(tx, &rows, times.now_ms);
        match self.ctx.store.write(Durability::Durable, write).await {
            Ok(noted) => {
                count(&self.ctx.meters, attempts, done);
                self.follow(noted);
                Ok(())
            }
            // Not noted: the leases end and the attempts are made again, with the same ids.
            Err(error) => weather(error),
        }
    }

    /// What is to be done after attempts were noted.
    fn follow(&mut self, noted: Noted) {
        for (id, why) in noted.off {
            // Whoever switches it on again wants to see it tried.
            self.lanes.forgive(id);
            tracing::warn!(endpoint.id = %id, why = why.as_str(), "an endpoint is switched off: it is gone, or did nothing but fail for too long");
        }
        self.gauge_probed();
        for (no, reply) in noted.replies {
            self.replied(no, reply);
        }
    }

    fn replied(&self, no: AccountNo, reply: Reply) {
        count_reply(&self.ctx.meters, reply);
        match reply {
            Reply::Sent(_) => {
                self.ctx.meters.accepted.count("text");
                self.ctx.nudges.outbox(no);
            }
            Reply::NotSent(why) => {
                tracing::warn!(account.no = %no, why = why.as_str(), "a reply was not sent");
            }
        }
    }

    pub(super) fn forgive(&mut self, endpoint: EndpointId) {
        self.lanes.forgive(endpoint);
        self.gauge_probed();
    }

    fn gauge_probed(&self) {
        self.ctx.meters.endpoints_probed.set(f64::from(u32::try_from(self.lanes.probed()).unwrap_or(u32::MAX)));
    }

    /// Goes on with replays of many, a little for each message, so that deliveries go on too.
    pub(super) async fn replay(&mut self) -> Result<(), Crash> {
        if self.draining {
            return Ok(());
        }
        let now_ms = self.ctx.store.now_ms();
        let step = move |tx: &mut wasup_store::WriteTx<'_>| delivery::replay_step(tx, REPLAY_STEP, now_ms);
        match self.ctx.store.write(Durability::Durable, step).await {
            Ok(true) => drop(self.myself.cast(DispatcherMsg::Replay)),
            Ok(false) => {}
            // The next one that is asked for, or the next start, goes on with it.
            Err(error) => weather(error)?,
        }
        Ok(())
    }

    async fn set_alarm(&mut self) {
        let (now, now_ms) = (Instant::now(), self.ctx.time.due_ms(&self.ctx.store));
        let next = self.ctx.store.read(delivery::next_wake).await.ok().flatten();
        let wait = match next {
            Some(at_ms) if at_ms > now_ms => Duration::from_millis(at_ms - now_ms),
            Some(_) => BLOCKED_WAKE,
            None => SLOW_WAKE,
        };
        let actor = self.myself.clone();
        self.alarm.set(now + wait.min(SLOW_WAKE), move || {
            // A dispatcher that is gone needs no waking.
            let _ = actor.cast(DispatcherMsg::Alarm);
        });
    }

    pub(super) fn end_drain(&mut self) {
        if self.draining
            && self.out == 0
            && let Some(done) = self.drained.take()
        {
            let _ = done.send(());
        }
    }
}
