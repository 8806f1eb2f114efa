//! Campaigns: who gets them, their turns, and one outcome for each recipient.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};

use wasup_store::Store;
use wasup_store::id::{AccountNo, CampaignId, DEFAULT_TENANT, ListId, MessageId, Millis};
use wasup_store::records::{
    AccountRecord, CampaignCounts, CampaignPace, CampaignPlan, CampaignReason, CampaignState, CampaignTo, EarlierWho,
    EventData, FailReason, Gathering, ItemState, ItemTrouble, ListedContact, Load, MessageState, OnRestriction,
    ReplyRules, Rotation, RunId, RunTally,
};
use wasup_store::repo::bulk::{self, BulkCaps};
use wasup_store::repo::campaign::{
    self, Created, NewCampaign, Offer, Outcome, PACK, Packed, Proposal, Turn, Wish, Wished,
};
use wasup_store::repo::job::Draw;
use wasup_store::repo::send::{self, Settlement};
use wasup_store::repo::{account, event, listed, lists, message, opt_out, receipt, run};

use crate::support::{NOW, arrived, both, memory, owned, phone, read, receive, text, write};

fn contact(n: u64) -> ListedContact {
    let tags = if n.is_multiple_of(3) { BTreeSet::from(["vip".to_owned()]) } else { BTreeSet::new() };
    ListedContact {
        number: (62_000 + n).to_string(),
        name: Some(format!("Name {n}")),
        tags,
        ..ListedContact::default()
    }
}

async fn list(store: &Store, n: u64, contacts: Vec<ListedContact>) -> ListId {
    let id = ListId::new(NOW, n);
    write(store, move |tx| lists::create(tx, id, DEFAULT_TENANT, ("list", None), NOW)).await;
    write(store, move |tx| listed::put(tx, DEFAULT_TENANT, id, &contacts, listed::Twice::Merge, NOW)).await.unwrap();
    id
}

fn plan(to: CampaignTo, senders: Vec<AccountNo>) -> CampaignPlan {
    CampaignPlan {
        load: Box::new(Load { content: text("hello"), context: None, client_message_id: None }),
        text: None,
        template: None,
        to,
        senders,
        rotation: Rotation::default(),
        pace: CampaignPace::default(),
        quiet: None,
        replies: ReplyRules::default(),
        on_restriction: OnRestriction::default(),
    }
}

fn to_lists(lists: &[ListId]) -> CampaignTo {
    CampaignTo::Lists { lists: lists.to_vec(), tags: BTreeSet::new() }
}

async fn draft(store: &Store, n: u64, plan: CampaignPlan) -> CampaignId {
    let new = NewCampaign {
        id: CampaignId::new(NOW + n, n),
        tenant: DEFAULT_TENANT,
        name: format!("campaign {n}"),
        plan,
        start: None,
        seed: n,
        now_ms: NOW,
    };
    let id = new.id;
    assert!(matches!(write(store, move |tx| campaign::create(tx, &new, None)).await, Created::New(_)));
    id
}

async fn wish(store: &Store, id: CampaignId, wish: Wish) -> Wished {
    write(store, move |tx| campaign::wish(tx, id, wish, NOW + 5)).await
}

async fn started(store: &Store, n: u64, plan: CampaignPlan) -> CampaignId {
    let id = draft(store, n, plan).await;
    assert!(matches!(wish(store, id, Wish::Start(None)).await, Wished::Done(_)));
    id
}

/// Writes down everybody, `limit` at a time; answers how many steps it took.
async fn gather(store: &Store, id: CampaignId, limit: usize) -> usize {
    for step in 1.. {
        let record = read(store, |tx| campaign::get(tx, id)).await.unwrap();
        let piece = read(store, |tx| campaign::gather(tx, &record, limit)).await.expect("nothing is gone");
        let packs: Vec<_> = piece.recipients.chunks(PACK).map(|some| Packed::of(some).unwrap()).collect();
        let (from, next) = (record.gathering, piece.next.clone());
        assert!(write(store, move |tx| campaign::gathered(tx, id, &from, (&packs, &piece.next), NOW + 6)).await);
        if next == Gathering::Done {
            return step;
        }
    }
    unreachable!("the loop ends")
}

