//! One life of an account's actor: what it remembers, and how it goes from its beginning to its end.

use std::sync::{Arc, Weak};
use std::time::Duration;

use ractor::ActorRef;
use rand::rngs::StdRng;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use wasup_sessions::ports::{Link, LinkTarget, QrCode};
use wasup_store::id::{AccountId, AccountNo, Epoch};
use wasup_store::records::{AccountRecord, AccountState, MessageRecord};
use wasup_store::repo::send::MAX_IN_FLIGHT;
use wasup_store::repo::{account, counters, pace, send};
use wasup_store::{Durability, StoreError, Watermark};

use super::actor::{AccountArgs, AccountMsg};
use super::deadline::Clocks;
use super::inflight::Flights;
use super::lease::{self, LinkHandle, Opening};
use super::pace::{Pace, PaceRules};
use super::pairing::Rounds;
use super::pump::{Pump, Report};
use super::standing::Standing;
use super::state::opening;
use super::transition::Transition;
use crate::accounts::SupervisorMsg;
use crate::alarm::Alarm;
use crate::context::Context;
use crate::door::{AccountDoor, CodeWish, QrShown};
use crate::meters::PairingWay;
use crate::principal::Asker;
use crate::supervision::{Crash, StopReason, StoreTrouble};
use crate::tray::Tray;

/// The longest time between two looks at the outbox, should every nudge be lost.
pub(super) const SLOW_WAKE: Duration = Duration::from_secs(5);
/// The shortest time between two alarms.
pub(super) const ALARM_MIN: Duration = Duration::from_millis(20);
/// Share of the stop's time that each of its three steps may take: sends, removal of the device, close.
pub(super) const STOP_SHARE: f64 = 0.3;

/// What an account's actor remembers.
pub(crate) struct Incarnation {
    pub(super) ctx: Arc<Context>,
    pub(super) door: Arc<AccountDoor>,
    pub(super) myself: ActorRef<AccountMsg>,
    supervisor: ActorRef<SupervisorMsg>,
    token: CancellationToken,
    /// Who asked for the start, until that is logged.
    by: Option<Asker>,
    pub(super) id: AccountId,
    pub(super) no: AccountNo,
    pub(super) generation: u64,
    /// Set while this incarnation owns the account and may write.
    pub(super) epoch: Option<Epoch>,
    pub(super) state: AccountState,
    pub(super) linked: bool,
    pub(super) target: Option<LinkTarget>,
    /// What the frames of its links wait for.
    pub(super) mark: Watermark,
    pub(super) link: Option<LinkHandle>,
    /// The link's own side, while it is open. Whoever holds it keeps it from closing, so it is not held.
    pub(super) port: Option<Weak<dyn Link>>,
    pub(super) pump: Option<Pump>,
    pumps: u64,
    pub(super) tray: Arc<Tray<Report>>,
    pub(super) connected: bool,
    pub(super) flights: Flights,
    pub(super) standing: Standing,
    pub(super) rounds: Rounds,
    pub(super) clocks: Clocks,
    /// How the phone that links began to.
    pub(super) way: PairingWay,
    /// The wish behind the pairing code that was asked for last.
    pub(super) code_for: Option<CodeWish>,
    /// The link said that it has ended.
    pub(super) ended: bool,
    /// The network confirmed that the device is removed.
    pub(super) removed: bool,
    /// The link ended on purpose and is opened anew when it is closed.
    pub(super) reopen: bool,
    pub(super) closing: Option<Closing>,
    alarm: Alarm,
    pub(super) rng: StdRng,
}

/// A stop on its way.
pub(super) struct Closing {
    pub(super) reason: StopReason,
    /// Who asked for it.
    pub(super) by: Option<Asker>,
    /// The device is to be removed at the network.
    pub(super) farewell: bool,
    /// Until then sends that are on the wire may be acknowledged.
    pub(super) deadline: Instant,
}

