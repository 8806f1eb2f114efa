//! Everything a test of the tree needs.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};
use wasup_store::engine::{Engine, MemoryEngine};
use wasup_store::id::{AccountId, AccountNo, MessageId, Position};
use wasup_store::insurance::{Finding, FindingCode, verify_engine};
use wasup_store::jid::Jid;
use wasup_store::keyring::Keyring;
use wasup_store::records::{
    AccountRecord, Content, EventData, EventRecord, Lane, MessageRecord, MessageState, Participant, Phase, Reason,
};
use wasup_store::repo::event;
use wasup_store::repo::inbound::{self, InboundBatch, NewInbound};
use wasup_store::{Clock, Durability, SpaceFloor, Store, SystemClock, Tree as Rows, WriteTx};

use super::network::{Factory, Network};
use super::receivers::{Encoder, PATIENCE, Receivers, Transport};
use crate::{
    Accepted, AccountsSettings, ImportFiles, Meters, NewAccount, Nudges, Ports, Principal, RetentionSettings,
    SendCommand, SendSettings, Settings, ShutdownReport, SupervisionSettings, Tree, WebhookSettings,
};

pub(super) struct World {
    pub(super) engine: Arc<MemoryEngine>,
    pub(super) settings: Settings,
    pub(super) store: Store,
    pub(super) network: Arc<Network>,
    pub(super) receivers: Arc<Receivers>,
    pub(super) meters: Meters,
    pub(super) nudges: Nudges,
    clock: Arc<dyn Clock>,
    pub(super) imports: Option<Arc<dyn ImportFiles>>,
    tree: Option<Tree>,
}

pub(super) fn me() -> Principal {
    Principal::system("test")
}

pub(super) fn account(id: &str) -> AccountId {
    id.parse().unwrap()
}

pub(super) fn peer() -> Participant {
    Participant { jid: Jid::phone("628222"), phone: Some("628222".into()), lid: None }
}

/// Somebody else.
pub(super) fn somebody(n: u64) -> Participant {
    let digits = (700_000 + n).to_string();
    Participant { jid: Jid::phone(&digits), phone: Some(digits), lid: None }
}

/// Looks at every row of a store, as `wasup verify` does. Links of tests have no keys, which is all that may be missing.
pub(super) fn verify(engine: &dyn Engine) {
    let report = verify_engine(engine, &Keyring::plain(), 1_000);
    let keyless = |finding: &Finding| finding.code == FindingCode::Dangling && finding.tree == Rows::AccountNo.name();
    let wrong: Vec<_> = report.shown.iter().filter(|finding| !keyless(finding)).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Waits for a condition.
pub(super) async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        sleep(Duration::from_millis(2)).await;
    }
}

pub(super) fn settings() -> Settings {
    let millis = Duration::from_millis;
    Settings {
        supervision: SupervisionSettings {
            backoff_base: millis(20),
            backoff_cap: millis(100),
            stop_timeout: Duration::from_secs(2),
            ..SupervisionSettings::default()
        },
        accounts: AccountsSettings { state_events_every: Duration::ZERO, ..AccountsSettings::default() },
        send: SendSettings {
            ack_timeout: millis(150),
            tries_max: 10,
            age_max: Duration::from_secs(3_600),
            in_flight: 16,
            outbox_max: 100,
            idempotency_ttl: Duration::from_secs(60),
            free_space_floor: SpaceFloor::new("/", 0),
            restriction_retry: Duration::from_secs(3_600),
            pace: crate::PaceSettings::default(),
        },
        schedules: crate::SchedulesSettings::default(),
        search_index: false,
        webhooks: WebhookSettings {
            timeout: millis(300),
            schedule: [Duration::ZERO, millis(20), millis(40), millis(80)].into(),
            jitter: 0.0,
            concurrency: 8,
            concurrency_per_endpoint: 2,
            lease_margin: Duration::from_secs(1),
            ..WebhookSettings::default()
        },
        default_region: None,
        retention: RetentionSettings::default(),
    }
}

impl World {
    /// A store, a network, receivers; no tree yet.
    pub(super) fn new() -> Self {
        Self::by(Arc::new(SystemClock))
    }

    /// ... by a clock of the test's own.
    pub(super) fn by(clock: Arc<dyn Clock>) -> Self {
        let engine = Arc::new(MemoryEngine::default());
        let store = Self::open(&engine, &clock);
        let (network, receivers) = (Network::new(), Receivers::new());
        Self {
            engine,
            settings: settings(),
            store,
            network,
            receivers,
            meters: Meters::default(),
            nudges: Nudges::new(),
            clock,
            imports: None,
            tree: None,
        }
    }

    /// ... with a running tree.
    pub(super) async fn running() -> Self {
        let mut world = Self::new();
        world.start().await;
        world
    }

    fn open(engine: &Arc<MemoryEngine>, clock: &Arc<dyn Clock>) -> Store {
        let engine: Arc<MemoryEngine> = Arc::clone(engine);
        Store::over(engine, Arc::clone(clock), Path::new("memory")).unwrap()
    }

