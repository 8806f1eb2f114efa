//! Every way a stream can end and a login can be refused, as the client tells them.

use crate::client::{Companion, SOON, network, paired};
use std::fmt::Debug;
use wacore::types::events::Event;
use wasup_sandbox::{Cut, Fault, Network, Phone, Scope};

async fn single() -> (Network, Phone, Companion) {
    let network = network().await;
    let own = network.phone("15550000001");
    let companion = paired(&network, &own).await;
    (network, own, companion)
}

/// What the client made of it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Seen {
    Replaced,
    LoggedOut { on_connect: bool },
    StreamError(String),
    Failure(i32),
    Banned { code: i32, seconds: i64 },
    Outdated,
}

fn seen(event: &Event) -> Option<Seen> {
    Some(match event {
        Event::StreamReplaced(_) => Seen::Replaced,
        Event::LoggedOut(out) => Seen::LoggedOut { on_connect: out.on_connect },
        Event::StreamError(error) => Seen::StreamError(error.code.clone()),
        Event::ConnectFailure(failure) => Seen::Failure(failure.reason.code()),
        Event::TemporaryBan(ban) => Seen::Banned { code: ban.code.code(), seconds: ban.expire.num_seconds() },
        Event::ClientOutdated(_) => Seen::Outdated,
        _ => return None,
    })
}

impl Companion {
    /// It tells this.
    async fn sees(&self, what: impl Debug, wanted: Seen) {
        let what = format!("{wanted:?} after {what:?}");
        self.event(&what, |event| seen(event).filter(|seen| *seen == wanted)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_that_end_so_come_back() {
    let error = |code: &str| Some(Seen::StreamError(code.to_owned()));
    let cuts = [
        (Cut::StreamError { code: 515 }, None),
        (Cut::StreamError { code: 503 }, None),
        (Cut::StreamError { code: 500 }, error("500")),
        (Cut::StreamError { code: 403 }, error("403")),
        (Cut::StreamError { code: 599 }, error("599")),
        (Cut::StreamEnd, None),
        (Cut::NotWellFormed, error("")),
        (Cut::OwedAck, error("")),
        (Cut::Unexplained, error("")),
    ];
    let network = network().await;
    // Each cut to a device of its own: the client waits longer after each end of a stream.
    let all = cuts.into_iter().enumerate().map(|(index, (cut, told))| comes_back(&network, index, cut, told));
    futures_util::future::join_all(all).await;
    assert_eq!(network.violations(), []);
}

async fn comes_back(network: &Network, index: usize, cut: Cut, told: Option<Seen>) {
    let own = network.phone(&format!("155500001{index:02}"));
    let companion = paired(network, &own).await;
    let logins = network.logins_of(own.number()).unwrap().logins;
    assert_eq!(network.disconnect(&Scope::account(own.number()), cut), Ok(1));
    if let Some(told) = told {
        companion.sees(cut, told).await;
    }
    network.wait_for_logins(own.number(), SOON, |counts| counts.logins > logins).await.unwrap();
    network.wait_connected(own.number(), SOON).await.unwrap();
    companion.connected().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_that_end_so_are_over() {
    let removed = Seen::LoggedOut { on_connect: false };
    let cuts = [
        (Cut::StreamError { code: 401 }, removed.clone()),
        (Cut::StreamError { code: 516 }, removed.clone()),
        (Cut::StreamError { code: 409 }, Seen::Replaced),
        (Cut::OtherConflict, removed),
    ];
    for (cut, told) in cuts {
        let (network, own, companion) = single().await;
        network.mark_logins();
        assert_eq!(network.disconnect(&Scope::device(own.number(), 1), cut), Ok(1));
        companion.sees(cut, told).await;
        network.wait_disconnected(own.number(), SOON).await.unwrap();
        assert_eq!(own.devices(), [1], "only a removed device is unlinked");
        // Nobody logs in until the client is started again, and then it can.
        assert_eq!(network.logins_since_mark(), []);
        let again = crate::client::start(&network, own.number(), companion.backend.clone()).await;
        again.connected().await;
        assert_eq!(network.logins_since_mark().len(), 1);
        again.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_requests_put_the_client_off() {
    let (network, own, _companion) = single().await;
    network.disconnect(&Scope::account(own.number()), Cut::StreamError { code: 429 }).unwrap();
    network.wait_disconnected(own.number(), SOON).await.unwrap();
    // Five steps of its back-off at once: a plain drop would be over after one second.
    let soon = std::time::Duration::from_secs(4);
    assert!(network.wait_connected(own.number(), soon).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn logins_are_refused_with_every_reason() {
    let (network, own, companion) = single().await;
    let scope = Scope::account(own.number());
    let ban = Some(Seen::Banned { code: 101, seconds: 3600 });
    let reasons = [
        (400, None),
        (401, Some(Seen::LoggedOut { on_connect: true })),
        (402, None),
        (402, ban),
        (403, Some(Seen::LoggedOut { on_connect: true })),
        (405, Some(Seen::Outdated)),
        (406, Some(Seen::LoggedOut { on_connect: true })),
        (409, None),
        (413, None),
        (414, None),
        (415, None),
        (418, None),
        (501, None),
        (599, None),
    ];
    let refused_times = reasons.len() as u64;
    let backend = companion.stop().await;
    let before = network.stats().logins_refused;
    for (reason, told) in reasons {
        let banned = matches!(told, Some(Seen::Banned { .. }));
        let refuse =
            Fault::RefuseLogins { count: Some(1), reason, code: banned.then_some(101), expire: banned.then_some(3600) };
        network.inject(&scope, &refuse).unwrap();
        let refused = crate::client::start(&network, own.number(), backend.clone()).await;
        refused.sees(reason, told.unwrap_or(Seen::Failure(i32::from(reason)))).await;
        refused.stop().await;
    }
    assert_eq!(network.stats().logins_refused - before, refused_times);
    let counts = network.logins_of(own.number()).unwrap();
    assert_eq!(counts.attempts - counts.logins, refused_times);
    assert_eq!(own.devices(), [1], "a refused device stays linked");
    let again = crate::client::start(&network, own.number(), backend).await;
    again.connected().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_is_refused_for_a_while_is_tried_again() {
    let network = network().await;
    tokio::join!(refused_for_a_while(&network, 500), refused_for_a_while(&network, 503));
    assert_eq!(network.violations(), []);
}

async fn refused_for_a_while(network: &Network, reason: u16) {
    let own = network.phone(&format!("15550000{reason}"));
    let companion = paired(network, &own).await;
    let scope = Scope::account(own.number());
    network.inject(&scope, &Fault::RefuseLogins { count: None, reason, code: None, expire: None }).unwrap();
    network.disconnect(&scope, Cut::Drop).unwrap();
    companion.sees(reason, Seen::Failure(i32::from(reason))).await;
    let refused_twice = |counts: &wasup_sandbox::NumberCounts| counts.attempts >= counts.logins + 2;
    network.wait_for_logins(own.number(), SOON, refused_twice).await.unwrap();
    network.heal(&scope).unwrap();
    network.wait_connected(own.number(), SOON).await.unwrap();
    companion.connected().await;
}