fn sends(seq: u32, number: &str, sender: AccountNo, caps: BulkCaps) -> Offer {
    let load = Box::new(Load { content: text(format!("to {seq}")), context: None, client_message_id: None });
    static DRAWN: AtomicU64 = AtomicU64::new(1);
    let rand = DRAWN.fetch_add(1, Ordering::Relaxed);
    let draw = Draw { provider_id: format!("3EBCMP{rand:08}"), rand, secret: None };
    Offer { seq, number: number.to_owned(), aside_ms: None, what: Proposal::Send { sender, load, draw, caps } }
}

async fn offer(store: &Store, id: CampaignId, offers: Vec<Offer>, now_ms: Millis) -> Turn {
    write(store, move |tx| campaign::offer(tx, id, &offers, (now_ms, 1_000))).await
}

/// Gives the next recipient to an account.
async fn next(store: &Store, id: CampaignId, sender: AccountNo, now_ms: Millis) -> Outcome {
    let at = tally(store, id).await.next;
    let found = read(store, |tx| campaign::recipients(tx, id, at, 1)).await;
    let one = sends(at, &found[0].1.number, sender, BulkCaps::default());
    match offer(store, id, vec![one], now_ms).await {
        Turn::Done(outcomes) => outcomes[0],
        Turn::NotRunning => panic!("it does not run"),
    }
}

async fn sent(store: &Store, id: CampaignId, of: &AccountRecord, now_ms: Millis) -> MessageId {
    let Outcome::Accepted(no, message) = next(store, id, of.no, now_ms).await else { panic!("not accepted") };
    assert_eq!(no, of.no);
    settle(store, of, message, Settlement::Sent, now_ms).await;
    message
}

async fn settle(store: &Store, of: &AccountRecord, id: MessageId, outcome: Settlement, now_ms: Millis) {
    let (no, epoch) = (of.no, of.epoch);
    write(store, move |tx| send::take(tx, no, epoch, now_ms, 100)).await;
    write(store, move |tx| send::settle(tx, no, epoch, &[(id, outcome)], now_ms)).await;
}

async fn tally(store: &Store, id: CampaignId) -> RunTally {
    read(store, |tx| run::tally(tx, RunId::Campaign(id))).await
}

async fn states(store: &Store, id: CampaignId) -> Vec<ItemState> {
    let items = read(store, |tx| run::page(tx, RunId::Campaign(id), None, 0, 10_000)).await;
    items.into_iter().map(|(_, item)| item.state).collect()
}

async fn state(store: &Store, id: CampaignId) -> CampaignState {
    read(store, |tx| campaign::get(tx, id)).await.unwrap().state
}

async fn told(store: &Store) -> Vec<CampaignState> {
    let events = read(store, |tx| event::page(tx, wasup_store::id::Position(0), 1_000)).await;
    let campaign = |data| match data {
        EventData::Campaign(campaign) => Some(campaign.state),
        _ => None,
    };
    events.into_iter().filter_map(|(_, event)| campaign(event.data)).collect()
}

fn sound(engine: &dyn wasup_store::engine::Engine) {
    crate::recount::check(engine);
}

