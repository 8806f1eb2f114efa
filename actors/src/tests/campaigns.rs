//! Campaigns: turns of several accounts, breaks, restarts, restrictions, times.

use std::collections::BTreeSet;

use wasup_sessions::ports::DisconnectReason;
use wasup_store::id::{CampaignId, ListId, Millis};
use wasup_store::records::{
    CampaignPace, CampaignPlan, CampaignReason, CampaignState, CampaignText, CampaignTo, Content, EventData, Gathering,
    ItemState, ListedContact, Load, MissedPolicy, OnRestriction, Phase, QuietHours, QuietZone, ReplyRules, Restriction,
    Rotation, RunOutcome, ScheduleReason, ScheduleWhen,
};
use wasup_store::repo::listed::Twice;
use wasup_store::repo::restriction;
use wasup_store::{Durability, WriteTx};

use super::world::{World, account, me, until};
use crate::campaigns::{Bulk, CampaignsMsg};
use crate::{
    CampaignCommand, CampaignSeen, CampaignWish, Fault, Planned, RecipientsOf, ScheduleCommand, ScheduleError,
    ScheduleSpec, SenderNow,
};

fn plan(to: CampaignTo) -> CampaignPlan {
    CampaignPlan {
        load: Box::new(Load { content: Content::text("{{ name }}"), context: None, client_message_id: None }),
        text: Some(CampaignText { body: "hi {{ name }}".into(), strict: true, ..CampaignText::default() }),
        template: None,
        to,
        senders: Vec::new(),
        rotation: Rotation::RoundRobin,
        pace: CampaignPace::default(),
        quiet: None,
        replies: ReplyRules::default(),
        on_restriction: OnRestriction::Rest,
    }
}

/// The n-th contact; every seventh has no name, and so no text.
fn contact(n: usize) -> ListedContact {
    let name = (n % 7 != 6).then(|| format!("n{n}"));
    ListedContact { number: (62_800_000 + n).to_string(), name, ..ListedContact::default() }
}

impl World {
    async fn listed(&self, contacts: usize) -> ListId {
        let lists = &self.tree().lists;
        let (id, _) = lists.create(&me(), "list".into(), None).await.unwrap();
        let all: Vec<_> = (0..contacts).map(contact).collect();
        lists.put(&me(), id, all, Twice::Merge).await.unwrap();
        id
    }

    async fn campaign(&self, senders: &[&str], plan: CampaignPlan, start: Option<CampaignWish>) -> CampaignId {
        let senders = senders.iter().map(|id| account(id)).collect();
        let command = CampaignCommand { name: "May".into(), plan, senders, start, idempotency: None };
        self.tree().campaigns.create(&me(), command).await.unwrap().id
    }

    async fn campaign_is(&self, id: CampaignId, state: CampaignState) -> CampaignSeen {
        until(&format!("a campaign is {state:?}"), async || {
            let seen = self.tree().campaigns.get(&me(), id).await.unwrap();
            (seen.record.state == state).then_some(seen)
        })
        .await
    }

    async fn campaign_wished(&self, id: CampaignId, wish: CampaignWish) -> CampaignState {
        self.tree().campaigns.wish(&me(), id, wish).await.unwrap().record.state
    }

    /// What all accounts put on the wire, and how often.
    async fn campaign_wire(&self, ids: &[&str]) -> Vec<String> {
        let mut all = Vec::new();
        for id in ids {
            all.extend(self.wire(id).await);
        }
        all.sort_unstable();
        all
    }

    async fn campaign_states(&self) -> Vec<CampaignState> {
        let told = |data| match data {
            EventData::Campaign(campaign) => Some(campaign.state),
            _ => None,
        };
        self.events().await.into_iter().filter_map(|event| told(event.data)).collect()
    }
}

impl crate::Nudges {
    fn strike_campaign(&self, id: CampaignId, fault: Fault) {
        let campaigns = self.doors.campaigns.read().unwrap();
        campaigns.as_ref().unwrap().cast(CampaignsMsg::Strike(Bulk::Campaign(id), fault)).unwrap();
    }
}

fn to(list: ListId) -> CampaignTo {
    CampaignTo::Lists { lists: vec![list], tags: BTreeSet::new() }
}

/// What the phones of so many contacts show.
fn texts(contacts: usize) -> Vec<String> {
    let mut all: Vec<_> = (0..contacts).filter_map(|n| contact(n).name).map(|name| format!("hi {name}")).collect();
    all.sort_unstable();
    all
}

