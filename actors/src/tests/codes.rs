//! Linking an account by a code.

use std::sync::atomic::Ordering;
use std::time::Duration;

use wasup_sessions::ports::{CodeRefusal, DisconnectReason, EndReason, LinkEvent};
use wasup_store::records::{Desired, Phase, Reason, UserAction};

use super::network::{CodeAnswer, Opens, identity};
use super::world::{World, account, me, until};
use crate::{Fault, PairingCodeAnswer};

const WAIT: Duration = Duration::from_secs(10);
const PHONE: &str = "628111";

impl World {
    async fn pair(&self, phone: &str, wait: Duration) -> PairingCodeAnswer {
        self.tree().accounts.pairing_code(&me(), &account("a"), phone, wait).await.unwrap()
    }

    async fn pairing_code(&self, phone: &str) -> String {
        match self.pair(phone, WAIT).await {
            PairingCodeAnswer::Code { code, .. } => code.0,
            other => panic!("no code: {other:?}"),
        }
    }

    async fn is(&self, phase: Phase, reason: Reason, action: UserAction) {
        until(&format!("it is {phase:?}/{reason:?}/{action:?}"), async || {
            let state = self.get("a").await.state;
            ((state.phase, state.reason, state.user_action) == (phase, reason, action)).then_some(())
        })
        .await;
    }
}

async fn pairing() -> World {
    let mut world = World::new();
    world.network.opens(Opens::Qr);
    world.settings.accounts.pairing_timeout = Duration::from_secs(600);
    world.start().await;
    world.create(&["a"]).await;
    world
}