#[tokio::test]
async fn whoever_is_in_several_lists_is_met_once_however_small_the_pieces() {
    let (store, engine) = memory();
    let account = owned(&store, "a").await;
    let one = list(&store, 1, (0..700).map(contact).collect()).await;
    let two = list(&store, 2, (500..900).map(contact).collect()).await;
    for (n, limit) in [(1, 7), (2, 100), (3, 10_000)] {
        let id = started(&store, n, plan(to_lists(&[one, two]), vec![account.no])).await;
        gather(&store, id, limit).await;
        let found = read(&store, |tx| campaign::recipients(tx, id, 0, 10_000)).await;
        let seqs: Vec<_> = found.iter().map(|(seq, _)| *seq).collect();
        let numbers: BTreeSet<_> = found.iter().map(|(_, one)| one.number.clone()).collect();
        assert_eq!(seqs, (0..900).collect::<Vec<_>>(), "pieces of {limit}");
        assert_eq!(numbers, (0..900).map(|n| contact(n).number).collect());
        assert_eq!((tally(&store, id).await.total, tally(&store, id).await.of(ItemState::Pending)), (900, 900));
        let from = read(&store, |tx| campaign::recipients(tx, id, 333, 5)).await;
        assert_eq!(from, found[333..338]);
    }
    let vips = CampaignTo::Lists { lists: vec![one, two], tags: BTreeSet::from(["VIP".to_owned()]) };
    let id = started(&store, 4, plan(vips, vec![account.no])).await;
    gather(&store, id, 50).await;
    assert_eq!(tally(&store, id).await.total, 300);
    sound(&*engine);
}

#[tokio::test]
async fn a_campaign_to_nobody_is_over_at_once_and_one_whose_list_is_gone_is_told() {
    let (store, engine) = memory();
    let account = owned(&store, "a").await;
    let empty = list(&store, 1, Vec::new()).await;
    let id = started(&store, 1, plan(to_lists(&[empty]), vec![account.no])).await;
    gather(&store, id, 10).await;
    assert_eq!(state(&store, id).await, CampaignState::Completed);
    let gone = started(&store, 2, plan(to_lists(&[ListId::new(NOW, 99)]), vec![account.no])).await;
    let record = read(&store, |tx| campaign::get(tx, gone)).await.unwrap();
    assert_eq!(read(&store, |tx| campaign::gather(tx, &record, 10)).await, None);
    assert!(write(&store, move |tx| campaign::halt(tx, gone, CampaignReason::AudienceGone, NOW + 9)).await);
    use CampaignState::{Completed, Halted, Running};
    assert_eq!(told(&store).await, [Running, Completed, Running, Halted]);
    sound(&*engine);
}

#[tokio::test]
async fn every_recipient_moves_with_its_message_and_the_last_outcome_ends_the_campaign() {
    use ItemState::{Failed, Pending, Queued, Read, Sent};
    let (store, engine) = memory();
    let (a, b) = (owned(&store, "a").await, owned(&store, "b").await);
    let four = list(&store, 1, (0..4).map(contact).collect()).await;
    let id = started(&store, 1, plan(to_lists(&[four]), vec![a.no, b.no])).await;
    gather(&store, id, 10).await;
    let Outcome::Accepted(_, one) = next(&store, id, a.no, NOW + 10).await else { panic!("not accepted") };
    assert_eq!(next(&store, id, a.no, NOW + 11).await, Outcome::Busy(a.no), "its last one has no outcome");
    let two = sent(&store, id, &b, NOW + 12).await;
    assert_eq!(states(&store, id).await, [Queued, Sent, Pending, Pending]);
    settle(&store, &a, one, Settlement::Failed(FailReason::NoRecipient), NOW + 3_600_000).await;
    let three = sent(&store, id, &a, NOW + 3_600_001).await;
    let four = sent(&store, id, &a, NOW + 3_600_002).await;
    assert_eq!(state(&store, id).await, CampaignState::Completed);
    let provider_id = read(&store, |tx| message::get(tx, two)).await.unwrap().provider_id;
    let (no, epoch) = (b.no, b.epoch);
    write(&store, move |tx| {
        receipt::apply(tx, no, epoch, std::slice::from_ref(&provider_id), MessageState::Read, NOW + 20, NOW + 20)
    })
    .await;
    assert_eq!(states(&store, id).await, [Failed, Read, Sent, Sent]);
    let items = read(&store, |tx| run::page(tx, RunId::Campaign(id), None, 0, 10)).await;
    let by: Vec<_> = items.iter().map(|(_, item)| (item.sender.unwrap(), item.message.unwrap())).collect();
    assert_eq!(by, [(a.no, one), (b.no, two), (a.no, three), (a.no, four)]);
    let none = CampaignCounts::default();
    assert_eq!(
        read(&store, |tx| campaign::of_senders(tx, id)).await,
        [
            (a.no, CampaignCounts { sent: 2, failed: 1, ..none }),
            (b.no, CampaignCounts { sent: 1, delivered: 1, read: 1, ..none })
        ]
    );
    let hour = NOW / 3_600_000 * 3_600_000;
    assert_eq!(
        read(&store, |tx| campaign::hours(tx, id, 0, 10)).await,
        [
            (hour, CampaignCounts { sent: 1, delivered: 1, read: 1, ..none }),
            (hour + 3_600_000, CampaignCounts { sent: 2, failed: 1, ..none })
        ]
    );
    assert_eq!(told(&store).await, [CampaignState::Running, CampaignState::Completed]);
    sound(&*engine);
    // The failed one is tried again by a campaign of its own, the silent ones are asked once more.
    for (n, who, expected) in [(2, EarlierWho::Failed, 1), (3, EarlierWho::Silent, 3), (4, EarlierWho::Replied, 0)] {
        let again = started(&store, n, plan(CampaignTo::Earlier { campaign: id, who }, vec![a.no])).await;
        gather(&store, again, 2).await;
        assert_eq!(tally(&store, again).await.total, expected, "{who:?}");
    }
    sound(&*engine);
}

