//! What every test stands on: a network, a store on disk, accounts and their links.

use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use tokio::sync::mpsc;
use wasup_sandbox::{Config, Network, Phone};
use wasup_sessions::link::{LinkSettings, WhatsAppLinks};
use wasup_sessions::ports::{
    DisconnectReason, EndReason, Link, LinkEvent, LinkFactory, LinkTarget, Outgoing, SendError,
};
use wasup_sessions::provider_id;
use wasup_store::id::{AccountNo, DEFAULT_TENANT, MessageId, MessageKey};
use wasup_store::records::{
    AccountRecord, AccountSettings, AccountSource, Content, Desired, HistorySettings, MessageRecord, Participant,
};
use wasup_store::repo::account::{self, CreateError, NewAccount};
use wasup_store::repo::message;
use wasup_store::{Durability, Store, StoreError, Watermark};

/// Longest any single thing may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A network and a store.
pub(crate) struct World {
    pub(crate) network: Network,
    pub(crate) store: Store,
    pub(crate) links: WhatsAppLinks,
    pub(crate) commits: Arc<std::sync::atomic::AtomicU64>,
    _folder: Option<TempDir>,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(Config::default(), |_| {}).await
    }

    pub(crate) async fn with(config: Config, change: impl FnOnce(&mut LinkSettings)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("store"), 16 << 20).unwrap();
        Self { _folder: Some(folder), ..Self::over(store, config, change).await }
    }

    /// ... over a store that the caller made.
    pub(crate) async fn over(store: Store, config: Config, change: impl FnOnce(&mut LinkSettings)) -> Self {
        let network = Network::start(config).await.unwrap();
        let mut settings = LinkSettings { url: Some(network.url()), prekeys: Some(30), ..LinkSettings::default() };
        change(&mut settings);
        let commits = Arc::new(std::sync::atomic::AtomicU64::new(0));
        let count = Arc::clone(&commits);
        let committed = Arc::new(move |_: AccountNo| {
            count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        });
        let links = WhatsAppLinks::new(store.clone(), settings, committed).unwrap();
        Self { network, store, links, commits, _folder: None }
    }

    pub(crate) async fn account(&self, id: &str) -> AccountRecord {
        create_account(&self.store, id).await
    }

    /// Opens a link for the account's current incarnation.
    pub(crate) async fn open(&self, account: &AccountRecord) -> Line {
        self.open_as(account, |_| {}).await
    }

    /// ... to another target.
    pub(crate) async fn open_as(&self, account: &AccountRecord, change: impl FnOnce(&mut LinkTarget)) -> Line {
        let ((sender, events), mark) = (mpsc::channel(64), Watermark::default());
        let mut target = target(account, mark.clone());
        change(&mut target);
        let link = self.links.open(target, sender).await.unwrap();
        Line { link, events, passed: Vec::new(), mark }
    }

    /// A linked and connected account with its phone.
    pub(crate) async fn linked(&self, id: &str, number: &str) -> (AccountRecord, Line, Phone) {
        let account = self.account(id).await;
        let mut line = self.open(&account).await;
        let phone = self.network.phone(number);
        let code = line.qr().await;
        phone.scan(&code).await.unwrap();
        line.up().await;
        (account, line, phone)
    }

    /// All messages of an account, the oldest first.
    pub(crate) async fn messages(&self, no: AccountNo) -> Vec<(MessageId, MessageRecord)> {
        let list = |tx: &wasup_store::ReadTx<'_>| message::list(tx, no, None, None, 1_000);
        let mut all = self.store.read_durable::<_, StoreError>(list).await.unwrap();
        all.reverse();
        all
    }

    /// Waits until an account has so many messages.
    pub(crate) async fn wait_messages(&self, no: AccountNo, count: usize) -> Vec<(MessageId, MessageRecord)> {
        self.wait("messages in the store", async || {
            let all = self.messages(no).await;
            (all.len() >= count).then_some(all)
        })
        .await
    }

    /// Looks again and again until there is an answer.
    pub(crate) async fn wait<T>(&self, what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
        let until = tokio::time::Instant::now() + PATIENCE;
        loop {
            if let Some(found) = look().await {
                return found;
            }
            assert!(tokio::time::Instant::now() < until, "waited in vain for {what}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// What a link of an account's current incarnation is opened for.
pub(crate) fn target(account: &AccountRecord, mark: Watermark) -> LinkTarget {
    LinkTarget {
        no: account.no,
        link: account.link,
        epoch: account.epoch,
        name: account.name.clone(),
        mark,
        proxy: None,
        history: HistorySettings::default(),
        urgent: false,
    }
}

/// An open link and what it says.
pub(crate) struct Line {
    pub(crate) link: Arc<dyn Link>,
    pub(crate) events: mpsc::Receiver<LinkEvent>,
    pub(crate) passed: Vec<LinkEvent>,
    /// What its frames wait for.
    pub(crate) mark: Watermark,
}

impl Line {
    /// The first event that is wanted and was not handed out before; others are kept in `passed`.
    pub(crate) async fn until<T>(&mut self, what: &str, mut wanted: impl FnMut(&LinkEvent) -> Option<T>) -> T {
        if let Some((at, found)) = self.passed.iter().enumerate().find_map(|(at, event)| Some((at, wanted(event)?))) {
            self.passed.remove(at);
            return found;
        }
        let search = async {
            loop {
                let event = self.events.recv().await.unwrap_or_else(|| panic!("the link went silent before {what}"));
                if let Some(found) = wanted(&event) {
                    return found;
                }
                self.passed.push(event);
            }
        };
        match tokio::time::timeout(PATIENCE, search).await {
            Ok(found) => found,
            Err(_) => panic!("waited in vain for {what}; passed: {:?}", self.passed),
        }
    }

    pub(crate) async fn qr(&mut self) -> String {
        self.until("a code", |event| match event {
            LinkEvent::Qr { code, .. } => Some(code.0.clone()),
            _ => None,
        })
        .await
    }

    pub(crate) async fn connected(&mut self) {
        self.until("the connection", |event| matches!(event, LinkEvent::Connected { .. }).then_some(())).await;
    }

    /// Waits until it is connected and settled: the library may connect twice when the server's restart after a pairing
    /// overtakes its own notice of the pairing.
    pub(crate) async fn up(&mut self) {
        self.connected().await;
        while !self.link.is_connected() {
            self.connected().await;
        }
    }

    /// Sends, again when the connection is just being made anew.
    pub(crate) async fn send(&mut self, message: &Outgoing) {
        while let Err(error) = self.link.send(message).await {
            assert_eq!(error, SendError::NotConnected);
            self.up().await;
        }
    }

    /// The next loss.
    pub(crate) async fn lost(&mut self) -> DisconnectReason {
        self.until("the loss", |event| match event {
            LinkEvent::Disconnected { reason } => Some(*reason),
            _ => None,
        })
        .await
    }

    /// The end.
    pub(crate) async fn ended(&mut self) -> EndReason {
        self.until("the end", |event| match event {
            LinkEvent::Ended { reason } => Some(*reason),
            _ => None,
        })
        .await
    }

    /// What was said of losses up to now and is left.
    pub(crate) fn losses(&mut self) -> Vec<DisconnectReason> {
        while let Ok(event) = self.events.try_recv() {
            self.passed.push(event);
        }
        let lost = self.passed.iter().filter_map(|event| match event {
            LinkEvent::Disconnected { reason } => Some(*reason),
            _ => None,
        });
        lost.collect()
    }

    pub(crate) async fn ack(&mut self, id: &str) -> Option<u16> {
        self.until("an ack", |event| match event {
            LinkEvent::ServerAck { provider_id, error } if provider_id == id => Some(*error),
            _ => None,
        })
        .await
    }
}

/// A text to a number, under an id made of `n`.
pub(crate) fn text(no: AccountNo, number: &str, body: &str, n: u8) -> Outgoing {
    Outgoing {
        id: MessageId { account: no, key: MessageKey::new(1_800_000_000_000, u64::from(n)) },
        provider_id: provider_id([n; 16]),
        chat: to(number),
        content: Content::text(body),
        context: None,
        secret: None,
        ts_ms: 1_795_257_659_000,
    }
}

/// Whoever has a number.
pub(crate) fn to(number: &str) -> Participant {
    wasup_sessions::number::participant(&format!("+{number}"), None).unwrap()
}

/// The text of a message.
pub(crate) fn body(message: &MessageRecord) -> &str {
    match &message.content {
        Content::Text { body, .. } => body,
        other => other.kind(),
    }
}

/// A fresh account.
pub(crate) async fn create_account(store: &Store, id: &str) -> AccountRecord {
    let new = NewAccount {
        id: id.parse().unwrap(),
        tenant: DEFAULT_TENANT,
        name: id.into(),
        desired: Desired::Running,
        default_region: None,
        autostart: true,
        metadata: None,
        note: None,
        settings: AccountSettings::default(),
        source: AccountSource::Api,
        now_ms: store.now_ms(),
    };
    let created = store.write(Durability::Durable, move |tx| account::create(tx, &new)).await;
    created.unwrap_or_else(|error: CreateError| panic!("{error}"))
}