#[tokio::test]
async fn a_code_is_shown_until_the_phone_has_linked() {
    let world = pairing().await;
    let code = world.pairing_code(PHONE).await;
    world.is(Phase::Pairing, Reason::NotLinked, UserAction::EnterCode).await;
    assert_eq!(world.pairing_code(PHONE).await, code, "asking again shows the one that is on show");
    let link = world.network.last(world.no("a").await);
    link.show_code();
    link.tell(LinkEvent::PairingStarted);
    world.is(Phase::Pairing, Reason::Linked, UserAction::Wait).await;
    assert!(matches!(world.pair(PHONE, Duration::ZERO).await, PairingCodeAnswer::NotNeeded(_)));
    link.tell(LinkEvent::Paired { identity: identity() });
    link.connect();
    world.phase("a", Phase::Connected).await;
    assert!(
        matches!(world.pair(PHONE, WAIT).await, PairingCodeAnswer::NotNeeded(state) if state.phase == Phase::Connected)
    );
    assert_eq!(world.network.codes_asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn another_number_gets_another_code() {
    let world = pairing().await;
    let first = world.pairing_code(PHONE).await;
    let second = world.pairing_code("628222").await;
    assert!(first.starts_with("628111-") && second.starts_with("628222-"));
}

#[tokio::test]
async fn asking_for_a_code_starts_an_account_that_stands_still() {
    let world = pairing().await;
    let accounts = &world.tree().accounts;
    accounts.stop(&me(), &account("a")).await.unwrap();
    world.pairing_code(PHONE).await;
    assert_eq!(world.get("a").await.desired, Desired::Running);
    // Also one that was logged out.
    accounts.log_out(&me(), &account("a")).await.unwrap();
    world.pairing_code("628333").await;
}

#[tokio::test]
async fn a_refusal_says_why_and_when_to_ask_again() {
    let world = pairing().await;
    let later = Some(Duration::from_secs(300));
    world.network.answers_codes(CodeAnswer::Refuse(CodeRefusal::RateLimited, later));
    let refused = PairingCodeAnswer::Refused { reason: CodeRefusal::RateLimited, retry_after: later };
    assert_eq!(world.pair(PHONE, WAIT).await, refused);
    world.is(Phase::Pairing, Reason::CodeRefused, UserAction::ScanQr).await;
    // The number is to blame, not the account.
    world.network.answers_codes(CodeAnswer::Code(WAIT));
    world.pairing_code(PHONE).await;
    world.network.answers_codes(CodeAnswer::Refuse(CodeRefusal::BadNumber, None));
    let refused = PairingCodeAnswer::Refused { reason: CodeRefusal::BadNumber, retry_after: None };
    assert_eq!(world.pair("1", WAIT).await, refused);
    assert_ne!(world.get("a").await.state.reason, Reason::CodeRefused);
}

#[tokio::test]
async fn a_wish_waits_for_a_connection() {
    let world = pairing().await;
    world.phase("a", Phase::Pairing).await;
    world.network.answers_codes(CodeAnswer::Refuse(CodeRefusal::NotConnected, None));
    let tree = world.tree().accounts.clone();
    let asked = tokio::spawn(async move { tree.pairing_code(&me(), &account("a"), PHONE, WAIT).await });
    until("it was asked", async || (world.network.codes_asked.load(Ordering::SeqCst) > 0).then_some(())).await;
    world.network.answers_codes(CodeAnswer::Code(WAIT));
    let link = world.network.last(world.no("a").await);
    link.show_code();
    assert!(matches!(asked.await.unwrap().unwrap(), PairingCodeAnswer::Code { .. }));
}

#[tokio::test]
async fn a_code_that_nobody_enters_expires() {
    let world = pairing().await;
    world.network.answers_codes(CodeAnswer::Code(Duration::from_millis(80)));
    world.pairing_code(PHONE).await;
    world.is(Phase::Pairing, Reason::CodeExpired, UserAction::ScanQr).await;
    assert_eq!(world.network.codes_cancelled.load(Ordering::SeqCst), 1);
    // QR codes go on, and so does what it says.
    world.network.last(world.no("a").await).show_code();
    world.network.answers_codes(CodeAnswer::Code(WAIT));
    world.pairing_code(PHONE).await;
    world.is(Phase::Pairing, Reason::NotLinked, UserAction::EnterCode).await;
}

#[tokio::test]
async fn a_pairing_that_was_given_up_stands_still_and_can_begin_anew() {
    let world = pairing().await;
    world.pairing_code(PHONE).await;
    let link = world.network.last(world.no("a").await);
    let record = world.tree().accounts.cancel_pairing(&me(), &account("a")).await.unwrap();
    assert_eq!((record.state.phase, record.state.reason), (Phase::Stopped, Reason::PairingCancelled));
    assert!(!link.is_open());
    world.pairing_code(PHONE).await;
    assert_eq!(world.network.links(record.no).len(), 2);
}

#[tokio::test]
async fn a_phone_that_does_not_finish_gets_new_codes() {
    let mut world = World::new();
    world.network.opens(Opens::Qr);
    world.settings.accounts.pairing_timeout = Duration::from_millis(100);
    world.start().await;
    world.create(&["a"]).await;
    world.phase("a", Phase::Pairing).await;
    let no = world.no("a").await;
    world.network.last(no).tell(LinkEvent::PairingStarted);
    until("it has a new link", async || (world.network.links(no).len() == 2).then_some(())).await;
    world.is(Phase::Pairing, Reason::PairingTimedOut, UserAction::ScanQr).await;
    assert!(world.states("a").await.iter().all(|(phase, _)| *phase != Phase::BackingOff), "it is no crash");
    world.pairing_code(PHONE).await;
    assert_eq!(world.network.overlaps.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_code_in_the_middle_of_a_crash_is_asked_anew() {
    let world = pairing().await;
    let code = world.pairing_code(PHONE).await;
    world.strike("a", Fault::Panic).await;
    until("it has a new link", async || (world.network.links(world.no("a").await).len() == 2).then_some(())).await;
    assert_ne!(world.pairing_code(PHONE).await, code);
}

#[tokio::test]
async fn a_phone_that_asks_for_a_passkey_is_said_so() {
    let world = pairing().await;
    world.pairing_code(PHONE).await;
    let link = world.network.last(world.no("a").await);
    link.tell(LinkEvent::PasskeyRequired);
    world.is(Phase::Pairing, Reason::PasskeyRequired, UserAction::ConfirmPasskey).await;
    link.show_code();
    assert!(matches!(world.pair(PHONE, Duration::ZERO).await, PairingCodeAnswer::NotNeeded(_)));
    link.tell(LinkEvent::Paired { identity: identity() });
    link.connect();
    world.phase("a", Phase::Connected).await;
}

#[tokio::test]
async fn who_can_not_have_a_code_is_told_the_state() {
    let world = World::running().await;
    world.connected(&["a"]).await;
    world.network.last(world.no("a").await).end(EndReason::Replaced);
    world.phase("a", Phase::Replaced).await;
    assert!(
        matches!(world.pair(PHONE, WAIT).await, PairingCodeAnswer::NotNeeded(state) if state.phase == Phase::Replaced)
    );
}

#[tokio::test]
async fn a_lost_way_to_the_network_is_said_while_pairing() {
    let world = pairing().await;
    world.pairing_code(PHONE).await;
    let link = world.network.last(world.no("a").await);
    link.lose(DisconnectReason::ProxyFailed);
    world.is(Phase::Connecting, Reason::ProxyFailed, UserAction::CheckProxy).await;
    link.show_code();
    world.is(Phase::Pairing, Reason::NotLinked, UserAction::ScanQr).await;
}