#[tokio::test]
async fn no_window_holds_more_than_its_limit_and_others_messages_count() {
    let (store, engine) = memory();
    let account = owned(&store, "a").await;
    let many = list(&store, 1, (0..40).map(contact).collect()).await;
    let plan = plan(to_lists(&[many]), vec![account.no]);
    let (id, other) = (started(&store, 1, plan.clone()).await, started(&store, 2, plan).await);
    gather(&store, id, 100).await;
    gather(&store, other, 100).await;
    let caps = || BulkCaps::new([(3, 60_000), (5, 600_000)]);
    let (mut now_ms, mut times) = (NOW + 100, Vec::new());
    while times.len() < 12 {
        let of = if times.len() % 2 == 0 { id } else { other };
        let at = tally(&store, of).await.next;
        let found = read(&store, |tx| campaign::recipients(tx, of, at, 1)).await;
        let turn = offer(&store, of, vec![sends(at, &found[0].1.number, account.no, caps())], now_ms).await;
        match turn {
            Turn::Done(outcomes) if matches!(outcomes[0], Outcome::Accepted(..)) => {
                let Outcome::Accepted(_, message) = outcomes[0] else { unreachable!("just matched") };
                now_ms += 500;
                settle(&store, &account, message, Settlement::Sent, now_ms).await;
                times.push(now_ms);
            }
            Turn::Done(_) => {
                let standing = read(&store, |tx| bulk::standing(tx, account.no, &caps(), now_ms)).await;
                assert!(standing.not_before_ms > now_ms, "{standing:?}");
                now_ms = standing.not_before_ms;
            }
            Turn::NotRunning => panic!("it runs"),
        }
    }
    for (most, window_ms) in [(3_usize, 60_000), (5, 600_000)] {
        for at in &times {
            let within = times.iter().filter(|time| (*at..at + window_ms).contains(time)).count();
            assert!(within <= most, "{within} in {window_ms} from {at}: {times:?}");
        }
    }
    // As many as may: the limits do not cost more than they must.
    assert!(times[11] - times[0] < 2 * 600_000 + 120_000, "{times:?}");
    let none = BulkCaps::new([(0, 60_000)]);
    let standing = read(&store, |tx| bulk::standing(tx, account.no, &none, now_ms)).await;
    assert!(standing.not_before_ms > now_ms);
    sound(&*engine);
}

