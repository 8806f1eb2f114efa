//! Linking by a code that is entered on the phone. One code at a time: a newer request takes the older one's code back.
//! Neither the code nor the number reaches a log.

use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::Duration;

use tokio::task::AbortHandle;
use wacore::pair_code::PairCodeUtils;
use whatsapp_rust::pair_code::{PairCodeError, PairCodeOptions, PairError};
use whatsapp_rust::{Client, ErrorChainExt as _, IqError};

use super::outlet::{Note, Outlet};
use super::runtime::LinkTasks;
use crate::ports::{CodeRefusal, LinkEvent, PairingCode};

/// Longest wait for a connection on which a code can be asked for. A place in the queue of connects is part of it.
const READY_LIMIT: Duration = Duration::from_secs(60);

/// How often it is looked for.
const LOOK: Duration = Duration::from_millis(25);

/// Digits of a number, by E.164; the library refuses less than seven.
const DIGITS: std::ops::RangeInclusive<usize> = 7..=15;

/// What the library or the network says about a code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum CodeNews {
    /// Here it is.
    Shown {
        /// Eight characters.
        code: PairingCode,
        /// How long it can be entered.
        valid_for: Duration,
    },
    /// It is not good any more.
    Refused {
        /// Why.
        reason: CodeRefusal,
        /// When to ask again.
        retry_after: Option<Duration>,
    },
    /// It was entered on the phone; whether rightly is seen soon.
    Entered,
    /// The phone linked the device.
    Used,
    /// All QR codes of the connection have expired, and it stands because of the code.
    QrSpent,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Stage {
    #[default]
    None,
    Asking,
    Live,
    Entered,
}

#[derive(Default)]
struct Inner {
    stage: Stage,
    valid_for: Duration,
    qr_spent: bool,
    /// The number that got a code, and so is good.
    good: Option<String>,
    task: Option<AbortHandle>,
}

/// The pairing code of one link.
pub(super) struct Codes {
    client: OnceLock<Weak<Client>>,
    outlet: Arc<Outlet>,
    tasks: LinkTasks,
    inner: Mutex<Inner>,
}

impl Codes {
    /// No code yet.
    pub(super) fn new(outlet: Arc<Outlet>, tasks: LinkTasks) -> Self {
        Self { client: OnceLock::new(), outlet, tasks, inner: Mutex::default() }
    }

    /// Whose codes they are.
    pub(super) fn of(&self, client: &Arc<Client>) {
        // A link has one client.
        let _ = self.client.set(Arc::downgrade(client));
    }

