//! What can be asked of an account, in every state that it can be in.

use std::sync::atomic::Ordering;
use std::time::Duration;

use wasup_sessions::ports::{DisconnectReason, EndReason, LinkEvent};
use wasup_store::records::{AccountRecord, Act, Desired, FailReason, MessageState, Phase, Reason, UserAction};
use wasup_store::repo::audit;

use super::network::Opens;
use super::world::{World, account, me, until};
use crate::{AccountError, ChildPhase, Fault};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    Start,
    Stop,
    Restart,
    LogOut,
    CancelPairing,
    Release,
    Delete,
}

const VERBS: [Verb; 7] =
    [Verb::Start, Verb::Stop, Verb::Restart, Verb::LogOut, Verb::CancelPairing, Verb::Release, Verb::Delete];

/// A state that an account is brought into, and what it would be opened with next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Stopped,
    NeverLinked,
    Pairing,
    Linking,
    Connecting,
    Connected,
    Reconnecting,
    BackingOff,
    Quarantined,
    LoggedOut,
    Replaced,
    Banned,
    Outdated,
}

const STANDINGS: [Standing; 13] = [
    Standing::Stopped,
    Standing::NeverLinked,
    Standing::Pairing,
    Standing::Linking,
    Standing::Connecting,
    Standing::Connected,
    Standing::Reconnecting,
    Standing::BackingOff,
    Standing::Quarantined,
    Standing::LoggedOut,
    Standing::Replaced,
    Standing::Banned,
    Standing::Outdated,
];

impl Standing {
    fn is_linked(self) -> bool {
        !matches!(self, Self::NeverLinked | Self::Pairing | Self::Linking | Self::LoggedOut)
    }
}

impl World {
    async fn ask(&self, verb: Verb) -> Result<Option<AccountRecord>, AccountError> {
        let (accounts, id) = (&self.tree().accounts, account("a"));
        Ok(Some(match verb {
            Verb::Start => accounts.start(&me(), &id).await?,
            Verb::Stop => accounts.stop(&me(), &id).await?,
            Verb::Restart => accounts.restart(&me(), &id).await?,
            Verb::LogOut => accounts.log_out(&me(), &id).await?,
            Verb::CancelPairing => accounts.cancel_pairing(&me(), &id).await?,
            Verb::Release => accounts.release(&me(), &id).await?,
            Verb::Delete => return accounts.delete(&me(), &id).await.map(|()| None),
        }))
    }

    /// Brings the account into a state.
    async fn bring(&self, standing: Standing) {
        let unlinked = !standing.is_linked() && standing != Standing::LoggedOut;
        self.network.opens(if unlinked { Opens::Qr } else { Opens::Connected });
        self.create(&["a"]).await;
        self.phase("a", if unlinked { Phase::Pairing } else { Phase::Connected }).await;
        let no = self.no("a").await;
        let link = self.network.last(no);
        let end = |reason| link.end(reason);
        let phase = match standing {
            Standing::Stopped | Standing::NeverLinked => {
                self.ask(Verb::Stop).await.unwrap();
                Phase::Stopped
            }
            Standing::Pairing => Phase::Pairing,
            Standing::Linking => {
                link.tell(LinkEvent::PairingStarted);
                until("a phone links", async || (self.get("a").await.state.reason == Reason::Linked).then_some(()))
                    .await;
                Phase::Pairing
            }
            Standing::Connecting => {
                self.network.opens(Opens::Silent);
                self.ask(Verb::Restart).await.unwrap();
                until("it has its link", async || (self.network.links(no).len() == 2).then_some(())).await;
                Phase::Connecting
            }
            Standing::Connected => Phase::Connected,
            Standing::Reconnecting => {
                link.lose(DisconnectReason::Unreachable);
                Phase::Reconnecting
            }
            Standing::BackingOff | Standing::Quarantined => {
                self.strike("a", Fault::Panic).await;
                if standing == Standing::BackingOff { Phase::BackingOff } else { Phase::Quarantined }
            }
            Standing::LoggedOut => {
                end(EndReason::LoggedOut);
                Phase::LoggedOut
            }
            Standing::Replaced => {
                end(EndReason::Replaced);
                Phase::Replaced
            }
            Standing::Banned => {
                end(EndReason::Banned { until_ms: None });
                Phase::Banned
            }
            Standing::Outdated => {
                end(EndReason::Outdated);
                Phase::Outdated
            }
        };
        self.phase("a", phase).await;
    }

    /// A world with an account in a state; nothing in it waits long.
    async fn standing(standing: Standing) -> Self {
        let mut world = Self::new();
        world.settings.supervision.max_restarts = u32::from(standing != Standing::Quarantined);
        // It stays in its back-off for the whole test.
        world.settings.supervision.backoff_base = Duration::from_secs(600);
        world.settings.supervision.backoff_cap = Duration::from_secs(600);
        world.settings.supervision.stop_timeout = Duration::from_millis(600);
        world.start().await;
        world.bring(standing).await;
        world.network.opens(Opens::Connected);
        world
    }
}