#[tokio::test]
async fn who_opted_out_gets_nothing_whatever_a_list_says_and_rules_leave_others_out() {
    let (store, engine) = memory();
    let account = owned(&store, "a").await;
    let all = list(&store, 1, (0..4).map(contact).collect()).await;
    let rules = ReplyRules { skip_if_wrote_within_ms: Some(3_600_000), ..ReplyRules::default() };
    let first = CampaignPlan { replies: rules, ..plan(to_lists(&[all]), vec![account.no]) };
    let id = started(&store, 1, first).await;
    gather(&store, id, 10).await;
    let who = read(&store, |tx| campaign::recipients(tx, id, 0, 10)).await;
    let number = |n: usize| who[n].1.number.clone();
    let out = number(0);
    write(&store, move |tx| opt_out::add(tx, DEFAULT_TENANT, &out, None, NOW)).await;
    let writer: u64 = number(2).parse().unwrap();
    receive(&store, &account, vec![arrived(1, &phone(writer))]).await;
    assert_eq!(next(&store, id, account.no, NOW + 10).await, Outcome::Settled);
    sent(&store, id, &account, NOW + 11).await;
    assert_eq!(next(&store, id, account.no, NOW + 12).await, Outcome::Settled);
    sent(&store, id, &account, NOW + 13).await;
    let items = read(&store, |tx| run::page(tx, RunId::Campaign(id), Some(ItemState::Skipped), 0, 10)).await;
    let why: Vec<_> = items.into_iter().map(|(seq, item)| (seq, item.trouble.unwrap())).collect();
    assert_eq!(why, [(0, ItemTrouble::OptedOut), (2, ItemTrouble::WroteLately)]);
    assert_eq!(
        (state(&store, id).await, tally(&store, id).await.of(ItemState::Skipped)),
        (CampaignState::Completed, 2)
    );
    let known = ReplyRules { only_known: true, ..ReplyRules::default() };
    let second = CampaignPlan { replies: known, ..plan(to_lists(&[all]), vec![account.no]) };
    let id = started(&store, 2, second).await;
    gather(&store, id, 10).await;
    for n in 0..2 {
        assert_eq!(next(&store, id, account.no, NOW + 20 + n).await, Outcome::Settled);
    }
    sent(&store, id, &account, NOW + 30).await;
    assert_eq!(next(&store, id, account.no, NOW + 31).await, Outcome::Settled);
    sound(&*engine);
}

#[tokio::test]
async fn an_answer_is_noted_once_and_a_word_opts_out() {
    let (store, engine) = memory();
    let account = owned(&store, "a").await;
    let all = list(&store, 1, (0..3).map(contact).collect()).await;
    let replies = ReplyRules { stop_words: BTreeSet::from(["STOP".to_owned()]), ..ReplyRules::default() };
    let id = started(&store, 1, CampaignPlan { replies, ..plan(to_lists(&[all]), vec![account.no]) }).await;
    gather(&store, id, 10).await;
    for n in 0..3 {
        sent(&store, id, &account, NOW + 10 + n).await;
    }
    let who = read(&store, |tx| campaign::recipients(tx, id, 0, 10)).await;
    let number = |n: usize| who[n].1.number.parse::<u64>().unwrap();
    // The first answers under a LID that nobody knew: who they are is found out with the answer.
    receive(&store, &account, vec![arrived(1, &both(900, number(0))), arrived(2, &both(900, number(0)))]).await;
    let mut stop = arrived(3, &phone(number(1)));
    stop.content = text(" stop! ");
    receive(&store, &account, vec![stop]).await;
    // What was written long before the campaign came is no answer to it.
    let mut old = arrived(9, &phone(number(2)));
    old.ts_ms = NOW - 3_600_000;
    receive(&store, &account, vec![old]).await;
    let tally = tally(&store, id).await;
    assert_eq!((tally.replied, tally.of(ItemState::Sent)), (2, 3));
    let answered = read(&store, |tx| run::answered(tx, RunId::Campaign(id), 0, 10)).await;
    assert_eq!(
        answered.iter().map(|(seq, item)| (*seq, item.replied_ms)).collect::<Vec<_>>(),
        [(0, Some(NOW)), (1, Some(NOW))]
    );
    let number = who[1].1.number.clone();
    let out = read(&store, |tx| opt_out::get(tx, DEFAULT_TENANT, &number)).await.unwrap();
    assert_eq!(out.note, Some(format!("answered {id}")));
    sound(&*engine);
    // Who answered is not among the silent ones, not even where the answer comes after they were written down.
    let silent = CampaignTo::Earlier { campaign: id, who: EarlierWho::Silent };
    let again = started(&store, 2, plan(silent, vec![account.no])).await;
    gather(&store, again, 10).await;
    receive(&store, &account, vec![arrived(4, &phone(who[2].1.number.parse().unwrap()))]).await;
    assert_eq!(next(&store, again, account.no, NOW + 50).await, Outcome::Settled);
    assert_eq!(state(&store, again).await, CampaignState::Completed);
    sound(&*engine);
}