#[tokio::test]
async fn several_accounts_take_turns_and_everybody_has_one_outcome() {
    let world = World::running().await;
    world.connected(&["a", "b", "c"]).await;
    let list = world.listed(100).await;
    let id = world.campaign(&["a", "b", "c"], plan(to(list)), Some(CampaignWish::Start(None))).await;
    let seen = world.campaign_is(id, CampaignState::Completed).await;
    let (total, failed) = (seen.tally.total, seen.tally.of(ItemState::Failed));
    assert_eq!((total, failed, seen.tally.success()), (100, 14, 86));
    assert_eq!(world.campaign_wire(&["a", "b", "c"]).await, texts(100));
    for sender in ["a", "b", "c"] {
        let sent = world.wire(sender).await.len();
        assert!((15..=45).contains(&sent), "{sender} sent {sent}");
    }
    let failed = world.tree().campaigns.recipients(&me(), id, RecipientsOf::State(ItemState::Failed), (0, 100)).await;
    assert!(failed.unwrap().iter().all(|one| one.contact.name.is_none() && one.sender.is_none()));
    assert_eq!(world.campaign_states().await, [CampaignState::Running, CampaignState::Completed]);
    super::world::verify(&*world.engine);
}

#[tokio::test]
async fn a_campaign_that_breaks_and_a_restart_go_on_from_the_cursor() {
    let mut world = World::running().await;
    world.connected(&["a", "b"]).await;
    let list = world.listed(60).await;
    let slow = CampaignPace { gap_min_ms: 5, gap_max_ms: 15, ..CampaignPace::default() };
    let plan = CampaignPlan { pace: slow, ..plan(to(list)) };
    let id = world.campaign(&["a", "b"], plan, Some(CampaignWish::Start(None))).await;
    until("some are sent", async || (world.campaign_wire(&["a", "b"]).await.len() >= 6).then_some(())).await;
    assert_eq!(world.campaign_wished(id, CampaignWish::Pause).await, CampaignState::Paused);
    world.restart().await;
    for id in ["a", "b"] {
        let no = world.no(id).await;
        until("the link is open", async || world.network.links(no).last().filter(|link| link.is_open()).cloned()).await;
        world.phase(id, Phase::Connected).await;
    }
    assert_eq!(world.campaign_is(id, CampaignState::Paused).await.tally.total, 60);
    assert_eq!(world.campaign_wished(id, CampaignWish::Resume).await, CampaignState::Running);
    until("some more are sent", async || (world.campaign_wire(&["a", "b"]).await.len() >= 12).then_some(())).await;
    world.nudges.strike_campaign(id, Fault::Panic);
    // It is started again after a while; a look from outside does not make it wait.
    until("some more are sent", async || {
        world.tree().campaigns.wish(&me(), id, CampaignWish::Resume).await.ok();
        (world.campaign_wire(&["a", "b"]).await.len() >= 24).then_some(())
    })
    .await;
    world.campaign_is(id, CampaignState::Completed).await;
    let mut wire = world.campaign_wire(&["a", "b"]).await;
    // What was on the wire at the restart may go there once more, under the same id.
    wire.dedup();
    assert_eq!(wire, texts(60));
    super::world::verify(&*world.engine);
}

#[tokio::test]
async fn a_campaign_that_keeps_breaking_is_halted() {
    let world = World::running().await;
    world.connected(&["a"]).await;
    let list = world.listed(5).await;
    let never = CampaignPace { per_day: Some(0), ..CampaignPace::default() };
    let plan = CampaignPlan { pace: never, ..plan(to(list)) };
    let id = world.campaign(&["a"], plan, Some(CampaignWish::Start(None))).await;
    let seen = until("it is halted", async || {
        world.nudges.strike_campaign(id, Fault::Panic);
        // A nudge starts one that waits for its restart.
        world.nudges.campaign(id);
        let seen = world.tree().campaigns.get(&me(), id).await.unwrap();
        (seen.record.state == CampaignState::Halted).then_some(seen)
    })
    .await;
    assert_eq!(seen.record.reason, Some(CampaignReason::CrashLoop));
    assert_eq!(seen.tally.of(ItemState::Failed), 5);
    super::world::verify(&*world.engine);
}

async fn restrict(world: &World, id: &str, until_ms: Option<Millis>) {
    let owner = world.get(id).await;
    let (no, epoch, now_ms) = (owner.no, owner.epoch, world.store.now_ms());
    let restriction =
        until_ms.map(|until_ms| Restriction { code: 463, since_ms: now_ms, until_ms, told: true, refusals: 0 });
    let write = move |tx: &mut WriteTx<'_>| restriction::set(tx, no, epoch, restriction, true, now_ms);
    world.store.write(Durability::Durable, write).await.unwrap();
}

