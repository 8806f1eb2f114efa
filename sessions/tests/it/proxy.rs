//! Links through a proxy: all of it goes there, and nothing goes anywhere else.

use std::sync::atomic::Ordering;

use tokio::net::TcpListener;
use wasup_sandbox::{Config, Cut, Scope};
use wasup_sessions::ports::DisconnectReason;
use wasup_store::records::{AccountRecord, ProxyAddress};

use crate::little_proxies::{LittleProxy, Speaks};
use crate::world::{Line, PATIENCE, World, text};

const OURS: &str = "6281234567801";
const THEIRS: &str = "6281234567802";

/// A user and a password that every part of an address has to be escaped for.
const CREDENTIALS: (&str, &str) = ("us@er", "p:a/ss");

async fn through(world: &World, account: &AccountRecord, proxy: &str) -> Line {
    world.open_as(account, |target| target.proxy = Some(ProxyAddress(proxy.into()))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_byte_of_a_link_goes_through_its_proxy() {
    for (scheme, speaks, named) in
        [("http", Speaks::Http, true), ("socks5h", Speaks::Socks5, true), ("socks5", Speaks::Socks5, false)]
    {
        // By name, so that it shows who resolves it.
        let world = World::with(Config::default(), |settings| {
            settings.url = settings.url.as_ref().map(|url| url.replace("127.0.0.1", "localhost"));
        })
        .await;
        let proxy = LittleProxy::start(speaks, Some(CREDENTIALS)).await;
        let account = world.account("shop").await;
        let address = format!("{scheme}://us%40er:p%3Aa%2Fss@{}", proxy.at);
        let mut line = through(&world, &account, &address).await;
        let phone = world.network.phone(OURS);
        phone.scan(&line.qr().await).await.unwrap();
        line.up().await;
        let peer = world.network.phone(THEIRS);
        line.send(&text(account.no, THEIRS, "hello", 1)).await;
        peer.wait_for_text("hello", PATIENCE).await.unwrap();
        world.network.disconnect(&Scope::account(OURS), Cut::Drop).unwrap();
        assert_eq!(line.lost().await, DisconnectReason::ConnectionLost, "{scheme}");
        line.connected().await;
        line.link.close().await;
        world.wait("the tunnels to end", async || (world.network.live() == 0).then_some(())).await;

        // The network saw as many connections as the proxy made: none came another way.
        let seen = usize::try_from(world.network.connects().opened).unwrap();
        assert_eq!((proxy.tunnels(), seen >= 3), (seen, true), "{scheme}");
        world.wait("the bytes", async || (proxy.saw.bytes.load(Ordering::SeqCst) > 10_000).then_some(())).await;
        let port = world.network.address().port();
        let host = if named { "localhost" } else { "127.0.0.1" };
        let targets = proxy.saw.targets.lock().unwrap();
        assert!(targets.iter().all(|target| *target == format!("{host}:{port}")), "{scheme}: {targets:?}");
        assert_eq!(proxy.saw.refused.load(Ordering::SeqCst), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_fails_is_told_and_gone_around_by_nothing() {
    let world = World::new().await;
    let dead = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (strict, refusing) = (
        LittleProxy::start(Speaks::Socks5, Some(CREDENTIALS)).await,
        LittleProxy::start_with(Speaks::Socks5, None, false).await,
    );
    let (strict_http, refusing_http) = (
        LittleProxy::start(Speaks::Http, Some(CREDENTIALS)).await,
        LittleProxy::start_with(Speaks::Http, None, false).await,
    );
    let addresses = [
        format!("http://{dead}"),
        format!("socks5h://{dead}"),
        format!("socks5://u:wrong@{}", strict.at),
        format!("socks5h://{}", strict.at),
        format!("socks5h://{}", refusing.at),
        format!("http://us%40er:wrong@{}", strict_http.at),
        format!("http://{}", refusing_http.at),
        // No proxy of its kind.
        format!("socks5://{}", strict_http.at),
        format!("https://{}", strict_http.at),
    ];
    for (n, address) in addresses.iter().enumerate() {
        let account = world.account(&format!("shop-{n}")).await;
        let mut line = through(&world, &account, address).await;
        assert_eq!(line.lost().await, DisconnectReason::ProxyFailed, "{address}");
        line.link.close().await;
    }
    let refused = |proxy: &LittleProxy| proxy.saw.refused.load(Ordering::SeqCst);
    assert!([&strict, &refusing, &strict_http, &refusing_http].into_iter().all(|proxy| refused(proxy) > 0));

    // One that takes connections and says nothing.
    let short = World::with(Config::default(), |settings| {
        settings.connect_timeout = std::time::Duration::from_millis(300);
        settings.url = Some(world.network.url());
    })
    .await;
    let account = short.account("shop").await;
    let mut line = through(&short, &account, &format!("http://{}", silent.local_addr().unwrap())).await;
    assert_eq!(line.lost().await, DisconnectReason::ProxyFailed);
    line.link.close().await;
    assert_eq!(world.network.connects().opened, 0, "somebody went around the proxy");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_comes_back_is_used_again() {
    let world = World::new().await;
    let proxy = LittleProxy::start(Speaks::Http, None).await;
    let at = proxy.at;
    let (account, line, _phone) = world.linked("shop", OURS).await;
    line.link.close().await;
    drop(proxy);
    let mut line = through(&world, &account, &format!("http://{at}")).await;
    assert_eq!(line.lost().await, DisconnectReason::ProxyFailed);
    let listener = world.wait("the port", async || TcpListener::bind(at).await.ok()).await;
    drop(listener);
    let proxy = LittleProxy::start_at(at, Speaks::Http).await;
    line.link.reconnect_now();
    line.connected().await;
    assert!(proxy.tunnels() > 0);
    assert_eq!(line.losses(), []);
    line.link.close().await;
}
