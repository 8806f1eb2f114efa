//! Groups: what is kept of them, what is told once, and what a thousand members cost.

use wasup_store::Durability;
use wasup_store::id::AccountNo;
use wasup_store::jid::Jid;
use wasup_store::records::{
    AccountRecord, EventData, GroupChange, GroupMember, GroupRecord, GroupRole, GroupSettings, MembersAct, Participant,
};
use wasup_store::repo::event;
use wasup_store::repo::group::{self, GroupNews, GroupWhat};
use wasup_store::{Store, StoreError};

use crate::support::{NOW, both, memory, owned, read};

fn jid() -> Jid {
    "120363000000000001@g.us".parse().unwrap()
}

fn record(members: &[(Participant, GroupRole)]) -> GroupRecord {
    GroupRecord {
        jid: jid(),
        subject: "friends".into(),
        description: None,
        owner: members.first().map(|(who, _)| who.clone()),
        created_ms: Some(NOW),
        lid: true,
        parent: None,
        community: false,
        settings: GroupSettings::default(),
        members: members.iter().map(|(who, role)| GroupMember { who: who.clone(), role: *role }).collect(),
        joined: true,
        picture: None,
        told_ms: 0,
        taken: Vec::new(),
    }
}

fn news(id: Option<&str>, what: GroupWhat) -> GroupNews {
    GroupNews { group: jid(), by: Some(both(900, 62)), at_ms: NOW, id: id.map(Into::into), what }
}

async fn take(store: &Store, account: &AccountRecord, all: Vec<GroupNews>) -> Vec<Jid> {
    let (no, epoch) = (account.no, account.epoch);
    let job = move |tx: &mut wasup_store::WriteTx<'_>| group::take(tx, no, Some(epoch), &all, NOW);
    store.write::<_, StoreError, _>(Durability::Durable, job).await.unwrap()
}

async fn known(store: &Store, no: AccountNo) -> Option<GroupRecord> {
    read(store, |tx| group::get(tx, no, &jid())).await
}

/// What events tell of groups, in words.
async fn told(store: &Store) -> Vec<&'static str> {
    let page = read(store, |tx| event::page(tx, wasup_store::id::Position(0), 1_000)).await;
    let word = |data: &EventData| match data {
        EventData::Group(event) => Some(event.change.as_str()),
        EventData::GroupMembers(event) => Some(event.act.as_str()),
        _ => None,
    };
    page.iter().filter_map(|(_, event)| word(&event.data)).collect()
}

#[tokio::test]
async fn what_is_so_already_or_comes_again_is_told_once() {
    let (store, engine) = memory();
    let account = owned(&store, "a").await;
    let (owner, friend) = (both(900, 62), both(901, 63));
    let whole = record(&[(owner, GroupRole::Owner), (friend.clone(), GroupRole::Member)]);
    take(&store, &account, vec![news(Some("1.0"), GroupWhat::Whole(Box::new(whole), true))]).await;
    let promoted = || GroupWhat::Members(MembersAct::Promoted, vec![both(901, 63)]);
    let demoted = || GroupWhat::Members(MembersAct::Demoted, vec![Participant { lid: None, ..both(901, 63) }]);
    take(&store, &account, vec![news(Some("2.0"), promoted()), news(None, promoted())]).await;
    take(&store, &account, vec![news(Some("3.0"), demoted())]).await;
    // The first notification again: it would undo the second.
    take(&store, &account, vec![news(Some("2.0"), promoted())]).await;
    let subject = || GroupWhat::Changed(GroupChange::Subject("renamed".into()));
    take(&store, &account, vec![news(None, subject()), news(Some("4.0"), subject())]).await;
    let put_out = GroupWhat::Members(MembersAct::Removed, vec![friend]);
    take(&store, &account, vec![news(Some("5.0"), put_out)]).await;
    assert_eq!(told(&store).await, ["new", "promoted", "demoted", "subject", "removed"]);
    let held = known(&store, account.no).await.unwrap();
    assert_eq!((held.subject.as_str(), held.members.len()), ("renamed", 1));
    crate::recount::check(&*engine);
}

#[tokio::test]
async fn a_group_that_is_not_known_is_asked_for() {
    let (store, _) = memory();
    let account = owned(&store, "a").await;
    let subject = GroupWhat::Changed(GroupChange::Subject("who is this".into()));
    assert_eq!(take(&store, &account, vec![news(None, subject)]).await, [jid()]);
    assert_eq!(known(&store, account.no).await, None, "half a group is none");
    assert_eq!(told(&store).await, ["subject"], "and what happened is told all the same");
    let whole = record(&[(both(900, 62), GroupRole::Owner)]);
    assert!(take(&store, &account, vec![news(None, GroupWhat::Whole(Box::new(whole), false))]).await.is_empty());
    assert_eq!(told(&store).await, ["subject"]);
    assert_eq!(known(&store, account.no).await.unwrap().subject, "friends");
}

#[tokio::test]
async fn a_thousand_members_and_a_list_of_all_groups() {
    let (store, engine) = memory();
    let account = owned(&store, "a").await;
    let many: Vec<_> = (0..1_024).map(|n| (both(10_000 + n, 620_000 + n), GroupRole::Member)).collect();
    let (no, large) = (account.no, record(&many));
    let all = vec![large.clone(), GroupRecord { jid: "120363000000000002@g.us".parse().unwrap(), ..record(&[]) }];
    let job = move |tx: &mut wasup_store::WriteTx<'_>| group::take_all(tx, no, None, &all, NOW);
    store.write::<_, StoreError, _>(Durability::Durable, job).await.unwrap();
    assert_eq!(known(&store, no).await.unwrap().members.len(), 1_024);
    assert!(told(&store).await.is_empty(), "what was there before is no news");
    let page = read(&store, |tx| group::list(tx, no, None, 1)).await;
    let rest = read(&store, |tx| group::list(tx, no, Some(page[0].0), 10)).await;
    assert_eq!((page.len(), rest.len()), (1, 1));
    let job = move |tx: &mut wasup_store::WriteTx<'_>| group::take_all(tx, no, None, std::slice::from_ref(&large), NOW);
    store.write::<_, StoreError, _>(Durability::Durable, job).await.unwrap();
    let joined: Vec<bool> =
        read(&store, |tx| group::list(tx, no, None, 10)).await.iter().map(|(_, one)| one.joined).collect();
    assert_eq!(joined, [true, false], "the account is not in what is not listed");
    crate::recount::check(&*engine);
}
