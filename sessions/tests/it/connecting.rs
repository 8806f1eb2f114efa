//! Connections that can not be made, and the order in which they are.

use std::time::Duration;

use tokio::net::TcpListener;
use wasup_sandbox::{Config, Fault, Scope};
use wasup_sessions::link::LinkSettings;
use wasup_sessions::ports::{DisconnectReason, LinkEvent};

use crate::world::World;

/// A world whose links go to an address where something else is, or nothing.
async fn world_to(address: std::net::SocketAddr, change: impl FnOnce(&mut LinkSettings)) -> World {
    World::with(Config::default(), |settings| {
        settings.url = Some(format!("ws://{address}/ws/chat"));
        change(settings);
    })
    .await
}

/// Waits until so many dials were tried, each as soon as the link can.
async fn dials(world: &World, line: &crate::world::Line, count: u64) {
    world
        .wait("dials", async || {
            line.link.reconnect_now();
            (world.links.stats().connects_granted >= count).then_some(())
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_is_not_there_is_told_once() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let world = world_to(listener.local_addr().unwrap(), |_| {}).await;
    drop(listener);
    let account = world.account("shop").await;
    let mut line = world.open(&account).await;
    assert_eq!(line.lost().await, DisconnectReason::Unreachable);
    dials(&world, &line, 4).await;
    assert_eq!(line.losses(), [], "not once for each try");
    line.link.close().await;
    assert_eq!(world.links.stats().connects_in_flight, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_says_nothing_times_out() {
    // It takes connections and says nothing.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let limit = Duration::from_millis(300);
    let world = world_to(listener.local_addr().unwrap(), |settings| settings.connect_timeout = limit).await;
    let account = world.account("shop").await;
    let mut line = world.open(&account).await;
    assert_eq!(line.lost().await, DisconnectReason::TimedOut);
    // ... and a change of the reason is told.
    drop(listener);
    dials(&world, &line, 3).await;
    assert_eq!(line.lost().await, DisconnectReason::Unreachable);
    assert_eq!(line.losses(), []);
    line.link.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_closes_every_connection_is_told_once() {
    let world = World::new().await;
    world.network.inject(&Scope::Network, &Fault::RefuseConnections { count: 3 }).unwrap();
    let account = world.account("shop").await;
    let mut line = world.open(&account).await;
    let reason = line.lost().await;
    assert!(matches!(reason, DisconnectReason::Unreachable | DisconnectReason::ConnectionLost), "{reason:?}");
    dials(&world, &line, 3).await;
    assert_eq!(line.losses(), [], "told once");
    line.qr().await;
    line.link.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_waits_for_its_turn_is_not_lost() {
    let world = World::with(Config::default(), |settings| settings.connects_in_flight = 1).await;
    world.network.inject(&Scope::Network, &Fault::Silence).unwrap();
    let (first, second) = (world.account("first").await, world.account("second").await);
    let first = world.open(&first).await;
    world.wait("a dial", async || (world.links.stats().connects_in_flight == 1).then_some(())).await;
    let mut second = world.open(&second).await;
    world.wait("one who waits", async || (world.links.stats().connects_waiting == 1).then_some(())).await;
    assert_eq!(second.losses(), []);
    // The permit of a link that is closed is free at once.
    first.link.close().await;
    world.network.heal(&Scope::Network).unwrap();
    second.qr().await;
    assert_eq!(second.losses(), []);
    second.link.close().await;
    let stats = world.links.stats();
    assert_eq!((stats.connects_in_flight, stats.connects_waiting, stats.connects_refused), (0, 0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_begin_in_a_minute_than_may_and_urgent_ones_are_first() {
    let world = World::with(Config::default(), |settings| {
        (settings.connects_per_minute, settings.connects_in_flight) = (4, 1);
    })
    .await;
    // The first holds the only place until all have come.
    world.network.inject(&Scope::Network, &Fault::Silence).unwrap();
    let account = world.account("first").await;
    let first = world.open(&account).await;
    world.wait("a dial", async || (world.links.stats().connects_in_flight == 1).then_some(())).await;
    let mut lines = Vec::new();
    for n in 0..6 {
        let account = world.account(&format!("shop-{n}")).await;
        lines.push(world.open_as(&account, |target| target.urgent = n >= 4).await);
        world.wait("it to wait", async || (world.links.stats().connects_waiting == n + 1).then_some(())).await;
    }
    world.network.heal(&Scope::Network).unwrap();
    first.link.close().await;
    // One of the four is used up; the two urgent ones and the first of the others get the rest.
    for n in [4, 5, 0] {
        lines[n].qr().await;
    }
    let stats = world.links.stats();
    assert_eq!((stats.connects_granted, stats.connects_waiting), (4, 3));
    for n in [1, 2, 3] {
        assert!(lines[n].events.try_recv().is_err());
    }
    for line in lines {
        line.link.close().await;
    }
    assert_eq!(world.links.stats().connects_waiting, 0);
}

/// Opened and closed at every stage, again and again: whatever a link held is given back.
#[tokio::test(flavor = "multi_thread")]
async fn links_that_come_and_go_leave_nothing_behind() {
    let world = World::new().await;
    let (linked, line, _phone) = world.linked("linked", "6281234567801").await;
    line.link.close().await;
    let fresh = world.account("fresh").await;
    let runtime = tokio::runtime::Handle::current().metrics();
    let descriptors = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    // What is made once for the process is there after the first round.
    let mut before = (0, 0);
    for round in 0..100_usize {
        if round == 5 {
            world.wait("quiet", async || (world.network.live() == 0).then_some(())).await;
            before = (runtime.num_alive_tasks(), descriptors());
        }
        let mut line = world.open(&linked).await;
        match round % 3 {
            0 => line.connected().await,
            1 => tokio::time::sleep(Duration::from_millis(round as u64 % 20)).await,
            _ => {}
        }
        line.link.close().await;
        let mut line = world.open(&fresh).await;
        if round % 2 == 0 {
            line.qr().await;
            line.link.request_pairing_code("6281234567809");
        }
        line.link.close().await;
        assert_eq!(line.events.recv().await, None, "somebody could still say something");
    }
    let (tasks, files) = before;
    world
        .wait("tasks and descriptors to go", async || {
            (runtime.num_alive_tasks() <= tasks && descriptors() <= files).then_some(())
        })
        .await;
    let stats = world.links.stats();
    assert_eq!((stats.connects_in_flight, stats.connects_waiting), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_words_of_an_account_that_can_not_connect_are_its_reason() {
    let world = World::with(Config::default(), |settings| settings.login_step = Duration::from_secs(1)).await;
    world.network.inject(&Scope::Network, &Fault::Silence).unwrap();
    let account = world.account("shop").await;
    let mut line = world.open_as(&account, |target| target.urgent = true).await;
    let first = line.until("a word", |event| Some(event.clone())).await;
    assert_eq!(first, LinkEvent::Disconnected { reason: DisconnectReason::TimedOut });
    world.network.heal(&Scope::Network).unwrap();
    line.qr().await;
    line.link.close().await;
}
