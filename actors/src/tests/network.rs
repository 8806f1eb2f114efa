//! A network of links that do what a test says.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{Semaphore, mpsc};
use wasup_sessions::ports::{
    CodeRefusal, DisconnectReason, EndReason, Link, LinkError, LinkEvent, LinkFactory, LinkTarget, Outgoing,
    PairingCode, QrCode, SendError,
};
use wasup_store::id::AccountNo;
use wasup_store::jid::Jid;
use wasup_store::records::Identity;

use crate::door::lock;

/// What a link does when it is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opens {
    /// It connects.
    Connected,
    /// It shows a code.
    Qr,
    /// It stays silent.
    Silent,
    /// It refuses.
    Refused,
}

/// What the network does with a message.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    Ack,
    Refuse(u16),
    Swallow,
    Fail(SendError),
    Panic,
}

/// What the network says to whoever wants a pairing code.
#[derive(Clone, Copy)]
pub(super) enum CodeAnswer {
    Code(Duration),
    Refuse(CodeRefusal, Option<Duration>),
}

type Rule = Box<dyn Fn(&Outgoing, usize) -> Answer + Send + Sync>;

pub(super) struct Network {
    opens: Mutex<Opens>,
    rule: Mutex<Rule>,
    links: Mutex<HashMap<AccountNo, Vec<Arc<FakeLink>>>>,
    tries: Mutex<HashMap<String, usize>>,
    /// Times when a link was opened while an earlier one of the account was not closed.
    pub(super) overlaps: AtomicUsize,
    pub(super) close_hangs: AtomicBool,
    /// Links close only when this has a permit.
    pub(super) closers: Semaphore,
    /// Files are uploaded only when this has a permit.
    pub(super) uploaders: Semaphore,
    codes: AtomicUsize,
    code_answer: Mutex<CodeAnswer>,
    pub(super) codes_asked: AtomicUsize,
    pub(super) codes_cancelled: AtomicUsize,
    /// What the network says about restrictions; `None` where it says nothing.
    pub(super) restricts: Mutex<Option<(bool, Option<u64>)>>,
    /// How often it was asked.
    pub(super) asked: AtomicUsize,
}

pub(super) struct FakeLink {
    pub(super) target: LinkTarget,
    network: Arc<Network>,
    events: Mutex<Option<mpsc::Sender<LinkEvent>>>,
    open: AtomicBool,
    pub(super) logged_out: AtomicBool,
    is_connected: AtomicBool,
    sent: Mutex<Vec<Outgoing>>,
}

pub(super) fn identity() -> Identity {
    Identity { jid: Jid::phone("628111"), lid: None, push_name: Some("Shop".into()) }
}

impl Network {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            opens: Mutex::new(Opens::Connected),
            rule: Mutex::new(Box::new(|_, _| Answer::Ack)),
            links: Mutex::default(),
            tries: Mutex::default(),
            overlaps: AtomicUsize::new(0),
            close_hangs: AtomicBool::new(false),
            closers: Semaphore::new(1),
            uploaders: Semaphore::new(1_000),
            codes: AtomicUsize::new(0),
            code_answer: Mutex::new(CodeAnswer::Code(Duration::from_secs(180))),
            codes_asked: AtomicUsize::new(0),
            codes_cancelled: AtomicUsize::new(0),
            restricts: Mutex::default(),
            asked: AtomicUsize::new(0),
        })
    }

    pub(super) fn opens(&self, opens: Opens) {
        *lock(&self.opens) = opens;
    }

    pub(super) fn answers_codes(&self, answer: CodeAnswer) {
        *lock(&self.code_answer) = answer;
    }

    /// Answers messages by this rule from now on; it gets the message and how often its id was seen, this time included.
    pub(super) fn answers(&self, rule: impl Fn(&Outgoing, usize) -> Answer + Send + Sync + 'static) {
        *lock(&self.rule) = Box::new(rule);
    }

    pub(super) fn links(&self, no: AccountNo) -> Vec<Arc<FakeLink>> {
        lock(&self.links).get(&no).cloned().unwrap_or_default()
    }

    pub(super) fn last(&self, no: AccountNo) -> Arc<FakeLink> {
        self.links(no).last().cloned().expect("the account has a link")
    }

    /// The texts of every message of an account, in the order of the wire.
    pub(super) fn wire(&self, no: AccountNo) -> Vec<Outgoing> {
        self.links(no).iter().flat_map(|link| lock(&link.sent).clone()).collect()
    }

    fn next_code(&self) -> QrCode {
        QrCode(format!("2@code-{}", self.codes.fetch_add(1, Ordering::SeqCst)))
    }
}

/// The factory's handle, because the network itself is shared with the test.
pub(super) struct Factory(pub(super) Arc<Network>);