/// Where an account is once a verb was carried out.
fn expected(verb: Verb, standing: Standing, before: &AccountRecord) -> Vec<(Phase, Option<Reason>)> {
    use Phase as P;
    let same = vec![(before.state.phase, Some(before.state.reason))];
    let ended = [Standing::LoggedOut, Standing::Replaced, Standing::Banned, Standing::Outdated].contains(&standing);
    match verb {
        // A start does not release; whatever else does not run, runs, and what runs goes on.
        Verb::Start | Verb::Restart if standing == Standing::Quarantined => same,
        Verb::Start if matches!(standing, Standing::Connecting | Standing::Reconnecting) => same,
        Verb::Start if matches!(standing, Standing::Pairing | Standing::Linking) => same,
        Verb::Start | Verb::Restart => vec![(P::Connected, None)],
        Verb::Stop if ended || standing == Standing::Quarantined => same,
        Verb::Stop if standing == Standing::Linking => vec![(P::Stopped, Some(Reason::PairingInterrupted))],
        Verb::Stop => vec![(P::Stopped, Some(Reason::Requested))],
        Verb::LogOut if standing == Standing::LoggedOut => same,
        Verb::LogOut => vec![(P::LoggedOut, Some(Reason::Requested))],
        Verb::CancelPairing => match standing {
            Standing::Pairing => vec![(P::Stopped, Some(Reason::PairingCancelled))],
            Standing::Linking => vec![(P::Stopped, Some(Reason::PairingInterrupted))],
            _ => same,
        },
        Verb::Release if standing == Standing::Quarantined => vec![(P::Connected, None)],
        Verb::Release => same,
        Verb::Delete => vec![],
    }
}

#[tokio::test]
async fn every_verb_in_every_state_ends_as_it_should_also_when_asked_twice() {
    for standing in STANDINGS {
        for verb in VERBS {
            let world = World::standing(standing).await;
            let before = world.get("a").await;
            let expected = expected(verb, standing, &before);
            for round in 1..=2 {
                let what = format!("{verb:?} in {standing:?}, time {round}");
                let answer = world.ask(verb).await;
                if verb == Verb::Delete {
                    assert_eq!(answer.is_ok(), round == 1, "{what}");
                    continue;
                }
                answer.unwrap_or_else(|error| panic!("{what}: {error}"));
                // Connections that begin anew take a moment.
                let found = until(&what, async || {
                    let state = world.get("a").await.state;
                    let fits = |(phase, reason): &(Phase, Option<Reason>)| {
                        *phase == state.phase && reason.is_none_or(|reason| reason == state.reason)
                    };
                    expected.iter().any(fits).then_some(state)
                })
                .await;
                assert!(found.phase != Phase::LoggedOut || world.get("a").await.identity.is_none(), "{what}");
            }
            assert_eq!(world.network.overlaps.load(Ordering::SeqCst), 0, "{verb:?} in {standing:?}");
            if verb == Verb::Delete {
                assert!(matches!(world.tree().accounts.get(&me(), &account("a")).await, Err(AccountError::NotFound)));
            }
        }
    }
}

#[tokio::test]
async fn a_logged_out_account_is_gone_from_the_network_and_begins_anew() {
    for (standing, action) in [
        (Standing::Connected, UserAction::ScanQr),
        // It is started once more, only to tell the network.
        (Standing::Stopped, UserAction::ScanQr),
        (Standing::Pairing, UserAction::ScanQr),
        (Standing::NeverLinked, UserAction::ScanQr),
        // The network could not be told, or nobody knows how far the phone came.
        (Standing::Connecting, UserAction::OpenPhone),
        (Standing::Linking, UserAction::OpenPhone),
        (Standing::BackingOff, UserAction::OpenPhone),
        (Standing::Quarantined, UserAction::OpenPhone),
        (Standing::Replaced, UserAction::OpenPhone),
    ] {
        let world = World::standing(standing).await;
        let link_before = world.get("a").await.link;
        let no = world.no("a").await;
        let record = world.ask(Verb::LogOut).await.unwrap().unwrap();
        let told = (record.state.phase, record.state.reason, record.state.user_action, record.desired);
        assert_eq!(told, (Phase::LoggedOut, Reason::Requested, action, Desired::Stopped), "{standing:?}");
        assert!(record.identity.is_none() && !record.leaving && record.link > link_before, "{standing:?}");
        let removed = world.network.links(no).iter().any(|link| link.logged_out.load(Ordering::SeqCst));
        assert_eq!(removed, standing.is_linked() && action == UserAction::ScanQr, "{standing:?}");
        until("no link is open", async || world.network.links(no).iter().all(|link| !link.is_open()).then_some(()))
            .await;
        // It can be linked anew at once.
        world.network.opens(Opens::Qr);
        world.ask(Verb::Start).await.unwrap();
        world.phase("a", Phase::Pairing).await;
        assert_eq!(world.network.last(no).target.link, record.link, "{standing:?}");
    }
}

