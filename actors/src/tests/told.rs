//! What is told of an account, and what happens to it by itself.

use std::sync::atomic::Ordering;
use std::time::Duration;

use wasup_sessions::ports::{DisconnectReason, EndReason, LinkEvent};
use wasup_store::records::{Act, Desired, EventData, EventKind, Phase, Reason, UserAction};
use wasup_store::repo::audit;

use super::network::{Opens, identity};
use super::world::{World, account, me, until};
use crate::{AccountError, SamePhone};

#[tokio::test]
async fn a_flapping_account_is_told_as_its_last_state_and_the_timeline_has_it_all() {
    let mut world = World::new();
    world.settings.accounts.state_events_every = Duration::from_millis(300);
    world.start().await;
    world.create(&["a"]).await;
    until("it has a link", async || (!world.network.links(world.no("a").await).is_empty()).then_some(())).await;
    let link = world.network.last(world.no("a").await);
    for _ in 0..20 {
        link.lose(DisconnectReason::ConnectionLost);
        link.connect();
    }
    let list = async || world.tree().accounts.timeline(&me(), &account("a"), None, 1_000).await.unwrap();
    until("all of it happened", async || (list().await.len() >= 42).then_some(())).await;
    until("its last state is told", async || {
        let states = world.states("a").await;
        (states.last() == Some(&(Phase::Connected, Reason::Requested))).then_some(())
    })
    .await;
    assert!(world.states("a").await.len() <= 6, "one a third of a second: {:?}", world.states("a").await);
    let rows = list().await;
    let ways: Vec<_> = rows.iter().rev().take(4).map(|(_, row)| (row.from, row.to, row.reason)).collect();
    assert_eq!(
        ways,
        [
            (Phase::Stopped, Phase::Connecting, Reason::NotLinked),
            (Phase::Connecting, Phase::Connected, Reason::Requested),
            (Phase::Connected, Phase::Reconnecting, Reason::ConnectionLost),
            (Phase::Reconnecting, Phase::Connected, Reason::Requested),
        ]
    );
}

#[tokio::test]
async fn what_was_not_told_before_the_end_of_the_process_is_told_by_the_next() {
    let mut world = World::new();
    world.settings.accounts.state_events_every = Duration::from_secs(2);
    world.start().await;
    world.connected(&["a"]).await;
    world.tree().accounts.stop(&me(), &account("a")).await.unwrap();
    assert_eq!(world.states("a").await.len(), 1, "only the first change was told so far");
    world.restart().await;
    until("the stop is told", async || {
        (world.states("a").await.last() == Some(&(Phase::Stopped, Reason::Requested))).then_some(())
    })
    .await;
    assert_eq!(world.states("a").await.len(), 2);
}

#[tokio::test]
async fn an_outdated_client_says_when_it_is_tried_again_and_is() {
    let mut world = World::new();
    world.settings.accounts.outdated_retry = Duration::from_millis(400);
    world.start().await;
    world.connected(&["a"]).await;
    let no = world.no("a").await;
    world.network.last(no).end(EndReason::Outdated);
    let record = world.phase("a", Phase::Outdated).await;
    let retry = record.state.retry_at_ms.expect("a time");
    assert_eq!((record.state.reason, record.state.user_action), (Reason::ClientOutdated, UserAction::Update));
    world.phase("a", Phase::Connected).await;
    assert!(world.store.now_ms() >= retry);
}

#[tokio::test]
async fn a_replaced_account_never_comes_back_by_itself() {
    let mut world = World::new();
    world.settings.supervision.heartbeat = Duration::from_millis(30);
    world.start().await;
    world.connected(&["a", "b"]).await;
    let no = world.no("a").await;
    world.network.last(no).end(EndReason::Replaced);
    world.phase("a", Phase::Replaced).await;
    // Others are started, stopped and compared with what is wanted meanwhile.
    for _ in 0..5 {
        world.tree().accounts.stop(&me(), &account("b")).await.unwrap();
        world.tree().accounts.start(&me(), &account("b")).await.unwrap();
        world.phase("b", Phase::Connected).await;
    }
    world.restart().await;
    world.phase("b", Phase::Connected).await;
    assert_eq!(world.get("a").await.state.phase, Phase::Replaced);
    assert_eq!(world.network.links(no).len(), 1);
}

