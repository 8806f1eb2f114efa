//! The certificate rule: a build that skips the signatures of the server's certificate talks to this machine only.

use tokio::sync::mpsc;
use wasup_sandbox::Config;
use wasup_sessions::ports::{LinkError, LinkFactory};
use wasup_store::Watermark;
use wasup_store::records::ProxyAddress;

use crate::world::{World, target};

#[tokio::test(flavor = "multi_thread")]
async fn no_address_but_loopback_is_connected_to() {
    for url in [
        None,
        Some("wss://web.whatsapp.com/ws/chat"),
        Some("ws://192.0.2.1:7000/ws/chat"),
        Some("ws://[2001:db8::1]:7000/ws/chat"),
        Some("ws://0.0.0.0:7000/ws/chat"),
    ] {
        let world = World::with(Config::default(), |settings| settings.url = url.map(Into::into)).await;
        let account = world.account("shop").await;
        let target = target(&account, Watermark::default());
        let refused = world.links.open(target, mpsc::channel(8).0).await.err();
        assert!(matches!(refused, Some(LinkError::NotLoopback)), "{url:?}: {refused:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_none_is_named_as_such() {
    for url in ["", "nonsense", "http://127.0.0.1:7000/", "ws://"] {
        let world = World::with(Config::default(), |settings| settings.url = Some(url.into())).await;
        let account = world.account("shop").await;
        let target = target(&account, Watermark::default());
        let refused = world.links.open(target, mpsc::channel(8).0).await.err();
        assert!(matches!(refused, Some(LinkError::BadAddress(_))), "{url:?}: {refused:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_proxy_but_one_on_loopback_is_gone_through() {
    let world = World::new().await;
    let account = world.account("shop").await;
    for (proxy, allowed) in [
        ("http://127.0.0.1:9", true),
        ("socks5h://localhost:9", true),
        ("http://192.0.2.1:3128", false),
        ("socks5://10.0.0.1", false),
        ("socks5h://proxy.invalid", false),
    ] {
        let mut target = target(&account, Watermark::default());
        target.proxy = Some(ProxyAddress(proxy.into()));
        match world.links.open(target, mpsc::channel(8).0).await {
            Ok(link) => {
                assert!(allowed, "{proxy}");
                link.close().await;
            }
            Err(error) => assert!(!allowed && matches!(error, LinkError::NotLoopback), "{proxy}: {error}"),
        }
    }
    for proxy in ["", "ftp://user:secret@127.0.0.1", "http://:secret@127.0.0.1", "http://u:secret@127.0.0.1/path"] {
        let mut target = target(&account, Watermark::default());
        target.proxy = Some(ProxyAddress(proxy.into()));
        let refused = world.links.open(target, mpsc::channel(8).0).await.err().unwrap();
        assert!(matches!(refused, LinkError::BadAddress(_)), "{proxy}: {refused:?}");
        assert!(!format!("{refused} {refused:?}").contains("secret"), "{refused:?}");
    }
}