    pub(super) async fn start(&mut self) {
        self.nudges = Nudges::new();
        let ports = Ports {
            store: self.store.clone(),
            links: Arc::new(Factory(Arc::clone(&self.network))),
            webhooks: Arc::new(Transport(Arc::clone(&self.receivers))),
            encoder: Arc::new(Encoder),
            settings: self.settings.clone(),
            nudges: self.nudges.clone(),
            qr_shown: None,
            meters: self.meters.clone(),
            files: None,
            imports: self.imports.clone(),
        };
        self.tree = Some(Tree::start(ports).await.unwrap());
    }

    pub(super) fn tree(&self) -> &Tree {
        self.tree.as_ref().unwrap()
    }

    pub(super) async fn shut_down(&mut self) -> ShutdownReport {
        self.tree.take().unwrap().shutdown(Duration::from_secs(5)).await
    }

    /// Stops everything and starts it again over the same rows.
    pub(super) async fn restart(&mut self) {
        assert_eq!(self.shut_down().await, ShutdownReport::default());
        self.start_again().await;
    }

    /// ... after it was stopped.
    pub(super) async fn start_again(&mut self) {
        self.store = Self::open(&self.engine, &self.clock);
        self.start().await;
    }

    /// Creates accounts that start at once.
    pub(super) async fn create(&self, ids: &[&str]) {
        self.create_with(ids, wasup_store::records::AccountSettings::default()).await;
    }

    /// ... with settings of their own.
    pub(super) async fn create_with(&self, ids: &[&str], settings: wasup_store::records::AccountSettings) {
        for id in ids {
            let new = NewAccount {
                id: account(id),
                name: None,
                default_region: None,
                autostart: true,
                metadata: None,
                note: None,
                settings: settings.clone(),
                source: wasup_store::records::AccountSource::Api,
                start: true,
                default_webhook: false,
            };
            self.tree().accounts.create(&me(), new).await.unwrap();
        }
    }

    /// ... and waits until they are connected.
    pub(super) async fn connected(&self, ids: &[&str]) {
        self.create(ids).await;
        for id in ids {
            self.phase(id, Phase::Connected).await;
        }
    }

    pub(super) async fn get(&self, id: &str) -> AccountRecord {
        self.tree().accounts.get(&me(), &account(id)).await.unwrap()
    }

    pub(super) async fn no(&self, id: &str) -> AccountNo {
        self.get(id).await.no
    }

    /// Waits until an account is in a phase.
    pub(super) async fn phase(&self, id: &str, phase: Phase) -> AccountRecord {
        until(&format!("{id} is {phase:?}"), async || {
            let record = self.get(id).await;
            (record.state.phase == phase).then_some(record)
        })
        .await
    }

    /// Every event of the log.
    pub(super) async fn events(&self) -> Vec<EventRecord> {
        let page = self.store.read(|tx| event::page(tx, Position(0), 10_000)).await.unwrap();
        page.into_iter().map(|(_, event)| event).collect()
    }

    /// Every state an account went through.
    pub(super) async fn states(&self, id: &str) -> Vec<(Phase, Reason)> {
        let told = |event: EventRecord| match event.data {
            EventData::Account(change) if event.account == Some(account(id)) => {
                Some((change.state.phase, change.state.reason))
            }
            _ => None,
        };
        self.events().await.into_iter().filter_map(told).collect()
    }

    pub(super) async fn send(&self, id: &str, body: &str) -> Accepted {
        self.send_to(id, &peer(), body).await
    }

    pub(super) async fn send_to(&self, id: &str, chat: &Participant, body: &str) -> Accepted {
        let command = SendCommand {
            account: account(id),
            chat: chat.clone(),
            content: Content::text(body),
            context: None,
            lane: Lane::Interactive,
            client_message_id: None,
            idempotency: None,
        };
        self.tree().messages.send(&me(), command).await.unwrap()
    }

    /// The account gets a message from somebody.
    pub(super) async fn receive(&self, id: &str, from: &Participant, provider_id: &str) {
        let owner = self.get(id).await;
        let new = NewInbound {
            provider_id: provider_id.into(),
            chat: from.clone(),
            sender: Some(from.clone()),
            from_me: false,
            group: false,
            ts_ms: self.store.now_ms(),
            rand: rand::random(),
            content: Content::text("hello"),
            context: None,
            secret: None,
            push_name: None,
        };
        let batch = InboundBatch { no: owner.no, epoch: owner.epoch, now_ms: self.store.now_ms(), messages: vec![new] };
        let write = move |tx: &mut WriteTx<'_>| inbound::commit(tx, &batch);
        self.store.write(Durability::Durable, write).await.unwrap();
        self.nudges.received(owner.no);
    }

    pub(super) async fn message(&self, id: MessageId) -> MessageRecord {
        self.tree().messages.get(&me(), id).await.unwrap().1
    }

    /// Waits until a message is in a state.
    pub(super) async fn state(&self, id: MessageId, state: MessageState) -> MessageRecord {
        until(&format!("a message is {state:?}"), async || {
            let record = self.message(id).await;
            (record.state == state).then_some(record)
        })
        .await
    }

    /// The texts an account has put on the wire.
    pub(super) async fn wire(&self, id: &str) -> Vec<String> {
        let text = |content| match content {
            Content::Text { body, .. } => body,
            other => panic!("{other:?}"),
        };
        self.network.wire(self.no(id).await).into_iter().map(|message| text(message.content)).collect()
    }
}