impl Incarnation {
    pub(super) fn new(args: AccountArgs, myself: ActorRef<AccountMsg>) -> Self {
        let AccountArgs { ctx, supervisor, id, no, generation, token, by } = args;
        let door = ctx.nudges.doors.account(no);
        door.door.open(myself.clone());
        Self {
            ctx,
            door,
            myself,
            supervisor,
            token,
            by,
            id,
            no,
            generation,
            epoch: None,
            state: AccountState::default(),
            linked: false,
            target: None,
            mark: Watermark::default(),
            link: None,
            port: None,
            pump: None,
            pumps: 0,
            tray: Arc::new(Tray::new()),
            connected: false,
            flights: Flights::default(),
            standing: Standing::default(),
            rounds: Rounds::default(),
            clocks: Clocks::new(Instant::now()),
            way: PairingWay::Qr,
            code_for: None,
            ended: false,
            removed: false,
            reopen: false,
            closing: None,
            alarm: Alarm::default(),
            rng: rand::make_rng(),
        }
    }

    /// Takes the account over and opens its link.
    pub(super) async fn begin(&mut self) -> Result<(), Crash> {
        let (id, now_ms) = (self.id.clone(), self.ctx.store.now_ms());
        let (every, by) = (self.ctx.settings.accounts.state_events_every, self.by.clone());
        let taken = self.ctx.store.write(Durability::Durable, move |tx| {
            let Some(record) = account::take_over(tx, &id)? else { return Ok(None) };
            let to = opening(&record, now_ms);
            let change = Transition { by: by.as_ref(), ..Transition::of(&record, &to) }.change(every);
            let changed = account::change_state(tx, record.no, Some(record.epoch), &change, now_ms)?;
            let unsettled = tx.reading(|tx| send::unsettled(tx, record.no, MAX_IN_FLIGHT))?;
            let paced = tx.reading(|tx| pace::sends_since(tx, record.no, 0))?;
            let waiting = tx.reading(|tx| counters::account(tx, record.no))?.outbox_depth() > 0;
            Ok::<_, StoreError>(Some((record, unsettled, paced, waiting, changed)))
        });
        match taken.await {
            Ok(Some((record, unsettled, paced, waiting, changed))) if record.no == self.no => {
                let rules = PaceRules::of(&record.settings.pacing, &self.ctx.settings.send.pace);
                self.standing = Standing::resume(record.restriction, Pace::resume(rules, paced, &mut self.rng));
                self.take_up(&record, &unsettled, waiting, now_ms);
                if changed {
                    let by = self.by.take();
                    Transition { by: by.as_ref(), ..Transition::of(&record, &self.state) }.log(&self.ctx.meters);
                    self.ctx.nudges.scheduler();
                }
                // It may have been taken over only to leave.
                self.go_on_closing().await?;
            }
            // Deleted, and perhaps created anew under the same id, since the supervisor looked.
            Ok(_) => self.myself.stop(Some(StopReason::Deleted.as_str().to_owned())),
            Err(error) => match StoreTrouble::from(error) {
                StoreTrouble::Crash(crash) => return Err(crash),
                StoreTrouble::Stale => self.myself.stop(Some(StopReason::TakenOver.as_str().to_owned())),
                StoreTrouble::Outage => drop(self.myself.send_after(SLOW_WAKE, || AccountMsg::Begin)),
            },
        }
        Ok(())
    }

    fn take_up(
        &mut self,
        record: &AccountRecord,
        unsettled: &[(wasup_store::id::MessageId, MessageRecord)],
        waiting: bool,
        now_ms: u64,
    ) {
        self.epoch = Some(record.epoch);
        self.state = opening(record, now_ms);
        self.linked = record.identity.is_some();
        for (id, record) in unsettled {
            self.flights.restore(*id, record);
        }
        tracing::debug!(epoch = record.epoch.0, unsettled = unsettled.len(), "the account is taken over");
        self.target = Some(LinkTarget {
            no: record.no,
            link: record.link,
            epoch: record.epoch,
            name: device_name(record),
            mark: self.mark.clone(),
            proxy: record.settings.proxy.clone(),
            history: record.settings.history,
            urgent: waiting && !record.outbox_paused,
        });
        self.ctx.nudges.deliveries();
        if record.leaving {
            self.close_because(StopReason::LogOut);
        }
        // A stop may have been asked for while the store was away.
        if self.closing.as_ref().is_none_or(|closing| closing.farewell && self.linked) {
            self.open_link();
        }
        self.set_alarm();
    }