async fn same_phone(policy: SamePhone) -> World {
    let mut world = World::new();
    world.settings.accounts.same_phone = policy;
    world.start().await;
    world.connected(&["first"]).await;
    world.network.opens(Opens::Qr);
    world.create(&["second"]).await;
    world.phase("second", Phase::Pairing).await;
    let link = world.network.last(world.no("second").await);
    link.tell(LinkEvent::PairingStarted);
    link.tell(LinkEvent::Paired { identity: identity() });
    link.connect();
    world
}

async fn told(world: &World) -> Vec<(String, Vec<String>)> {
    let one = |event: wasup_store::records::EventRecord| match event.data {
        EventData::SamePhone { others } => {
            let others = others.iter().map(ToString::to_string).collect();
            event.account.map(|account| (account.to_string(), others))
        }
        _ => None,
    };
    world.events().await.into_iter().filter_map(one).collect()
}

#[tokio::test]
async fn a_second_account_of_one_phone_is_told() {
    let world = same_phone(SamePhone::Tell).await;
    world.phase("second", Phase::Connected).await;
    assert_eq!(told(&world).await, [("second".to_owned(), vec!["first".to_owned()])]);
    assert_eq!(world.get("first").await.state.phase, Phase::Connected);
}

#[tokio::test]
async fn a_second_account_of_one_phone_is_turned_away_where_only_one_may_be() {
    let world = same_phone(SamePhone::Refuse).await;
    let record = until("it is turned away", async || {
        let record = world.get("second").await;
        (record.state.reason == Reason::SamePhone && !record.leaving).then_some(record)
    })
    .await;
    let state = (record.state.phase, record.state.user_action, record.desired);
    assert_eq!(state, (Phase::Stopped, UserAction::None, Desired::Stopped));
    assert!(record.identity.is_none());
    let link = world.network.last(record.no);
    assert!(link.logged_out.load(Ordering::SeqCst) && !link.is_open(), "its device is removed");
    assert_eq!(told(&world).await.len(), 1);
    let first = world.network.links(world.no("first").await);
    assert!(first.len() == 1 && first[0].is_open(), "the first one does not notice");
    // It may link another phone.
    world.tree().accounts.start(&me(), &account("second")).await.unwrap();
    world.phase("second", Phase::Pairing).await;
}

#[tokio::test]
async fn accounts_whose_time_is_over_are_removed_with_an_event_and_an_act() {
    let mut world = World::new();
    world.settings.accounts.expire_never_linked = Duration::from_millis(300);
    world.settings.accounts.expire_logged_out = Duration::from_millis(300);
    world.start().await;
    world.connected(&["kept", "out"]).await;
    world.network.last(world.no("out").await).end(EndReason::LoggedOut);
    world.network.opens(Opens::Qr);
    world.create(&["never"]).await;
    for id in ["never", "out"] {
        until(&format!("{id} is gone"), async || {
            let found = world.tree().accounts.get(&me(), &account(id)).await;
            matches!(found, Err(AccountError::NotFound)).then_some(())
        })
        .await;
    }
    assert_eq!(world.get("kept").await.state.phase, Phase::Connected);
    let expired = |event: wasup_store::records::EventRecord| match event.data {
        EventData::Expired { account, reason } if event.kind == EventKind::AccountExpired => {
            Some((account.to_string(), reason))
        }
        _ => None,
    };
    let mut events: Vec<_> = world.events().await.into_iter().filter_map(expired).collect();
    events.sort();
    let of = |id: &str, why: &str| (id.to_owned(), why.to_owned());
    assert_eq!(events, [of("never", "never_linked"), of("out", "logged_out")]);
    let acts = world.store.read(|tx| audit::newest(tx, me().tenant, 50)).await.unwrap();
    let by: Vec<_> = acts.iter().filter(|(_, record)| record.act == Act::AccountExpired).collect();
    assert!(by.len() == 2 && by.iter().all(|(_, record)| record.by.request_id == "scheduler"));
}
