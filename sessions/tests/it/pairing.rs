//! Linking by QR.

use wasup_sandbox::CompanionProps;
use wasup_sessions::ports::LinkEvent;
use wasup_store::records::HistorySettings;

use crate::world::World;

const NUMBER: &str = "6281234567801";

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_links_an_account_by_its_code() {
    let world = World::new().await;
    let account = world.account("shop").await;
    let mut line = world.open(&account).await;
    let code = line.qr().await;
    let phone = world.network.phone(NUMBER);
    let device = phone.scan(&code).await.unwrap();
    let identity = line
        .until("the pairing", |event| match event {
            LinkEvent::Paired { identity } => Some(identity.clone()),
            _ => None,
        })
        .await;
    assert_eq!(identity.jid.as_str(), phone.jid());
    assert_eq!(identity.lid.as_ref().map(|lid| lid.as_str().to_owned()), Some(phone.lid()));
    assert!(line.passed.contains(&LinkEvent::PairingStarted), "the scan is told before the pairing: {:?}", line.passed);
    line.up().await;
    assert_eq!(phone.devices(), [device]);
    line.link.close().await;
    assert!(!line.link.is_connected());
    assert!(world.network.violations().is_empty(), "{:?}", world.network.violations());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_linked_account_comes_back_without_a_code() {
    let world = World::new().await;
    let (account, mut line, phone) = world.linked("shop", NUMBER).await;
    for _ in 0..2 {
        line.link.close().await;
        world.network.wait_disconnected(NUMBER, crate::world::PATIENCE).await.unwrap();
        line = world.open(&account).await;
        line.connected().await;
        let codes = line.passed.iter().filter(|event| matches!(event, LinkEvent::Qr { .. })).count();
        assert_eq!(codes, 0);
    }
    assert_eq!(phone.devices().len(), 1);
    // The server's key is remembered: these logins need no full handshake.
    assert!(world.network.stats().resumptions >= 2);
    line.link.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn logging_out_removes_the_device_from_the_phone() {
    let world = World::new().await;
    let (_, mut line, phone) = world.linked("shop", NUMBER).await;
    line.link.log_out().await.unwrap();
    world.wait("the device to go", async || phone.devices().is_empty().then_some(())).await;
    line.until("the end", |event| {
        matches!(event, LinkEvent::Ended { reason: wasup_sessions::ports::EndReason::LoggedOut }).then_some(())
    })
    .await;
    line.link.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fresh_device_says_its_name_and_the_history_it_wants() {
    let world = World::new().await;
    let plain = CompanionProps { name: "Shop 7".into(), platform: "DESKTOP".into(), ..CompanionProps::default() };
    let (days, megabytes, full) = (Some(90), Some(512), Some(true));
    for (n, history, expected) in [
        (0, HistorySettings::default(), plain.clone()),
        (
            1,
            HistorySettings { days, megabytes, full },
            CompanionProps { history_days: days, history_megabytes: megabytes, full_history: true, ..plain.clone() },
        ),
        (
            2,
            HistorySettings { days: Some(7), megabytes: None, full: None },
            CompanionProps { history_days: Some(7), ..plain },
        ),
    ] {
        let account = world.account(&format!("shop-{n}")).await;
        let mut line =
            world.open_as(&account, |target| (target.name, target.history) = ("Shop 7".into(), history)).await;
        let phone = world.network.phone(&format!("628123456780{n}"));
        let device = phone.scan(&line.qr().await).await.unwrap();
        assert_eq!(phone.companion(device), Some(expected));
        line.link.close().await;
    }
}