#[tokio::test]
async fn who_sleeps_is_put_aside_and_comes_again() {
    let (store, engine) = memory();
    let account = owned(&store, "a").await;
    let all = list(&store, 1, (0..3).map(contact).collect()).await;
    let id = started(&store, 1, plan(to_lists(&[all]), vec![account.no])).await;
    gather(&store, id, 10).await;
    let who = read(&store, |tx| campaign::recipients(tx, id, 0, 10)).await;
    let defer = |seq: usize, until: Millis| Offer {
        seq: u32::try_from(seq).unwrap(),
        number: who[seq].1.number.clone(),
        aside_ms: None,
        what: Proposal::Defer(until),
    };
    let turn = offer(&store, id, vec![defer(0, NOW + 900), defer(1, NOW + 500)], NOW + 10).await;
    assert_eq!(turn, Turn::Done(vec![Outcome::Settled; 2]));
    sent(&store, id, &account, NOW + 20).await;
    assert_eq!(read(&store, |tx| campaign::aside(tx, id, 10)).await, [(NOW + 500, 1), (NOW + 900, 0)]);
    assert_eq!(states(&store, id).await, [ItemState::Deferred, ItemState::Deferred, ItemState::Sent]);
    sound(&*engine);
    let again = Offer { aside_ms: Some(NOW + 500), ..sends(1, &who[1].1.number, account.no, BulkCaps::default()) };
    let Turn::Done(outcomes) = offer(&store, id, vec![again.clone()], NOW + 600).await else { panic!("it runs") };
    let Outcome::Accepted(_, message) = outcomes[0] else { panic!("{outcomes:?}") };
    assert_eq!(offer(&store, id, vec![again], NOW + 601).await, Turn::Done(vec![]), "its turn is over");
    settle(&store, &account, message, Settlement::Sent, NOW + 602).await;
    sound(&*engine);
    // Stopped, who still sleeps counts as cancelled.
    assert!(matches!(wish(&store, id, Wish::Stop).await, Wished::Done(_)));
    assert_eq!(states(&store, id).await, [ItemState::Cancelled, ItemState::Sent, ItemState::Sent]);
    let cancelled = read(&store, |tx| run::page(tx, RunId::Campaign(id), Some(ItemState::Cancelled), 0, 10)).await;
    assert_eq!(cancelled.len(), 1);
    sound(&*engine);
}

