//! Every way a network can end a stream or refuse a login, as the link tells it.

use std::time::Duration;

use futures_util::future::join_all;
use wasup_sandbox::{Config, Cut, Fault, Scope};
use wasup_sessions::ports::{DisconnectReason, EndReason};

use crate::world::World;

/// A number for each account of a test.
fn number(n: usize) -> String {
    format!("62812345678{n:02}")
}

/// Short for a test, yet long enough for a busy machine.
async fn world() -> World {
    World::with(Config::default(), |settings| {
        settings.login_step = Duration::from_secs(4);
        settings.stream_error_grace = Duration::from_secs(1);
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_is_ended_is_told_with_its_reason_and_comes_back() {
    use DisconnectReason as Lost;
    let world = world().await;
    let error = |code| Cut::StreamError { code };
    let table = [
        (Cut::Drop, Lost::ConnectionLost),
        (Cut::StreamEnd, Lost::ConnectionLost),
        (error(515), Lost::StreamRestart),
        (Cut::Restart, Lost::StreamRestart),
        (error(503), Lost::ServiceUnavailable),
        (error(403), Lost::StreamError),
        (error(500), Lost::StreamError),
        (error(599), Lost::StreamError),
        (Cut::NotWellFormed, Lost::StreamError),
        (Cut::Unexplained, Lost::StreamError),
        (Cut::OwedAck, Lost::StreamError),
    ];
    let world = &world;
    join_all(table.into_iter().enumerate().map(async |(n, (cut, reason))| {
        let (_, mut line, _phone) = world.linked(&format!("shop-{n}"), &number(n)).await;
        assert_eq!(line.losses(), [], "{cut:?}: a pairing is no loss");
        world.network.disconnect(&Scope::account(number(n)), cut).unwrap();
        assert_eq!(line.lost().await, reason, "{cut:?}");
        line.connected().await;
        assert_eq!(line.losses(), [], "{cut:?} is told once");
        line.link.close().await;
    }))
    .await;
    assert_eq!(world.network.violations(), []);
}

/// The library waits for this one for at least 10 s.
#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_wants_fewer_requests_gets_a_long_wait() {
    let world = world().await;
    let (_, mut line, _phone) = world.linked("shop", &number(0)).await;
    world.network.disconnect(&Scope::account(number(0)), Cut::StreamError { code: 429 }).unwrap();
    let start = tokio::time::Instant::now();
    assert_eq!(line.lost().await, DisconnectReason::RateLimited);
    assert!(start.elapsed() < Duration::from_secs(2), "told when it happens: {:?}", start.elapsed());
    line.connected().await;
    assert!(start.elapsed() > Duration::from_secs(4), "{:?}", start.elapsed());
    line.link.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_is_over_for_good_ends_the_link() {
    let world = world().await;
    let error = |code| Cut::StreamError { code };
    let table = [
        (Cut::Replaced, EndReason::Replaced),
        (error(409), EndReason::Replaced),
        (Cut::DeviceRemoved, EndReason::LoggedOut),
        (Cut::OtherConflict, EndReason::LoggedOut),
        (error(401), EndReason::LoggedOut),
        (error(516), EndReason::LoggedOut),
    ];
    for (n, (cut, reason)) in table.into_iter().enumerate() {
        let (account, mut line, _phone) = world.linked(&format!("shop-{n}"), &number(n)).await;
        world.network.disconnect(&Scope::account(number(n)), cut).unwrap();
        assert_eq!(line.ended().await, reason, "{cut:?}");
        assert_eq!(line.losses(), [], "{cut:?}: nothing is said of the connection");
        assert!(!line.link.is_connected());
        line.link.close().await;
        // Of a removed device, the next login is refused; whatever else was said, the network takes the device.
        let mut line = world.open(&account).await;
        match cut {
            Cut::DeviceRemoved => assert_eq!(line.ended().await, EndReason::LoggedOut),
            _ => line.connected().await,
        }
        line.link.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_login_ends_the_link_with_its_reason() {
    let world = world().await;
    let (account, line, _phone) = world.linked("shop", &number(0)).await;
    line.link.close().await;
    let scope = Scope::account(number(0));
    let refused = |code| EndReason::Refused { code };
    for (reason, expected) in [
        (400, refused(400)),
        (401, EndReason::LoggedOut),
        (402, EndReason::Banned { until_ms: None }),
        (403, EndReason::Locked),
        (405, EndReason::Outdated),
        (406, EndReason::LoggedOut),
        (409, EndReason::Outdated),
        (413, refused(413)),
        (414, refused(414)),
        (415, refused(415)),
        (418, EndReason::Outdated),
        (429, refused(429)),
        (501, refused(501)),
        (777, refused(777)),
    ] {
        let fault = Fault::RefuseLogins { count: Some(1), reason, code: None, expire: None };
        world.network.inject(&scope, &fault).unwrap();
        let mut line = world.open(&account).await;
        assert_eq!(line.ended().await, expected, "{reason}");
        assert_eq!(line.losses(), [], "{reason}");
        line.link.close().await;
    }
    let before = world.store.now_ms();
    let fault = Fault::RefuseLogins { count: Some(1), reason: 402, code: Some(101), expire: Some(3_600) };
    world.network.inject(&scope, &fault).unwrap();
    let mut line = world.open(&account).await;
    let EndReason::Banned { until_ms: Some(until) } = line.ended().await else { panic!("a ban has its term") };
    let term = until - before;
    assert!((3_600_000..3_630_000).contains(&term), "{term}");
    line.link.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_fails_for_the_moment_is_told_once_and_tried_again() {
    let world = world().await;
    let (account, line, _phone) = world.linked("shop", &number(0)).await;
    line.link.close().await;
    for reason in [500, 503] {
        let fault = Fault::RefuseLogins { count: Some(2), reason, code: None, expire: None };
        world.network.inject(&Scope::account(number(0)), &fault).unwrap();
        let mut line = world.open(&account).await;
        assert_eq!(line.lost().await, DisconnectReason::ServiceUnavailable, "{reason}");
        line.connected().await;
        assert_eq!(line.losses(), [], "{reason} is told once");
        line.link.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_without_an_answer_is_cut_and_told() {
    let world = world().await;
    let (account, line, _phone) = world.linked("shop", &number(0)).await;
    line.link.close().await;
    let scope = Scope::account(number(0));
    world.network.inject(&scope, &Fault::Silence).unwrap();
    let mut line = world.open(&account).await;
    assert_eq!(line.lost().await, DisconnectReason::TimedOut);
    world.network.heal(&scope).unwrap();
    line.connected().await;
    assert_eq!(line.losses(), []);
    line.link.close().await;
}
