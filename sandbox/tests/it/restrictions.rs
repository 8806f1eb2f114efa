//! Restricted numbers: they answer, and reach nobody new.

use crate::client::{SOON, network, paired};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use wasup_sandbox::Restriction;

#[tokio::test(flavor = "multi_thread")]
async fn a_restricted_number_reaches_only_those_who_wrote_to_it() {
    let network = network().await;
    let (own, friend, stranger) =
        (network.phone("15550000001"), network.phone("15550000002"), network.phone("15550000003"));
    let companion = paired(&network, &own).await;
    friend.send_text(own.number(), "hello").await.unwrap();
    companion.text().await;
    for code in [463, 475] {
        network.restrict(own.number(), code, None).unwrap();
        let (id, error) = companion.send(&stranger.jid(), "cold").await;
        assert_eq!(error, Some(code.to_string()));
        assert!(network.accepted_from(own.number()).unwrap().iter().all(|entry| entry.id != id));
        assert_eq!(companion.send(&friend.jid(), "an answer").await.1, None);
        assert_eq!(companion.send(&own.jid(), "a note").await.1, None, "one's own chat is never cold");
    }
    // By whichever address the chat is named.
    assert_eq!(companion.send(&stranger.lid(), "cold").await.1.as_deref(), Some("475"));
    network.lift_restriction(own.number()).unwrap();
    assert_eq!(companion.send(&stranger.jid(), "free").await.1, None);
    stranger.wait_for_text("free", SOON).await.unwrap();
    assert_eq!(stranger.inbox().len(), 1);
    assert_eq!(network.violations(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_told_truly_what_it_may_not_do() {
    let network = network().await;
    let own = network.phone("15550000001");
    let companion = paired(&network, &own).await;
    let asked = || async { companion.client.mex().fetch_reachout_timelock().await.unwrap() };
    let free = asked().await;
    assert_eq!((free.is_active, free.time_enforcement_ends), (Some(false), None));

    network.restrict(own.number(), 463, Some(Duration::from_secs(3600))).unwrap();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let held = asked().await;
    assert_eq!(held.is_active, Some(true));
    let ends: u64 = held.time_enforcement_ends.unwrap().parse().unwrap();
    assert!((now + 3590..=now + 3600).contains(&ends), "{ends} is not an hour after {now}");
    assert_eq!(network.restriction(own.number()), Ok(Some(Restriction { code: 463, until: Some(ends) })));

    network.restrict(own.number(), 463, None).unwrap();
    let open = asked().await;
    assert_eq!((open.is_active, open.time_enforcement_ends), (Some(true), None));
    network.restrict(own.number(), 463, Some(Duration::ZERO)).unwrap();
    assert_eq!(asked().await.is_active, Some(false), "it is over");
    assert_eq!(network.violations(), []);
}