    fn with<T>(&self, f: impl FnOnce(&mut Inner) -> T) -> T {
        f(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Asks for a code for a number. Never waits; the outcome is an event.
    pub(super) fn request(self: &Arc<Self>, phone: &str) {
        let number = |phone: &str| DIGITS.contains(&phone.len()) && phone.bytes().all(|byte| byte.is_ascii_digit());
        if !number(phone) || phone.starts_with('0') {
            return self.say_refused(CodeRefusal::BadNumber, None);
        }
        let (this, phone) = (Arc::clone(self), phone.to_owned());
        self.with(|inner| {
            inner.stage = Stage::Asking;
            let task = self.tasks.spawn_task(async move { this.ask(phone).await });
            if let Some(older) = inner.task.replace(task) {
                older.abort();
            }
        });
    }

    /// Takes the code back, or the request for one.
    pub(super) fn cancel(self: &Arc<Self>) {
        self.with(|inner| {
            inner.stage = Stage::None;
            if let Some(task) = inner.task.take() {
                task.abort();
            }
        });
        let client = self.client.get().and_then(Weak::upgrade);
        if let Some(client) = client {
            self.tasks.spawn_task(async move { client.cancel_pair_code().await });
        }
        self.end_with_qr();
    }

    async fn ask(self: Arc<Self>, phone: String) {
        let Some(client) = self.client.get().and_then(Weak::upgrade) else { return };
        if client.pn().is_some() {
            return self.refused(CodeRefusal::NotAvailable, None);
        }
        client.cancel_pair_code().await;
        // The network takes the request once it has offered QR codes.
        let ready = async {
            while !(self.outlet.showing() && client.is_connected()) {
                tokio::time::sleep(LOOK).await;
            }
        };
        if tokio::time::timeout(READY_LIMIT, ready).await.is_err() {
            return self.refused(CodeRefusal::NotConnected, None);
        }
        let options = PairCodeOptions { phone_number: phone.clone(), ..PairCodeOptions::default() };
        if let Err(error) = Box::pin(client.pair_with_code(options)).await {
            let known = error.backoff().is_some() || self.with(|inner| inner.good.as_ref() == Some(&phone));
            return self.refused(refusal_of(&error, known), error.backoff());
        }
        self.with(|inner| inner.good = Some(phone));
        drop(client);
        tokio::time::sleep(self.with(|inner| inner.valid_for)).await;
        if self.with(|inner| inner.stage == Stage::Live) {
            self.refused(CodeRefusal::Expired, None);
        }
    }

    /// Takes news in. Called on the library's own path: never waits.
    pub(super) fn news(self: &Arc<Self>, news: CodeNews) {
        match news {
            CodeNews::Shown { code, valid_for } => {
                let asked = self.with(|inner| {
                    inner.valid_for = valid_for;
                    std::mem::replace(&mut inner.stage, Stage::Live) == Stage::Asking
                });
                if asked {
                    self.outlet.push(Note::Say(LinkEvent::PairingCode { code, valid_for }));
                }
            }
            // While it is being asked for, the request's own answer says more.
            CodeNews::Refused { .. } if self.with(|inner| inner.stage == Stage::Asking) => {}
            CodeNews::Refused { reason, retry_after } => self.refused(reason, retry_after),
            CodeNews::Entered => self.with(|inner| {
                if inner.stage == Stage::Live {
                    inner.stage = Stage::Entered;
                }
            }),
            CodeNews::Used => self.with(|inner| inner.stage = Stage::None),
            CodeNews::QrSpent => {
                self.with(|inner| inner.qr_spent = true);
                self.outlet.got_on(2 * PairCodeUtils::code_validity());
                if self.with(|inner| inner.stage == Stage::None) {
                    self.end_with_qr();
                }
            }
        }
    }

    /// The connection that the code belongs to is gone, and the library has forgotten it.
    pub(super) fn connection_gone(self: &Arc<Self>) {
        self.with(|inner| inner.qr_spent = false);
        if self.with(|inner| matches!(inner.stage, Stage::Live | Stage::Entered)) {
            self.refused(CodeRefusal::NotConnected, None);
        }
    }

    fn refused(self: &Arc<Self>, reason: CodeRefusal, retry_after: Option<Duration>) {
        let had = self.with(|inner| std::mem::take(&mut inner.stage)) != Stage::None;
        if had {
            self.say_refused(reason, retry_after);
            self.end_with_qr();
        }
    }

    fn say_refused(&self, reason: CodeRefusal, retry_after: Option<Duration>) {
        self.outlet.push(Note::Say(LinkEvent::PairingCodeRefused { reason, retry_after }));
    }

    /// The library keeps the connection when the QR codes run out while a code is good. Nothing ends it after that.
    fn end_with_qr(self: &Arc<Self>) {
        if !self.with(|inner| std::mem::take(&mut inner.qr_spent)) {
            return;
        }
        self.outlet.push(Note::Say(LinkEvent::QrExhausted));
        let client = self.client.get().and_then(Weak::upgrade);
        if let Some(client) = client {
            self.tasks.spawn_task(async move { Box::pin(client.disconnect()).await });
        }
    }
}

/// Why the network, by its code, gives no pairing code. It answers 400 to content that it does not like, which can be
/// the number alone, and as well when too many codes were asked for a number (whatsapp-rust 0.7.0, `PairError`). `known`
/// tells whether the number is known to be good, or the network said when to come back.
pub(super) fn refusal(code: i32, known: bool) -> CodeRefusal {
    match code {
        400 if !known => CodeRefusal::BadNumber,
        400 | 429 => CodeRefusal::RateLimited,
        403 | 452 => CodeRefusal::NotAvailable,
        _ => CodeRefusal::Failed,
    }
}

fn refusal_of(error: &PairError, known: bool) -> CodeRefusal {
    use PairCodeError as Code;
    if let Some(rejection) = error.server_rejection() {
        return refusal(i32::from(rejection.code), known);
    }
    match error {
        PairError::PairCode(
            Code::PhoneNumberRequired | Code::PhoneNumberTooShort | Code::PhoneNumberNotInternational,
        ) => CodeRefusal::BadNumber,
        PairError::PairCode(_)
        | PairError::RequestFailed(
            IqError::UnexpectedResponseType { .. } | IqError::ParseError(_) | IqError::EncodeError(_),
        ) => CodeRefusal::Failed,
        PairError::RequestFailed(_) => CodeRefusal::NotConnected,
        _ => CodeRefusal::Failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(code: u16) -> PairError {
        let (text, error_type, backoff) = (String::new(), None, None);
        PairError::RequestFailed(IqError::ServerError { code, text, error_type, backoff })
    }

    #[test]
    fn every_refusal_has_a_reason() {
        for (error, reason) in [
            (server(400), CodeRefusal::BadNumber),
            (server(429), CodeRefusal::RateLimited),
            (server(403), CodeRefusal::NotAvailable),
            (server(452), CodeRefusal::NotAvailable),
            (server(404), CodeRefusal::Failed),
            (server(500), CodeRefusal::Failed),
            (PairError::RequestFailed(IqError::Timeout), CodeRefusal::NotConnected),
            (PairError::RequestFailed(IqError::NotConnected), CodeRefusal::NotConnected),
            (PairError::RequestFailed(IqError::InternalChannelClosed), CodeRefusal::NotConnected),
            (PairError::PairCode(PairCodeError::PhoneNumberTooShort), CodeRefusal::BadNumber),
            (PairError::PairCode(PairCodeError::NotWaiting), CodeRefusal::Failed),
        ] {
            assert_eq!(refusal_of(&error, false), reason, "{error:?}");
        }
        assert_eq!(refusal_of(&server(400), true), CodeRefusal::RateLimited);
    }

    /// What was said of codes and of the end.
    async fn said(outlet: &Outlet) -> Vec<LinkEvent> {
        let mut said = Vec::new();
        while let Ok(note) = tokio::time::timeout(Duration::from_millis(1), outlet.next()).await {
            match note {
                Note::Say(event) => said.push(event),
                _ => panic!("something else was said"),
            }
        }
        said
    }

    fn refused(reason: CodeRefusal) -> LinkEvent {
        LinkEvent::PairingCodeRefused { reason, retry_after: None }
    }

    #[tokio::test(start_paused = true)]
    async fn a_code_ends_once_and_takes_a_spent_round_with_it() {
        let outlet = Arc::<Outlet>::default();
        let codes = Arc::new(Codes::new(Arc::clone(&outlet), LinkTasks::default()));
        let shown = CodeNews::Shown { code: PairingCode("ABCD1234".into()), valid_for: Duration::from_secs(180) };
        let expired = CodeNews::Refused { reason: CodeRefusal::Expired, retry_after: None };
        codes.news(expired.clone());
        assert_eq!(said(&outlet).await, [], "there is none");

        for gone in [false, true] {
            codes.with(|inner| inner.stage = Stage::Asking);
            codes.news(expired.clone());
            codes.connection_gone();
            assert_eq!(said(&outlet).await, [], "the request answers for itself");
            codes.news(shown.clone());
            assert!(matches!(said(&outlet).await[..], [LinkEvent::PairingCode { .. }]));
            codes.news(CodeNews::QrSpent);
            assert_eq!(said(&outlet).await, [], "the code is still good");
            if gone {
                codes.connection_gone();
                assert_eq!(said(&outlet).await, [refused(CodeRefusal::NotConnected)]);
            } else {
                codes.news(CodeNews::Entered);
                codes.news(expired.clone());
                assert_eq!(said(&outlet).await, [refused(CodeRefusal::Expired), LinkEvent::QrExhausted]);
            }
            codes.connection_gone();
            assert_eq!(said(&outlet).await, []);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_number_that_is_none_is_refused_at_once() {
        let outlet = Arc::<Outlet>::default();
        let codes = Arc::new(Codes::new(Arc::clone(&outlet), LinkTasks::default()));
        for phone in ["", "123456", "+6281234567801", "0812345678", "62 812", "1234567890123456", "sixtytwo"] {
            codes.request(phone);
            assert_eq!(said(&outlet).await, [refused(CodeRefusal::BadNumber)], "{phone}");
        }
    }
}
