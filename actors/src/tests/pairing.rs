use std::time::Duration;

use wasup_sessions::ports::{EndReason, LinkEvent};
use wasup_store::records::{Phase, Reason, UserAction};

use super::network::{Opens, identity};
use super::world::{World, account, me, until};
use crate::{Fault, QrAnswer};

const WAIT: Duration = Duration::from_secs(10);

impl World {
    async fn qr(&self, wait: Duration, known: Option<&str>) -> QrAnswer {
        self.tree().accounts.qr(&me(), &account("a"), wait, known).await.unwrap()
    }

    async fn code(&self, known: Option<&str>) -> String {
        match self.qr(WAIT, known).await {
            QrAnswer::Code { code, .. } => code.0,
            other => panic!("no code: {other:?}"),
        }
    }
}

async fn pairing() -> World {
    let mut world = World::new();
    world.network.opens(Opens::Qr);
    world.start().await;
    world.create(&["a"]).await;
    world
}

#[tokio::test]
async fn codes_come_one_after_the_other_until_the_phone_has_linked() {
    let world = pairing().await;
    let first = world.code(None).await;
    assert_eq!(world.code(None).await, first, "it is on show until the next one");
    let link = world.network.last(world.no("a").await);
    let (next, ()) = tokio::join!(world.code(Some(&first)), async { link.show_code() });
    assert_ne!(next, first);
    let state = world.get("a").await.state;
    assert_eq!((state.phase, state.reason, state.user_action), (Phase::Pairing, Reason::NotLinked, UserAction::ScanQr));
    link.tell(LinkEvent::PairingStarted);
    until("the phone has the word", async || {
        matches!(world.qr(Duration::ZERO, None).await, QrAnswer::NotNeeded(_)).then_some(())
    })
    .await;
    link.tell(LinkEvent::Paired { identity: identity() });
    link.connect();
    let record = world.phase("a", Phase::Connected).await;
    assert_eq!((record.state.reason, record.identity), (Reason::Linked, Some(identity())));
    assert!(matches!(world.qr(WAIT, None).await, QrAnswer::NotNeeded(state) if state.phase == Phase::Connected));
}

#[tokio::test]
async fn unseen_rounds_end_and_asking_for_a_code_begins_anew() {
    let world = pairing().await;
    let no = world.no("a").await;
    for round in 1..=5 {
        let link = until("the round begins", async || {
            let links = world.network.links(no);
            links.last().cloned().filter(|link| links.len() == round && link.is_open())
        })
        .await;
        world.phase("a", Phase::Pairing).await;
        link.tell(LinkEvent::QrExhausted);
    }
    let record = world.phase("a", Phase::Stopped).await;
    assert_eq!((record.state.reason, record.state.user_action), (Reason::QrExpired, UserAction::ScanQr));
    until("the last link is closed", async || (!world.network.last(no).is_open()).then_some(())).await;
    world.code(None).await;
    assert_eq!(world.network.links(no).len(), 6);
    world.phase("a", Phase::Pairing).await;
}

#[tokio::test]
async fn nobody_gets_a_code_of_an_account_that_is_to_stand_still() {
    let world = pairing().await;
    world.code(None).await;
    let stopped = world.tree().accounts.stop(&me(), &account("a")).await.unwrap();
    assert_eq!(stopped.state.phase, Phase::Stopped);
    assert!(matches!(world.qr(WAIT, None).await, QrAnswer::NotNeeded(state) if state.phase == Phase::Stopped));
}

#[tokio::test]
async fn a_pairing_that_a_restart_cut_off_says_what_to_do() {
    for crash in [false, true] {
        let mut world = pairing().await;
        world.code(None).await;
        world.network.last(world.no("a").await).tell(LinkEvent::PairingStarted);
        until("the phone has the word", async || (world.get("a").await.state.reason == Reason::Linked).then_some(()))
            .await;
        if crash {
            world.tree().accounts.strike_for_test(&account("a"), Fault::Panic).await.unwrap();
        } else {
            world.restart().await;
        }
        let state = until("it is interrupted", async || {
            let state = world.get("a").await.state;
            (state.phase == Phase::Pairing && state.reason == Reason::PairingInterrupted).then_some(state)
        })
        .await;
        assert_eq!(state.user_action, UserAction::OpenPhone);
        world.code(None).await;
    }
}

#[tokio::test]
async fn the_ends_of_a_link_are_states_and_not_crashes() {
    let world = World::running().await;
    world.connected(&["replaced", "banned", "outdated", "refused"]).await;
    for (id, reason, phase) in [
        ("replaced", EndReason::Replaced, Phase::Replaced),
        ("banned", EndReason::Banned { until_ms: None }, Phase::Banned),
        ("outdated", EndReason::Outdated, Phase::Outdated),
        ("refused", EndReason::Refused { code: 418 }, Phase::Stopped),
    ] {
        let link = world.network.last(world.no(id).await);
        link.end(reason);
        world.phase(id, phase).await;
        until("its link is closed", async || (!link.is_open()).then_some(())).await;
        assert!(world.states(id).await.iter().all(|(phase, _)| *phase != Phase::BackingOff), "{id}");
    }
}

#[tokio::test]
async fn a_ban_with_an_end_is_followed_by_a_start() {
    let world = World::running().await;
    world.connected(&["a"]).await;
    let no = world.no("a").await;
    let until_ms = world.store.now_ms() + 300;
    world.network.last(no).end(EndReason::Banned { until_ms: Some(until_ms) });
    let banned = world.phase("a", Phase::Banned).await;
    assert_eq!(banned.state.retry_at_ms, Some(until_ms));
    world.phase("a", Phase::Connected).await;
    assert!(world.store.now_ms() >= until_ms);
    assert_eq!(world.network.links(no).len(), 2);
}
