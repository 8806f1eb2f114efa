//! The certificate rule: a build that skips the signatures of the server's certificate talks to this machine only.

use tokio::sync::mpsc;
use wasup_sandbox::Config;
use wasup_sessions::ports::{LinkError, LinkFactory, LinkTarget};
use wasup_store::Watermark;
use wasup_store::records::HistorySettings;

use crate::world::World;

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
        let target = LinkTarget {
            no: account.no,
            link: account.link,
            epoch: account.epoch,
            name: String::new(),
            mark: Watermark::default(),
            proxy: None,
            history: HistorySettings::default(),
            urgent: false,
        };
        let refused = world.links.open(target, mpsc::channel(8).0).await.err();
        assert!(matches!(refused, Some(LinkError::NotLoopback)), "{url:?}: {refused:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_none_is_named_as_such() {
    for url in ["", "nonsense", "http://127.0.0.1:7000/", "ws://"] {
        let world = World::with(Config::default(), |settings| settings.url = Some(url.into())).await;
        let account = world.account("shop").await;
        let target = LinkTarget {
            no: account.no,
            link: account.link,
            epoch: account.epoch,
            name: String::new(),
            mark: Watermark::default(),
            proxy: None,
            history: HistorySettings::default(),
            urgent: false,
        };
        let refused = world.links.open(target, mpsc::channel(8).0).await.err();
        assert!(matches!(refused, Some(LinkError::BadAddress(_))), "{url:?}: {refused:?}");
    }
}