    /// Something was changed about the account: its pace holds from here on, and its next link gets the rest.
    pub(super) async fn on_settings(&mut self) -> Result<(), Crash> {
        let no = self.no;
        let read = |tx: &wasup_store::ReadTx<'_>| {
            Ok::<_, StoreError>((account::by_no(tx, no)?, pace::sends_since(tx, no, 0)?))
        };
        // An outage of the store is told where it is written; the next incarnation reads its settings anyway.
        let Ok((Some(record), paced)) = self.ctx.store.read(read).await else { return Ok(()) };
        let rules = PaceRules::of(&record.settings.pacing, &self.ctx.settings.send.pace);
        self.standing.set_pace(Pace::resume(rules, paced, &mut self.rng));
        if let Some(target) = &mut self.target {
            target.name = device_name(&record);
            target.proxy.clone_from(&record.settings.proxy);
            target.history = record.settings.history;
        }
        if self.epoch.is_some() { self.on_nudge().await } else { Ok(()) }
    }

    pub(super) fn open_link(&mut self) {
        let Some(target) = self.target.clone() else { return };
        (self.ended, self.clocks.heard) = (false, Instant::now());
        let stop = self.ctx.settings.supervision.stop_timeout;
        self.link = Some(lease::open(Opening {
            leases: self.ctx.leases.clone(),
            links: Arc::clone(&self.ctx.links),
            target,
            actor: self.myself.clone(),
            token: self.token.clone(),
            lease_max: stop,
            close_max: stop.mul_f64(STOP_SHARE),
            batches: self.ctx.meters.batches.clone(),
            waiting: Arc::clone(&self.door.batches),
        }));
        if let (Some(link), Some(true)) = (&self.link, self.closing.as_ref().map(|closing| closing.farewell)) {
            link.log_out_at_close();
        }
    }

    pub(super) fn on_link_opened(&mut self, link: Arc<dyn Link>) {
        self.pumps += 1;
        self.port = Some(Arc::downgrade(&link));
        self.door.put_link(self.port.clone());
        let timeout = self.ctx.settings.send.ack_timeout;
        self.pump = Some(Pump::start(self.pumps, &link, &self.tray, &self.myself, timeout));
    }

    pub(super) fn on_pump_gone(&self, number: u64) -> Result<(), Crash> {
        match &self.pump {
            Some(pump) if pump.is(number) => Err(Crash::Invariant("the sending task ended")),
            _ => Ok(()),
        }
    }

    /// Shows a code to whoever waits for one, or none.
    pub(super) fn show_qr(&self, code: Option<(QrCode, Duration)>) {
        let shown = code.map(|(code, valid_for)| {
            if let Some(listener) = &self.ctx.qr_shown {
                listener(&self.id, &code);
            }
            let valid_ms = u64::try_from(valid_for.as_millis()).unwrap_or(u64::MAX);
            QrShown { code, expires_ms: self.ctx.store.now_ms().saturating_add(valid_ms) }
        });
        self.door.qr.send_replace(shown);
    }

    pub(super) fn pong(&self, generation: u64) {
        // A supervisor that is gone takes its children with it.
        let _ = self.supervisor.cast(SupervisorMsg::Pong { no: self.no, generation });
    }

    /// Sets the alarm for the next deadline. One that is set for an earlier time stays.
    pub(super) fn set_alarm(&mut self) {
        let now = Instant::now();
        // A deadline that has passed and is still there could not be dealt with: it is looked at again a little later.
        let due = self.flights.next_due().filter(|_| self.connected && self.pump.is_some() && self.closing.is_none());
        let due = due.map(|at| at.max(now + ALARM_MIN));
        let closing = self.closing.as_ref().map(|closing| closing.deadline.max(now + ALARM_MIN));
        let overdue = self.clocks.next(self.state.phase, &self.ctx.settings.accounts);
        let overdue = overdue.filter(|_| self.closing.is_none()).map(|at| at.max(now + ALARM_MIN));
        let sends = self.sends_at(now).filter(|_| self.connected && self.closing.is_none());
        let at = [due, closing, overdue, sends].into_iter().flatten().fold(now + SLOW_WAKE, Instant::min);
        let actor = self.myself.clone();
        self.alarm.set(at, move || {
            // An actor that is gone needs no waking.
            let _ = actor.cast(AccountMsg::Alarm);
        });
    }

    /// The alarm rang.
    pub(super) fn alarm_rang(&mut self) {
        self.alarm.rang();
    }
}

/// What the phone's list of devices calls an account.
fn device_name(record: &AccountRecord) -> String {
    let name = if record.name.is_empty() { record.id.to_string() } else { record.name.clone() };
    record.settings.device_name.clone().unwrap_or(name)
}
