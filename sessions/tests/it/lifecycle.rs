//! How links end and come back.

use std::time::Instant;

use wasup_sandbox::{Cut, Fault, Scope};
use wasup_sessions::ports::{DisconnectReason, EndReason};
use wasup_store::Durability;
use wasup_store::repo::account;

use crate::world::{PATIENCE, World};

const OURS: &str = "6281234567801";
const THEIRS: &str = "6281234567802";

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_before_a_reconnect_can_be_cut_short() {
    let world = World::new().await;
    let (_, mut line, _) = world.linked("shop", OURS).await;
    // Refused often enough, the library waits 3 s and more.
    world.network.inject(&Scope::Network, &Fault::RefuseConnections { count: 4 }).unwrap();
    world.network.disconnect(&Scope::account(OURS), Cut::Drop).unwrap();
    line.lost().await;
    let start = Instant::now();
    world
        .wait("the connection", async || {
            line.link.reconnect_now();
            line.link.is_connected().then_some(())
        })
        .await;
    // Uncut, the waits add up to 1 + 1 + 2 + 3 + 5 s less a tenth.
    assert!(start.elapsed().as_secs_f64() < 5.0, "{:?}", start.elapsed());
    line.link.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ends_of_a_link_have_their_reasons() {
    let world = World::new().await;
    let (_, mut line, _) = world.linked("shop", OURS).await;
    world.network.disconnect(&Scope::account(OURS), Cut::Replaced).unwrap();
    assert_eq!(line.ended().await, EndReason::Replaced);
    line.link.close().await;

    let (account, mut line, _) = world.linked("office", THEIRS).await;
    world.network.disconnect(&Scope::account(THEIRS), Cut::DeviceRemoved).unwrap();
    assert_eq!(line.ended().await, EndReason::LoggedOut);
    line.link.close().await;
    // The next login of a removed device is refused.
    let mut line = world.open(&account).await;
    assert_eq!(line.ended().await, EndReason::LoggedOut);
    line.link.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_incarnation_writes_nothing_and_ends() {
    let world = World::new().await;
    let (account, mut line, phone) = world.linked("shop", OURS).await;
    let device = phone.devices()[0];
    let id = account.id.clone();
    let newer = world.store.write(Durability::Durable, move |tx| account::take_over(tx, &id)).await;
    let newer = newer.unwrap_or_else(|error: wasup_store::StoreError| panic!("{error}")).unwrap();
    let sent = world.network.phone(THEIRS).send_text(OURS, "for the new one").await.unwrap();
    assert_eq!(line.ended().await, EndReason::Unexpected);
    line.link.close().await;
    assert!(world.messages(account.no).await.is_empty(), "the older one wrote");
    assert!(!world.network.acked_by(OURS, device).unwrap().contains(&sent), "the older one acknowledged");
    let mut line = world.open(&newer).await;
    line.connected().await;
    let stored = world.wait_messages(account.no, 1).await;
    assert_eq!(stored[0].1.provider_id, sent);
    world.network.wait_settled(OURS, device, PATIENCE).await.unwrap();
    line.link.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_accounts_connect_a_few_at_a_time() {
    let world = World::with(wasup_sandbox::Config::default(), |settings| settings.connects_in_flight = 2).await;
    let mut lines = Vec::new();
    for n in 0..8 {
        let account = world.account(&format!("shop-{n}")).await;
        lines.push((account.clone(), world.open(&account).await));
    }
    for (n, (_, line)) in lines.iter_mut().enumerate() {
        let code = line.qr().await;
        world.network.phone(&format!("628123456780{n}")).scan(&code).await.unwrap();
    }
    for (_, line) in &mut lines {
        line.connected().await;
        line.link.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_fell_silent_is_noticed() {
    let world = World::with(wasup_sandbox::Config::default(), |settings| {
        // Short for a test, yet long enough for a busy machine: a probe that is late ends a healthy connection.
        settings.keepalive_interval = std::time::Duration::from_secs(1);
        settings.query_timeout = std::time::Duration::from_secs(4);
    })
    .await;
    let (_, mut line, _) = world.linked("shop", OURS).await;
    world.network.inject(&Scope::account(OURS), &Fault::Silence).unwrap();
    assert_eq!(line.lost().await, DisconnectReason::TimedOut);
    world.network.heal(&Scope::account(OURS)).unwrap();
    line.connected().await;
    line.link.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_is_quick_and_final_in_every_state() {
    let world = World::new().await;
    let account = world.account("shop").await;
    // While dialing, while showing a code, and connected.
    world.network.inject(&Scope::Network, &Fault::Silence).unwrap();
    let line = world.open(&account).await;
    let start = Instant::now();
    line.link.close().await;
    assert!(start.elapsed().as_secs() < 5, "dialing: {:?}", start.elapsed());
    world.network.heal(&Scope::Network).unwrap();
    let mut line = world.open(&account).await;
    line.qr().await;
    let start = Instant::now();
    line.link.close().await;
    line.link.close().await;
    assert!(start.elapsed().as_secs() < 5, "showing a code: {:?}", start.elapsed());
    let (_, mut line, _) = world.linked("office", OURS).await;
    let start = Instant::now();
    line.link.close().await;
    assert!(start.elapsed().as_secs() < 5, "connected: {:?}", start.elapsed());
    // Whoever closed it hears nothing more, and nothing of it is left to say it.
    assert_eq!(line.events.recv().await, None);
}
