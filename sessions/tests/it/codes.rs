//! Linking by a code that is entered on the phone.

use std::time::Duration;

use wasup_sandbox::{Config, Cut, Fault, PairingError, Scope};
use wasup_sessions::ports::{CodeRefusal, DisconnectReason, LinkEvent};

use crate::world::{Line, World};

const NUMBER: &str = "6281234567801";

impl Line {
    async fn code(&mut self) -> String {
        self.until("a pairing code", |event| match event {
            LinkEvent::PairingCode { code, valid_for } => {
                assert!(*valid_for > Duration::from_secs(100));
                Some(code.0.clone())
            }
            LinkEvent::PairingCodeRefused { reason, .. } => panic!("refused: {reason:?}"),
            _ => None,
        })
        .await
    }

    async fn refused(&mut self) -> (CodeRefusal, Option<Duration>) {
        self.until("a refusal", |event| match event {
            LinkEvent::PairingCodeRefused { reason, retry_after } => Some((*reason, *retry_after)),
            LinkEvent::PairingCode { .. } => panic!("a code"),
            _ => None,
        })
        .await
    }

    /// What was said and not waited for.
    fn said(&mut self) -> &[LinkEvent] {
        while let Ok(event) = self.events.try_recv() {
            self.passed.push(event);
        }
        &self.passed
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_links_an_account_by_the_code_it_enters() {
    let world = World::new().await;
    let phone = world.network.phone(NUMBER);
    let account = world.account("shop").await;
    let mut line = world.open(&account).await;
    // Before there is a connection, and the QR codes go on beside it.
    line.link.request_pairing_code(NUMBER);
    let code = line.code().await;
    line.qr().await;
    assert_eq!(code.len(), 8);
    let device = phone.enter_code(&code).await.unwrap();
    let paired = line.until("the pairing", |event| match event {
        LinkEvent::Paired { identity } => Some(identity.clone()),
        _ => None,
    });
    assert_eq!(paired.await.jid.as_str(), phone.jid());
    line.up().await;
    assert_eq!(phone.devices(), [device]);
    assert!(
        !line.said().iter().any(|event| matches!(event, LinkEvent::PairingCodeRefused { .. })),
        "{:?}",
        line.passed
    );
    assert_eq!(line.losses(), [], "a pairing is no loss");
    // A linked account gets no code.
    line.link.request_pairing_code(NUMBER);
    assert_eq!(line.refused().await, (CodeRefusal::NotAvailable, None));
    line.link.close().await;
    assert_eq!(world.network.violations(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_refusal_of_a_code_is_told_with_its_reason() {
    let world = World::new().await;
    world.network.phone(NUMBER);
    let account = world.account("shop").await;
    let mut line = world.open(&account).await;
    line.qr().await;
    for (code, backoff, reason) in [
        (400, None, CodeRefusal::BadNumber),
        (400, Some(20), CodeRefusal::RateLimited),
        (429, Some(30), CodeRefusal::RateLimited),
        (403, None, CodeRefusal::NotAvailable),
        (452, None, CodeRefusal::NotAvailable),
        (500, None, CodeRefusal::Failed),
    ] {
        let fault = Fault::RefuseCodes { count: Some(1), code, backoff };
        world.network.inject(&Scope::account(NUMBER), &fault).unwrap();
        line.link.request_pairing_code(NUMBER);
        let after = backoff.map(|seconds| Duration::from_secs(seconds.into()));
        assert_eq!(line.refused().await, (reason, after), "{code}");
    }
    line.link.request_pairing_code("0812");
    assert_eq!(line.refused().await, (CodeRefusal::BadNumber, None));
    // A number that nobody has.
    line.link.request_pairing_code("6281999999999");
    assert_eq!(line.refused().await, (CodeRefusal::BadNumber, None));
    line.link.request_pairing_code(NUMBER);
    line.code().await;
    // The number is good, so it was asked for too often.
    let fault = Fault::RefuseCodes { count: Some(1), code: 400, backoff: None };
    world.network.inject(&Scope::account(NUMBER), &fault).unwrap();
    line.link.request_pairing_code(NUMBER);
    assert_eq!(line.refused().await, (CodeRefusal::RateLimited, None));
    line.link.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_code_at_a_time_and_none_after_it_was_taken_back() {
    let patient = Config { pairing_patience: Duration::from_secs(2), ..Config::default() };
    let world = World::with(patient, |_| {}).await;
    let phone = world.network.phone(NUMBER);
    let account = world.account("shop").await;
    let mut line = world.open(&account).await;
    line.link.request_pairing_code(NUMBER);
    let first = line.code().await;
    line.link.request_pairing_code(NUMBER);
    let second = line.code().await;
    assert_ne!(first, second);
    assert!(phone.enter_code(&first).await.is_err(), "the newer one counts");
    line.link.cancel_pairing_code();
    // Taken back, it links nothing; the QR code still does, the newest one.
    assert!(phone.enter_code(&second).await.is_err());
    let newest = |said: &[LinkEvent]| {
        said.iter().rev().find_map(|event| match event {
            LinkEvent::Qr { code, .. } => Some(code.0.clone()),
            _ => None,
        })
    };
    world.wait("a scan", async || phone.scan(&newest(line.said())?).await.ok()).await;
    line.up().await;
    assert!(
        !line.said().iter().any(|event| matches!(event, LinkEvent::PairingCodeRefused { .. })),
        "{:?}",
        line.passed
    );
    line.link.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_ends_with_its_connection_and_when_the_network_wants_another() {
    let world = World::new().await;
    let phone = world.network.phone(NUMBER);
    let account = world.account("shop").await;
    let mut line = world.open(&account).await;
    line.link.request_pairing_code(NUMBER);
    line.code().await;
    phone.refresh_code(true).unwrap();
    assert_eq!(line.refused().await, (CodeRefusal::Expired, None));
    line.link.request_pairing_code(NUMBER);
    let code = line.code().await;
    world.network.disconnect(&Scope::Network, Cut::Drop).unwrap();
    assert_eq!(line.refused().await, (CodeRefusal::NotConnected, None));
    assert_eq!(line.lost().await, DisconnectReason::ConnectionLost);
    assert_eq!(phone.enter_code(&code).await, Err(PairingError::NoCodeRequested));
    // The link is there again, and so is the next code.
    line.link.request_pairing_code(NUMBER);
    let code = line.code().await;
    phone.enter_code(&code).await.unwrap();
    line.up().await;
    line.link.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_demand_for_a_passkey_is_told() {
    let world = World::new().await;
    let phone = world.network.phone(NUMBER);
    phone.demand_passkey(true);
    let account = world.account("shop").await;
    let mut line = world.open(&account).await;
    let qr = line.qr().await;
    assert_eq!(phone.scan(&qr).await, Err(PairingError::PasskeyDemanded));
    line.until("the demand", |event| matches!(event, LinkEvent::PasskeyRequired).then_some(())).await;
    line.link.request_pairing_code(NUMBER);
    let code = line.code().await;
    assert_eq!(phone.enter_code(&code).await, Err(PairingError::PasskeyDemanded));
    line.until("the demand", |event| matches!(event, LinkEvent::PasskeyRequired).then_some(())).await;
    line.link.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_network_restricts_is_asked_for() {
    let world = World::with(Config::default(), |_| {}).await;
    let (_, mut line, _phone) = world.linked("shop", NUMBER).await;
    let said = async |line: &mut Line| {
        line.link.ask_restriction();
        line.until("an answer", |event| match event {
            LinkEvent::Restriction { active, until_ms } => Some((*active, *until_ms)),
            _ => None,
        })
        .await
    };
    assert_eq!(said(&mut line).await, (false, None));
    world.network.restrict(NUMBER, 463, Some(Duration::from_secs(3_600))).unwrap();
    let (active, until) = said(&mut line).await;
    let left = until.unwrap().saturating_sub(world.store.now_ms());
    assert!(active && (3_500_000..=3_600_000).contains(&left), "{left}");
    world.network.restrict(NUMBER, 475, None).unwrap();
    assert_eq!(said(&mut line).await, (true, None));
    world.network.lift_restriction(NUMBER).unwrap();
    assert_eq!(said(&mut line).await, (false, None));
    line.link.close().await;
    // Nobody is there to ask, and nobody waits for an answer.
    line.link.ask_restriction();
}