#[async_trait]
impl LinkFactory for Factory {
    async fn open(&self, target: LinkTarget, events: mpsc::Sender<LinkEvent>) -> Result<Arc<dyn Link>, LinkError> {
        let network = Arc::clone(&self.0);
        let opens = *lock(&network.opens);
        if opens == Opens::Refused {
            return Err(LinkError::Protocol("not today".into()));
        }
        let no = target.no;
        let link = Arc::new(FakeLink {
            target,
            network: Arc::clone(&network),
            events: Mutex::new(Some(events)),
            open: AtomicBool::new(true),
            logged_out: AtomicBool::new(false),
            is_connected: AtomicBool::new(false),
            sent: Mutex::default(),
        });
        if network.links(no).iter().any(|link| link.is_open()) {
            network.overlaps.fetch_add(1, Ordering::SeqCst);
        }
        lock(&network.links).entry(no).or_default().push(Arc::clone(&link));
        match opens {
            Opens::Connected => link.connect(),
            Opens::Qr => link.show_code(),
            Opens::Silent | Opens::Refused => {}
        }
        Ok(link)
    }
}

impl FakeLink {
    pub(super) fn tell(&self, event: LinkEvent) {
        if let Some(events) = &*lock(&self.events) {
            // Nobody listens any more to a link that is about to be closed.
            if let Err(mpsc::error::TrySendError::Full(_)) = events.try_send(event) {
                panic!("the listener does not keep up");
            }
        }
    }

    pub(super) fn connect(&self) {
        self.is_connected.store(true, Ordering::SeqCst);
        self.tell(LinkEvent::Connected { identity: identity() });
    }

    pub(super) fn show_code(&self) {
        self.tell(LinkEvent::Qr { code: self.network.next_code(), valid_for: Duration::from_secs(20) });
    }

    pub(super) fn lose(&self, reason: DisconnectReason) {
        self.is_connected.store(false, Ordering::SeqCst);
        self.tell(LinkEvent::Disconnected { reason });
    }

    pub(super) fn end(&self, reason: EndReason) {
        self.tell(LinkEvent::Ended { reason });
    }

    /// The link's end of the channel breaks off without a word.
    pub(super) fn vanish(&self) {
        lock(&self.events).take();
    }

    /// Whether nobody takes its events any more.
    pub(super) fn is_unheard(&self) -> bool {
        lock(&self.events).as_ref().is_none_or(mpsc::Sender::is_closed)
    }

    pub(super) fn sent_count(&self) -> usize {
        lock(&self.sent).len()
    }

    pub(super) fn is_open(&self) -> bool {
        self.open.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl Link for FakeLink {
    async fn send(&self, message: &Outgoing) -> Result<(), SendError> {
        if message.content.media().is_some() {
            drop(self.network.uploaders.acquire().await);
        }
        let tries = {
            let mut tries = lock(&self.network.tries);
            let count = tries.entry(message.provider_id.clone()).or_default();
            *count += 1;
            *count
        };
        let answer = lock(&self.network.rule)(message, tries);
        if let Answer::Fail(error) = answer {
            return Err(error);
        }
        assert!(answer != Answer::Panic, "the link breaks while sending");
        lock(&self.sent).push(message.clone());
        let error = match answer {
            Answer::Refuse(code) => Some(code),
            Answer::Swallow => return Ok(()),
            _ => None,
        };
        self.tell(LinkEvent::ServerAck { provider_id: message.provider_id.clone(), error });
        Ok(())
    }

    fn is_connected(&self) -> bool {
        self.is_open()
    }

    fn reconnect_now(&self) {}

    fn request_pairing_code(&self, phone: &str) {
        let code = self.network.codes_asked.fetch_add(1, Ordering::SeqCst);
        let answer = *lock(&self.network.code_answer);
        self.tell(match answer {
            CodeAnswer::Code(valid_for) => {
                LinkEvent::PairingCode { code: PairingCode(format!("{phone}-{code}")), valid_for }
            }
            CodeAnswer::Refuse(reason, retry_after) => LinkEvent::PairingCodeRefused { reason, retry_after },
        });
    }

    fn cancel_pairing_code(&self) {
        self.network.codes_cancelled.fetch_add(1, Ordering::SeqCst);
    }

    fn ask_restriction(&self) {
        self.network.asked.fetch_add(1, Ordering::SeqCst);
        if let Some((active, until_ms)) = *lock(&self.network.restricts) {
            self.tell(LinkEvent::Restriction { active, until_ms });
        }
    }

    async fn log_out(&self) -> Result<(), LinkError> {
        if !self.is_connected.load(Ordering::SeqCst) {
            return Err(LinkError::Protocol("not connected".into()));
        }
        self.logged_out.store(true, Ordering::SeqCst);
        Ok(())
    }

    async fn close(&self) {
        if self.network.close_hangs.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        let _turn = self.network.closers.acquire().await;
        self.open.store(false, Ordering::SeqCst);
        self.vanish();
    }
}
