//! A tree over a real store, whose time stands still until it is moved.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::Instant;
use wasup_sessions::ports::{EndReason, LinkEvent, Outgoing, SendError};
use wasup_store::engine::SledEngine;
use wasup_store::id::{AccountId, AccountNo, MessageId, Position};
use wasup_store::records::{AccountRecord, AccountSettings, AccountSource, Content, Lane, MessageState};
use wasup_store::repo::inbound::{self, InboundBatch, NewInbound};
use wasup_store::repo::{account, message};
use wasup_store::{Clock, Durability, Store, StoreError, WriteTx};

use super::steps::{Manners, Step};
use crate::door::lock;
use crate::root::RootMsg;
use crate::settings::{AccountsSettings, SupervisionSettings};
use crate::tests::network::{Answer, Factory, FakeLink, Network, Opens};
use crate::tests::receivers::{Encoder, Receivers, Transport};
use crate::tests::world::{me, settings, somebody};
use crate::{Accounts, Meters, NewAccount, Nudges, Ports, SendCommand, Settings, Tree};

/// Time goes in steps of at most this, so that what is due in between happens in its order.
const GRAIN: Duration = Duration::from_secs(5);
/// When the test begins.
const BEGIN_MS: u64 = 1_800_000_000_000;

/// The store's clock; it goes with tokio's.
#[derive(Debug)]
struct Moved(AtomicU64);