#[tokio::test]
async fn a_log_out_rejects_what_waits_and_survives_the_process() {
    let mut world = World::standing(Standing::Stopped).await;
    let sent = world.send("a", "too late").await;
    // The wish is all that is left of it: nobody gets to it before the process ends.
    let id = account("a");
    let wish = move |tx: &mut wasup_store::WriteTx<'_>| wasup_store::repo::account::wish_log_out(tx, &id, 1);
    world.store.write::<_, wasup_store::StoreError, _>(wasup_store::Durability::Durable, wish).await.unwrap();
    world.restart().await;
    let record = world.phase("a", Phase::LoggedOut).await;
    assert_eq!((record.state.reason, record.state.user_action), (Reason::Requested, UserAction::ScanQr));
    assert!(world.network.last(record.no).logged_out.load(Ordering::SeqCst), "the network was told after all");
    let message = world.state(sent.id, MessageState::Rejected).await;
    assert_eq!(message.reason, Some(FailReason::LoggedOut));
}

#[tokio::test]
async fn an_account_that_hangs_while_it_leaves_is_wiped_all_the_same() {
    let world = World::standing(Standing::Connected).await;
    world.strike("a", Fault::Hang).await;
    let record = world.ask(Verb::LogOut).await.unwrap().unwrap();
    assert_eq!((record.state.phase, record.state.user_action), (Phase::LoggedOut, UserAction::OpenPhone));
    assert!(record.identity.is_none());
    world.network.opens(Opens::Qr);
    world.ask(Verb::Start).await.unwrap();
    world.phase("a", Phase::Pairing).await;
}

#[tokio::test]
async fn a_restart_gives_a_running_account_another_link() {
    let world = World::standing(Standing::Connected).await;
    let before = world.get("a").await;
    world.ask(Verb::Restart).await.unwrap();
    world.connected_by_link("a", 2).await;
    assert!(world.get("a").await.epoch > before.epoch);
    let states = world.states("a").await;
    assert!(!states.contains(&(Phase::Stopped, Reason::Requested)), "it was never meant to stand still: {states:?}");
}

#[tokio::test]
async fn a_stop_overrules_a_restart_that_is_under_way() {
    let world = World::standing(Standing::Connected).await;
    let no = world.no("a").await;
    let closing = world.network.closers.acquire().await.unwrap();
    let accounts = world.tree().accounts.clone();
    let restart = tokio::spawn(async move { accounts.restart(&me(), &account("a")).await });
    until("it is closing", async || {
        let view = world.tree().look.accounts(&me(), None, 1).await.unwrap();
        (view[0].standing.phase == ChildPhase::Stopping).then_some(())
    })
    .await;
    let accounts = world.tree().accounts.clone();
    let stop = tokio::spawn(async move { accounts.stop(&me(), &account("a")).await });
    until("it is to stop", async || (world.get("a").await.desired == Desired::Stopped).then_some(())).await;
    drop(closing);
    restart.await.unwrap().unwrap();
    stop.await.unwrap().unwrap();
    let record = world.phase("a", Phase::Stopped).await;
    assert_eq!(record.state.reason, Reason::Requested);
    assert_eq!(world.network.links(no).len(), 1, "it did not begin anew");
}

#[tokio::test]
async fn verbs_that_cross_each_other_end_as_the_store_says() {
    let world = World::standing(Standing::Connected).await;
    for round in 0..6 {
        let (one, other, third) = match round % 3 {
            0 => tokio::join!(world.ask(Verb::Restart), world.ask(Verb::Stop), world.ask(Verb::Start)),
            1 => tokio::join!(world.ask(Verb::LogOut), world.ask(Verb::Start), world.ask(Verb::Restart)),
            _ => tokio::join!(world.ask(Verb::Restart), world.ask(Verb::LogOut), world.ask(Verb::Stop)),
        };
        for answer in [one, other, third] {
            answer.unwrap();
        }
        until(&format!("round {round} comes to rest"), async || {
            let record = world.get("a").await;
            let rests = match record.desired {
                Desired::Running => record.state.phase == Phase::Connected,
                Desired::Stopped => matches!(record.state.phase, Phase::Stopped | Phase::LoggedOut),
            };
            (rests && !record.leaving).then_some(())
        })
        .await;
    }
    assert_eq!(world.network.overlaps.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn what_was_asked_is_audited_with_its_request() {
    let world = World::standing(Standing::Connected).await;
    for verb in [Verb::Restart, Verb::LogOut, Verb::Start] {
        world.ask(verb).await.unwrap();
    }
    let acts = world.store.read(|tx| audit::newest(tx, me().tenant, 9)).await.unwrap();
    let acts: Vec<_> = acts.into_iter().rev().map(|(_, record)| (record.act, record.by.request_id)).collect();
    let of = |act| (act, "test".to_owned());
    assert_eq!(
        acts,
        [of(Act::AccountCreated), of(Act::AccountRestarted), of(Act::AccountLoggedOut), of(Act::AccountStarted),]
    );
    let rows = world.tree().accounts.timeline(&me(), &account("a"), None, 50).await.unwrap();
    let out = rows.iter().find(|(_, row)| row.to == Phase::LoggedOut).expect("it stands in the timeline");
    assert_eq!(out.1.by.as_ref().map(|by| by.request_id.as_str()), Some("test"));
}