#[tokio::test]
async fn wishes_do_what_they_may_and_a_stop_takes_back_what_waits() {
    let (store, engine) = memory();
    let account = owned(&store, "a").await;
    let all = list(&store, 1, (0..300).map(contact).collect()).await;
    let id = draft(&store, 1, plan(to_lists(&[all]), vec![account.no])).await;
    assert_eq!(wish(&store, id, Wish::Pause).await, Wished::Cant(CampaignState::Draft));
    assert!(matches!(wish(&store, id, Wish::Start(Some(NOW + 1_000))).await, Wished::Done(_)));
    assert_eq!(read(&store, |tx| campaign::due(tx, NOW + 999, 10)).await, []);
    assert_eq!(read(&store, |tx| campaign::due(tx, NOW + 1_000, 10)).await, [(NOW + 1_000, id)]);
    assert!(matches!(wish(&store, id, Wish::Unschedule).await, Wished::Done(_)));
    assert_eq!(read(&store, |tx| campaign::due(tx, NOW + 1_000, 10)).await, []);
    assert!(matches!(wish(&store, id, Wish::Start(Some(NOW + 2_000))).await, Wished::Done(_)));
    assert!(!write(&store, move |tx| campaign::start_due(tx, id, NOW + 1_999)).await);
    assert!(write(&store, move |tx| campaign::start_due(tx, id, NOW + 2_000)).await);
    assert!(!write(&store, move |tx| campaign::start_due(tx, id, NOW + 2_000)).await);
    assert_eq!(read(&store, |tx| campaign::running(tx, None, 10)).await, [id]);
    gather(&store, id, 1_000).await;
    let Outcome::Accepted(..) = next(&store, id, account.no, NOW + 2_010).await else { panic!("not accepted") };
    assert!(matches!(wish(&store, id, Wish::Pause).await, Wished::Done(_)));
    assert_eq!(offer(&store, id, vec![], NOW + 2_011).await, Turn::NotRunning);
    assert!(!write(&store, move |tx| campaign::delete(tx, id, NOW)).await, "it is under way");
    assert!(matches!(wish(&store, id, Wish::Stop).await, Wished::Done(_)));
    assert_eq!(wish(&store, id, Wish::Resume).await, Wished::Cant(CampaignState::Cancelled));
    let tally = tally(&store, id).await;
    assert_eq!((tally.of(ItemState::Cancelled), tally.ended(), tally.total), (300, 300, 300));
    let page = read(&store, |tx| run::page(tx, RunId::Campaign(id), Some(ItemState::Cancelled), 298, 10)).await;
    assert_eq!(page.iter().map(|(seq, _)| *seq).collect::<Vec<_>>(), [298, 299]);
    sound(&*engine);
    assert!(write(&store, move |tx| campaign::delete(tx, id, NOW)).await);
    sound(&*engine);
    while write(&store, |tx| account::purge_step(tx, 5)).await {}
    assert_eq!(read(&store, |tx| campaign::recipients(tx, id, 0, 10)).await, []);
    sound(&*engine);
}

#[tokio::test]
async fn what_an_account_that_is_deleted_was_to_send_fails_and_others_go_on() {
    let (store, engine) = memory();
    let (a, b) = (owned(&store, "a").await, owned(&store, "b").await);
    let all = list(&store, 1, (0..3).map(contact).collect()).await;
    let id = started(&store, 1, plan(to_lists(&[all]), vec![a.no, b.no])).await;
    gather(&store, id, 10).await;
    assert!(matches!(next(&store, id, a.no, NOW + 10).await, Outcome::Accepted(..)));
    let gone = a.id.clone();
    write(&store, move |tx| account::delete(tx, &gone, NOW + 20)).await;
    while write(&store, |tx| account::purge_step(tx, 100)).await {}
    assert_eq!(next(&store, id, a.no, NOW + 30).await, Outcome::Gone(a.no));
    sent(&store, id, &b, NOW + 31).await;
    sent(&store, id, &b, NOW + 32).await;
    assert_eq!(state(&store, id).await, CampaignState::Completed);
    let failed = read(&store, |tx| run::page(tx, RunId::Campaign(id), Some(ItemState::Failed), 0, 10)).await;
    assert_eq!(
        failed.iter().map(|(seq, item)| (*seq, item.trouble.clone())).collect::<Vec<_>>(),
        [(0, Some(ItemTrouble::AccountGone))]
    );
    sound(&*engine);
}