#[tokio::test]
async fn a_restricted_account_rests_and_with_the_last_one_the_campaign_pauses() {
    let world = World::running().await;
    world.connected(&["a", "b"]).await;
    restrict(&world, "a", Some(u64::MAX / 2)).await;
    let list = world.listed(20).await;
    let slow = CampaignPace { gap_min_ms: 20, gap_max_ms: 20, ..CampaignPace::default() };
    let plan = CampaignPlan { pace: slow, ..plan(to(list)) };
    let id = world.campaign(&["a", "b"], plan.clone(), Some(CampaignWish::Start(None))).await;
    until("some are sent", async || (world.wire("b").await.len() >= 3).then_some(())).await;
    let stats = world.tree().campaigns.stats(&me(), id, (0, 10)).await.unwrap();
    assert_eq!(stats.senders[0].now, Some(SenderNow::Restricted));
    restrict(&world, "b", Some(u64::MAX / 2)).await;
    let seen = world.campaign_is(id, CampaignState::Paused).await;
    assert_eq!((seen.record.reason, world.wire("a").await.len()), (Some(CampaignReason::Restricted), 0));
    restrict(&world, "a", None).await;
    assert_eq!(world.campaign_wished(id, CampaignWish::Resume).await, CampaignState::Running);
    world.campaign_is(id, CampaignState::Completed).await;
    assert_eq!(world.campaign_wire(&["a", "b"]).await, texts(20));
    let strict = CampaignPlan { on_restriction: OnRestriction::Pause, ..plan };
    let id = world.campaign(&["a", "b"], strict, Some(CampaignWish::Start(None))).await;
    let seen = world.campaign_is(id, CampaignState::Paused).await;
    assert_eq!(seen.record.reason, Some(CampaignReason::Restricted));
    super::world::verify(&*world.engine);
}

#[tokio::test]
async fn nothing_piles_up_while_the_accounts_are_offline() {
    let world = World::running().await;
    world.connected(&["a"]).await;
    let no = world.no("a").await;
    world.network.last(no).lose(DisconnectReason::ConnectionLost);
    world.phase("a", Phase::Reconnecting).await;
    let list = world.listed(10).await;
    let id = world.campaign(&["a"], plan(to(list)), Some(CampaignWish::Start(None))).await;
    until("everybody is written down", async || {
        let seen = world.tree().campaigns.get(&me(), id).await.unwrap();
        (seen.tally.of(ItemState::Pending) == 10).then_some(())
    })
    .await;
    world.network.last(no).connect();
    world.campaign_is(id, CampaignState::Completed).await;
    assert_eq!(world.wire("a").await.len(), 9);
}

#[tokio::test]
async fn an_api_send_goes_before_the_next_recipient_and_limits_hold_only_the_campaign() {
    let world = World::running().await;
    world.connected(&["a"]).await;
    let list = world.listed(50).await;
    let pace = CampaignPace { per_minute: Some(4), ..CampaignPace::default() };
    let id = world.campaign(&["a"], CampaignPlan { pace, ..plan(to(list)) }, Some(CampaignWish::Start(None))).await;
    until("the limit is reached", async || {
        let stats = world.tree().campaigns.stats(&me(), id, (0, 10)).await.unwrap();
        matches!(stats.senders[0].now, Some(SenderNow::NotBefore(_))).then_some(())
    })
    .await;
    assert_eq!(world.wire("a").await.len(), 4);
    let accepted = world.send("a", "now").await;
    world.state(accepted.id, wasup_store::records::MessageState::Sent).await;
    assert_eq!(world.wire("a").await.len(), 5);
    assert_eq!(world.campaign_wished(id, CampaignWish::Stop).await, CampaignState::Cancelled);
    super::world::verify(&*world.engine);
}