impl Clock for Moved {
    fn now_ms(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// A message that was accepted.
pub(super) struct Sent {
    pub(super) id: MessageId,
    pub(super) provider_id: String,
    pub(super) body: String,
    /// Where it stood when it was last looked at.
    pub(super) state: MessageState,
}

pub(super) struct Chaos {
    pub(super) engine: Arc<SledEngine>,
    pub(super) store: Store,
    pub(super) network: Arc<Network>,
    pub(super) settings: Settings,
    pub(super) accounts: Vec<AccountId>,
    pub(super) sent: Vec<Sent>,
    pub(super) laws: super::laws::Laws,
    clock: Arc<Moved>,
    begun: Instant,
    tree: Option<Tree>,
    nudges: Nudges,
    /// Wishes that are not answered yet.
    pub(super) wishes: Vec<JoinHandle<()>>,
    count: u64,
    /// Dropped last: while its other end waits, paused time does not leap.
    _still: mpsc::Sender<()>,
    _folder: tempfile::TempDir,
}

impl Chaos {
    pub(super) async fn new(accounts: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let engine = Arc::new(SledEngine::open(&folder.path().join("data"), 8 << 20).unwrap());
        let clock = Arc::new(Moved(AtomicU64::new(BEGIN_MS)));
        let (over, time): (Arc<SledEngine>, Arc<Moved>) = (Arc::clone(&engine), Arc::clone(&clock));
        let store = Store::over(over, time, Path::new("chaos")).unwrap();
        let (still, waits) = mpsc::channel::<()>();
        tokio::task::spawn_blocking(move || waits.recv().is_err());
        let mut settings = settings();
        settings.supervision =
            SupervisionSettings { stop_timeout: Duration::from_secs(5), ..SupervisionSettings::default() };
        settings.accounts = AccountsSettings::default();
        settings.send.ack_timeout = Duration::from_secs(10);
        settings.send.restriction_retry = Duration::from_secs(30);
        let mut chaos = Self {
            engine,
            store,
            network: Network::new(),
            settings,
            accounts: Vec::new(),
            sent: Vec::new(),
            laws: super::laws::Laws::default(),
            clock,
            begun: Instant::now(),
            tree: None,
            nudges: Nudges::new(),
            wishes: Vec::new(),
            count: 0,
            _still: still,
            _folder: folder,
        };
        chaos.grow_tree().await;
        for n in 0..accounts {
            chaos.create(&format!("a{n}")).await;
        }
        chaos
    }

    async fn create(&mut self, id: &str) {
        let new = NewAccount {
            id: id.parse().unwrap(),
            name: None,
            default_region: None,
            autostart: true,
            metadata: None,
            note: None,
            settings: AccountSettings::default(),
            source: AccountSource::Api,
            start: true,
            default_webhook: false,
        };
        let accounts = self.accounts();
        let made = self.drive(async move { accounts.create(&me(), new).await }).await;
        self.accounts.push(made.unwrap().id);
    }

    async fn grow_tree(&mut self) {
        self.nudges = Nudges::new();
        let ports = Ports {
            store: self.store.clone(),
            links: Arc::new(Factory(Arc::clone(&self.network))),
            webhooks: Arc::new(Transport(Receivers::new())),
            encoder: Arc::new(Encoder),
            settings: self.settings.clone(),
            nudges: self.nudges.clone(),
            qr_shown: None,
            meters: Meters::default(),
            files: None,
            imports: None,
        };
        self.tree = Some(self.drive(Tree::start(ports)).await.unwrap());
        self.laws.forget_history(self.clock.now_ms());
    }

    fn tree(&self) -> &Tree {
        self.tree.as_ref().unwrap()
    }

    fn accounts(&self) -> Accounts {
        self.tree().accounts.clone()
    }

    pub(super) fn now_ms(&self) -> u64 {
        self.clock.now_ms()
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Lets everything happen that can happen without time going on.
    pub(super) async fn settle(&self) {
        let (mut calm, mut jobs) = (0, self.store.stats().jobs);
        while calm < 3 {
            for _ in 0..40 {
                tokio::task::yield_now().await;
            }
            // Whatever was written before is applied and on disk when this is.
            self.store.write(Durability::Durable, |_| Ok::<_, StoreError>(())).await.unwrap();
            let now = self.store.stats().jobs;
            calm = if now == jobs + 1 { calm + 1 } else { 0 };
            jobs = now;
        }
    }

    pub(super) async fn pass(&self, span: Duration) {
        let mut left = span;
        while !left.is_zero() {
            let grain = left.min(GRAIN);
            self.clock.0.fetch_add(u64::try_from(grain.as_millis()).unwrap(), Ordering::SeqCst);
            tokio::time::advance(grain).await;
            self.settle().await;
            left -= grain;
        }
    }

    /// Lets time go on until something is done.
    async fn drive<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> T {
        let task = tokio::spawn(work);
        for _ in 0..2_000 {
            self.settle().await;
            if task.is_finished() {
                return task.await.unwrap();
            }
            self.pass(Duration::from_millis(100)).await;
        }
        panic!("something is never answered");
    }

    pub(super) async fn record(&self, at: usize) -> AccountRecord {
        let id = self.accounts[at].clone();
        self.store.read(|tx| account::get(tx, &id)).await.unwrap().unwrap()
    }

    async fn no(&self, at: usize) -> AccountNo {
        self.record(at).await.no
    }

    /// The account's link, where one is open.
    async fn link(&self, at: usize) -> Option<Arc<FakeLink>> {
        self.network.links(self.no(at).await).pop().filter(|link| link.is_open())
    }

    async fn tell(&self, at: usize, event: LinkEvent) {
        if let Some(link) = self.link(at).await {
            link.tell(event);
        }
    }

    /// Something of the account's wire, by chance.
    async fn any_sent(&self, at: usize) -> Option<Outgoing> {
        let wire = self.network.wire(self.no(at).await);
        let pick = usize::try_from(self.count).unwrap_or(0) % wire.len().max(1);
        wire.into_iter().nth(pick)
    }

    fn wish(&mut self, wish: impl Future<Output = ()> + Send + 'static) {
        self.wishes.push(tokio::spawn(wish));
    }

    pub(super) async fn take(&mut self, step: &Step) {
        self.count += 1;
        match step {
            Step::Send { account, to } => self.send(*account, *to).await,
            Step::Receive { account, from } => self.receive(*account, *from).await,
            Step::Strike(account, fault) => {
                // An account without an actor can't break.
                let _ = self.accounts().strike_for_test(&self.accounts[*account], *fault).await;
            }
            Step::Start(_) | Step::Stop(_) | Step::Release(_) | Step::Restart(_) | Step::LogOut(_) => self.ask(step),
            Step::Network(manners) => self.behave(*manners),
            Step::Links(opens) => self.network.opens(*opens),
            Step::Says(active) => *lock(&self.network.restricts) = active.map(|active| (active, None)),
            Step::Kill(branch) => {
                let _ = self.tree().root.cast(RootMsg::Kill(*branch));
                self.laws.forget_history(self.clock.now_ms());
            }
            Step::StrikeBranch(branch, fault) => {
                let _ = self.tree().root.cast(RootMsg::Strike(*branch, *fault));
                self.laws.forget_history(self.clock.now_ms());
            }
            Step::NewTree => self.new_tree().await,
            Step::Time(span) => self.pass(*span).await,
            other => self.on_the_link(other).await,
        }
        self.wishes.retain(|wish| !wish.is_finished());
    }

    fn ask(&mut self, step: &Step) {
        let (accounts, step) = (self.accounts(), step.clone());
        let ids = self.accounts.clone();
        if let Step::Release(at) | Step::Start(at) | Step::Restart(at) = step {
            self.laws.forgive(&ids[at], self.clock.now_ms());
        }
        self.wish(async move {
            // A busy or vanished supervisor is an answer, too.
            let _ = match step {
                Step::Start(at) => accounts.start(&me(), &ids[at]).await,
                Step::Stop(at) => accounts.stop(&me(), &ids[at]).await,
                Step::Release(at) => accounts.release(&me(), &ids[at]).await,
                Step::Restart(at) => accounts.restart(&me(), &ids[at]).await,
                Step::LogOut(at) => accounts.log_out(&me(), &ids[at]).await,
                other => unreachable!("{other:?} is no wish"),
            };
        });
    }

    async fn on_the_link(&self, step: &Step) {
        match step {
            Step::Lost(at, reason) => {
                if let Some(link) = self.link(*at).await {
                    link.lose(*reason);
                }
            }
            Step::Back(at) => {
                if let Some(link) = self.link(*at).await {
                    link.connect();
                }
            }
            Step::Ended(at, EndReason::Banned { until_ms: Some(wait) }) => {
                let until_ms = Some(self.now_ms() + wait);
                self.tell(*at, LinkEvent::Ended { reason: EndReason::Banned { until_ms } }).await;
            }
            Step::Ended(at, reason) => self.tell(*at, LinkEvent::Ended { reason: *reason }).await,
            Step::Vanish(at) => {
                if let Some(link) = self.link(*at).await {
                    link.vanish();
                }
            }
            Step::Told { account, active, term } => {
                let until_ms = term.map(|term| self.now_ms() + u64::try_from(term.as_millis()).unwrap());
                self.tell(*account, LinkEvent::Restriction { active: *active, until_ms }).await;
            }
            Step::LateAck { account, error } => {
                if let Some(sent) = self.any_sent(*account).await {
                    self.tell(*account, LinkEvent::ServerAck { provider_id: sent.provider_id, error: *error }).await;
                }
            }
            Step::Receipt { account, seen } => {
                if let Some(sent) = self.any_sent(*account).await {
                    let (provider_ids, at_ms) = (vec![sent.provider_id], self.now_ms());
                    self.tell(*account, LinkEvent::Receipt { provider_ids, seen: *seen, at_ms }).await;
                }
            }
            other => unreachable!("{other:?} is nothing of a link"),
        }
    }

    async fn send(&mut self, at: usize, to: u64) {
        let body = format!("message {}", self.count);
        let command = SendCommand {
            account: self.accounts[at].clone(),
            chat: somebody(to),
            content: Content::text(body.clone()),
            context: None,
            lane: Lane::ALL[usize::try_from(self.count % 3).unwrap()],
            client_message_id: None,
            idempotency: None,
        };
        let messages = self.tree().messages.clone();
        let answer = self.drive(async move { messages.send(&me(), command).await }).await;
        // A full outbox refuses, and nothing else does.
        match answer {
            Ok(sent) => {
                let (id, provider_id, state) = (sent.id, sent.record.provider_id, sent.record.state);
                self.sent.push(Sent { id, provider_id, body, state });
            }
            Err(crate::SendError::OutboxFull { .. }) => {}
            Err(other) => panic!("{other}"),
        }
    }

    async fn receive(&self, at: usize, from: u64) {
        let (owner, now_ms) = (self.record(at).await, self.now_ms());
        let new = NewInbound {
            provider_id: format!("3EB0IN{}", self.count),
            chat: somebody(from),
            sender: Some(somebody(from)),
            from_me: false,
            group: false,
            ts_ms: now_ms,
            rand: self.count,
            content: Content::text("an answer"),
            context: None,
            secret: None,
            push_name: None,
        };
        let batch = InboundBatch { no: owner.no, epoch: owner.epoch, now_ms, messages: vec![new] };
        let commit = move |tx: &mut WriteTx<'_>| inbound::commit(tx, &batch);
        self.store.write(Durability::Durable, commit).await.unwrap();
        self.nudges.received(owner.no);
    }

    pub(super) fn behave(&self, manners: Manners) {
        let heard = |message: &Outgoing| message.chat == somebody(0);
        self.network.answers(move |message, tries| match manners {
            Manners::Fair => Answer::Ack,
            Manners::Silent => Answer::Swallow,
            Manners::Restricted(code) if !heard(message) => Answer::Refuse(code),
            Manners::Restricted(_) => Answer::Ack,
            Manners::Moody(salt) => {
                let mut hasher = DefaultHasher::new();
                (salt, &message.provider_id, tries).hash(&mut hasher);
                match hasher.finish() % 12 {
                    0..5 => Answer::Ack,
                    5..8 => Answer::Swallow,
                    8 => Answer::Refuse(463),
                    9 => Answer::Fail(SendError::Transient),
                    10 => Answer::Fail(SendError::NotConnected),
                    _ => Answer::Panic,
                }
            }
        });
    }

    async fn new_tree(&mut self) {
        let tree = self.tree.take().unwrap();
        // Whoever is late is told; the laws say whether that did harm.
        let _ = self.drive(tree.shutdown(Duration::from_secs(20))).await;
        for wish in self.wishes.drain(..) {
            wish.abort();
        }
        self.settle().await;
        self.laws.after_shutdown(&self.network);
        self.grow_tree().await;
    }

    /// Everything works again, and every account is wanted and asked to run.
    pub(super) async fn heal(&mut self) {
        self.behave(Manners::Fair);
        self.network.opens(Opens::Connected);
        *lock(&self.network.restricts) = Some((false, None));
        self.pass(Duration::from_secs(60)).await;
        // Branches may have broken too often for this tree.
        self.new_tree().await;
        for at in 0..self.accounts.len() {
            for step in [Step::Release(at), Step::Start(at)] {
                self.take(&step).await;
                self.pass(Duration::from_secs(1)).await;
            }
            self.take(&Step::Back(at)).await;
        }
        for _ in 0..20_000 {
            self.pass(GRAIN).await;
            let mut open = false;
            for sent in &self.sent {
                let found = self.store.read(|tx| message::get(tx, sent.id)).await.unwrap().unwrap();
                open |= !found.state.is_settled();
            }
            if !open {
                break;
            }
        }
        self.pass(Duration::from_secs(60)).await;
    }

    pub(super) async fn end(mut self) {
        let tree = self.tree.take().unwrap();
        let report = self.drive(tree.shutdown(Duration::from_secs(20))).await;
        assert_eq!(report, crate::ShutdownReport::default());
        self.laws.after_shutdown(&self.network);
    }

    /// The newest event that was looked at.
    pub(super) async fn news(&self, after: Position) -> Vec<(Position, wasup_store::records::EventRecord)> {
        self.store.read(|tx| wasup_store::repo::event::page(tx, after, 10_000)).await.unwrap()
    }
}
