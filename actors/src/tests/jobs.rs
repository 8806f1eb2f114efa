//! Jobs: lines, waits, breaks, restarts.

use std::time::Duration;

use wasup_sessions::ports::DisconnectReason;
use wasup_store::id::JobId;
use wasup_store::records::{Content, DelayRange, ItemState, JobState, Load, Phase};

use super::world::{World, account, me, peer, until};
use crate::campaigns::{Bulk, CampaignsMsg};
use crate::{Fault, JobCommand, JobItem, JobSeen, JobWish};

fn item(text: &str) -> JobItem {
    let load = Load { content: Content::text(text), context: None, client_message_id: None };
    JobItem::Message { chat: peer(), load: Box::new(load) }
}

impl World {
    async fn job(&self, id: &str, (name, items): (&str, usize), delay_ms: u64) -> JobId {
        let command = JobCommand {
            account: account(id),
            name: Some(name.into()),
            delay: DelayRange { min_ms: delay_ms, max_ms: delay_ms },
            items: (0..items).map(|n| item(&format!("{name}{n}"))).collect(),
            idempotency: None,
        };
        self.tree().jobs.accept(&me(), command).await.unwrap().id
    }

    async fn job_seen(&self, id: JobId) -> JobSeen {
        self.tree().jobs.get(&me(), id).await.unwrap()
    }

    async fn job_is(&self, id: JobId, state: JobState) -> JobSeen {
        until(&format!("a job is {state:?}"), async || {
            let seen = self.job_seen(id).await;
            (seen.record.state == state).then_some(seen)
        })
        .await
    }

    async fn wished(&self, id: JobId, wish: JobWish) -> JobState {
        self.tree().jobs.wish(&me(), id, wish).await.unwrap().record.state
    }
}

fn texts(of: &[(&str, usize)]) -> Vec<String> {
    of.iter().flat_map(|(name, items)| (0..*items).map(move |n| format!("{name}{n}"))).collect()
}

#[tokio::test]
async fn an_accounts_jobs_are_sent_one_after_the_other_in_order() {
    let world = World::running().await;
    world.connected(&["a", "b"]).await;
    let jobs =
        [world.job("a", ("x", 5), 1).await, world.job("a", ("y", 3), 0).await, world.job("b", ("z", 2), 0).await];
    for id in jobs {
        let seen = world.job_is(id, JobState::Completed).await;
        assert_eq!((seen.tally.success(), seen.tally.ended()), (seen.tally.total, seen.tally.total));
        let waited = world.tree().jobs.wait_over(&me(), id, Duration::from_secs(9)).await.unwrap();
        assert_eq!(waited, seen);
    }
    assert_eq!(world.wire("a").await, texts(&[("x", 5), ("y", 3)]));
    assert_eq!(world.wire("b").await, texts(&[("z", 2)]));
    // A line that is empty has no actor, and gets one for the next job.
    let more = world.job("a", ("w", 1), 0).await;
    world.job_is(more, JobState::Completed).await;
    super::world::verify(&*world.engine);
}

#[tokio::test]
async fn nothing_piles_up_while_an_account_is_offline_or_a_job_is_paused() {
    let world = World::running().await;
    world.connected(&["a"]).await;
    let no = world.no("a").await;
    world.network.last(no).lose(DisconnectReason::ConnectionLost);
    world.phase("a", Phase::Reconnecting).await;
    let (one, two) = (world.job("a", ("x", 3), 0).await, world.job("a", ("y", 2), 0).await);
    assert_eq!(world.wished(one, JobWish::Pause).await, JobState::Paused);
    assert_eq!(world.job_seen(one).await.tally.of(ItemState::Pending), 3);
    world.network.last(no).connect();
    world.job_is(two, JobState::Completed).await;
    assert_eq!((world.wire("a").await, world.job_seen(one).await.record.state), (texts(&[("y", 2)]), JobState::Paused));
    world.wished(one, JobWish::Resume).await;
    world.job_is(one, JobState::Completed).await;
    assert_eq!(world.wire("a").await, texts(&[("y", 2), ("x", 3)]));
}

#[tokio::test]
async fn a_line_that_breaks_and_a_restart_go_on_from_the_cursor() {
    let mut world = World::running().await;
    world.connected(&["a"]).await;
    let (no, id) = (world.no("a").await, world.job("a", ("x", 12), 5).await);
    for sent in [2, 4] {
        until("some are sent", async || (world.wire("a").await.len() >= sent).then_some(())).await;
        world.nudges.strike_line(no, Fault::Panic);
    }
    until("some more are sent", async || (world.wire("a").await.len() >= 7).then_some(())).await;
    world.restart().await;
    world.connected_again("a").await;
    let seen = world.job_is(id, JobState::Completed).await;
    assert_eq!(seen.tally.success(), 12);
    let mut wire = world.wire("a").await;
    // What was on the wire at the restart may go there once more, under the same id.
    wire.dedup();
    assert_eq!(wire, texts(&[("x", 12)]));
    super::world::verify(&*world.engine);
}

#[tokio::test]
async fn an_api_send_goes_before_the_next_item_of_a_job() {
    let world = World::running().await;
    world.connected(&["a"]).await;
    let id = world.job("a", ("x", 200), 3).await;
    until("the job runs", async || (world.wire("a").await.len() >= 3).then_some(())).await;
    let accepted = world.send("a", "now").await;
    world.state(accepted.id, wasup_store::records::MessageState::Sent).await;
    let wire = world.wire("a").await;
    let (at, items) = (wire.iter().position(|text| text == "now").unwrap(), world.job_seen(id).await.tally);
    assert!(wire.len() < 200 && items.of(ItemState::Queued) <= 1, "{at} of {wire:?}");
    assert_eq!(world.wished(id, JobWish::Cancel).await, JobState::Cancelled);
    let seen = world.job_seen(id).await;
    assert_eq!(seen.tally.ended() + seen.tally.of(ItemState::Queued), 200);
}

impl crate::Nudges {
    fn strike_line(&self, no: wasup_store::id::AccountNo, fault: Fault) {
        let campaigns = self.doors.campaigns.read().unwrap();
        campaigns.as_ref().unwrap().cast(CampaignsMsg::Strike(Bulk::Line(no), fault)).unwrap();
    }
}

impl World {
    async fn connected_again(&self, id: &str) {
        let no = self.no(id).await;
        until("the link is open", async || self.network.links(no).last().filter(|link| link.is_open()).cloned()).await;
        self.phase(id, Phase::Connected).await;
    }
}