#[tokio::test]
async fn who_sleeps_is_put_aside_and_where_all_sleep_nobody_is() {
    let world = World::running().await;
    world.connected(&["a"]).await;
    let (list, all_asleep) = (world.listed(0).await, world.listed(0).await);
    let in_zone = |n: usize, zone: &str| ListedContact {
        fields: [("Timezone".to_owned(), zone.to_owned())].into(),
        name: Some(format!("n{n}")),
        ..contact(n)
    };
    let (lists, zone) = (&world.tree().lists, |n: usize| if n.is_multiple_of(2) { "UTC" } else { "Asia/Tokyo" });
    lists.put(&me(), list, (0..20).map(|n| in_zone(n, zone(n))).collect(), Twice::Merge).await.unwrap();
    lists.put(&me(), all_asleep, (0..20).map(|n| in_zone(n, "UTC")).collect(), Twice::Merge).await.unwrap();
    // Two hours around now, by the clock of UTC.
    let minute = u16::try_from(world.store.now_ms() / 60_000 % 1_440).unwrap();
    let (from_minute, to_minute) = ((minute + 1_380) % 1_440, (minute + 60) % 1_440);
    let quiet = Some(QuietHours { from_minute, to_minute, zone: QuietZone::Recipient });
    let start = || Some(CampaignWish::Start(None));
    let some = world.campaign(&["a"], CampaignPlan { quiet: quiet.clone(), ..plan(to(list)) }, start()).await;
    let seen = until("those who are awake have theirs", async || {
        let seen = world.tree().campaigns.get(&me(), some).await.unwrap();
        (seen.tally.success() == 10 && seen.tally.of(ItemState::Deferred) == 10).then_some(seen)
    })
    .await;
    assert_eq!(seen.record.state, CampaignState::Running);
    let none = world.campaign(&["a"], CampaignPlan { quiet, ..plan(to(all_asleep)) }, start()).await;
    until("everybody is written down", async || {
        let seen = world.tree().campaigns.get(&me(), none).await.unwrap();
        (seen.record.gathering == Gathering::Done && seen.tally.of(ItemState::Pending) == 20).then_some(())
    })
    .await;
    assert_eq!(world.campaign_wished(some, CampaignWish::Stop).await, CampaignState::Cancelled);
    let seen = world.tree().campaigns.get(&me(), some).await.unwrap();
    assert_eq!((seen.tally.of(ItemState::Cancelled), seen.tally.ended()), (10, 20));
    super::world::verify(&*world.engine);
}

#[tokio::test]
async fn a_campaign_starts_at_its_time_also_when_nobody_was_there() {
    let mut world = World::running().await;
    world.connected(&["a"]).await;
    let list = world.listed(3).await;
    let at = |ms: u64| Some(CampaignWish::Start(Some(world.store.now_ms() + ms)));
    let soon = world.campaign(&["a"], plan(to(list)), at(150)).await;
    let later = world.campaign(&["a"], plan(to(list)), at(600)).await;
    let never = world.campaign(&["a"], plan(to(list)), at(600)).await;
    assert_eq!(world.campaign_is(soon, CampaignState::Scheduled).await.tally.total, 0);
    assert_eq!(world.campaign_wished(never, CampaignWish::Unschedule).await, CampaignState::Draft);
    world.campaign_is(soon, CampaignState::Completed).await;
    world.restart().await;
    world.phase("a", Phase::Connected).await;
    world.campaign_is(later, CampaignState::Completed).await;
    world.campaign_is(never, CampaignState::Draft).await;
    super::world::verify(&*world.engine);
}

#[tokio::test]
async fn a_schedule_makes_a_campaign_each_time() {
    let world = World::running().await;
    world.connected(&["a"]).await;
    let list = world.listed(3).await;
    let of = world.campaign(&["a"], plan(to(list)), None).await;
    let at_ms = world.store.now_ms() + 150;
    let spec = ScheduleSpec {
        name: Some("weekly".into()),
        when: ScheduleWhen::Once { at_ms, zone: None },
        start_ms: None,
        end_ms: None,
        missed: MissedPolicy::RunOnce,
        what: Planned::Campaign(of),
    };
    let command = ScheduleCommand { account: account("a"), spec, paused: false, idempotency: None };
    let schedule = world.tree().schedules.create(&me(), command.clone()).await.unwrap().id;
    let made = until("the campaign of the schedule is over", async || {
        let all = world.tree().campaigns.list(&me(), None, 10).await.unwrap();
        all.into_iter().find(|seen| seen.record.state == CampaignState::Completed)
    })
    .await;
    assert_eq!((made.record.name.as_str(), made.tally.success()), ("weekly", 3));
    assert_eq!(world.campaign_is(of, CampaignState::Draft).await.tally.total, 0);
    let runs = world.tree().schedules.runs(&me(), schedule, None, 10).await.unwrap();
    assert_eq!(runs[0].run.outcome, RunOutcome::Campaign(made.id));
    world.tree().campaigns.delete(&me(), of).await.unwrap();
    let run = world.tree().schedules.run_now(&me(), schedule, None).await.unwrap();
    assert_eq!(run.run.outcome, RunOutcome::Failed(ScheduleReason::CampaignGone));
    let when = ScheduleWhen::Once { at_ms: at_ms + 86_400_000, zone: None };
    let later = ScheduleCommand { spec: ScheduleSpec { when, ..command.spec.clone() }, ..command };
    let refused = world.tree().schedules.create(&me(), later).await;
    assert!(matches!(refused, Err(ScheduleError::NoCampaign)), "{refused:?}");
    super::world::verify(&*world.engine);
}
