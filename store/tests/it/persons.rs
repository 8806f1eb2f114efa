//! Who is who: the LID is the human, a phone number only points.

use wasup_store::records::Participant;
use wasup_store::repo::{chat, person};

use crate::support::{arrived, both, group, lid, memory, owned, phone, read, receive};

/// Who writes, one after the other; then which addresses are one human in the end.
#[tokio::test]
async fn persons_are_told_apart_and_brought_together() {
    let one = |a: Participant, b: Participant| (a, b, true);
    let two = |a: Participant, b: Participant| (a, b, false);
    let cases = [
        ("a phone gets its LID", vec![phone(62), both(900, 62)], vec![one(phone(62), lid(900))]),
        ("a LID gets its phone", vec![lid(900), both(900, 62)], vec![one(phone(62), lid(900))]),
        ("nothing joins them yet", vec![lid(900), phone(62)], vec![two(lid(900), phone(62))]),
        ("two turn out to be one", vec![lid(900), phone(62), both(900, 62)], vec![one(lid(900), phone(62))]),
        (
            "a recycled number goes to the new human",
            vec![both(900, 62), both(901, 62)],
            vec![one(lid(901), phone(62)), two(lid(900), lid(901))],
        ),
        (
            "a recycled number goes to a human who is known",
            vec![both(900, 62), lid(901), both(901, 62)],
            vec![one(lid(901), phone(62)), two(lid(900), lid(901))],
        ),
        (
            "a new number of the same human",
            vec![both(900, 62), both(900, 63)],
            vec![one(lid(900), phone(63)), one(lid(900), phone(62))],
        ),
        (
            "a new number that wrote before",
            vec![both(900, 62), phone(63), both(900, 63)],
            vec![one(lid(900), phone(63)), one(lid(900), phone(62))],
        ),
    ];
    for (what, writers, questions) in cases {
        let (store, engine) = memory();
        let account = owned(&store, "a").await;
        for (n, from) in writers.iter().enumerate() {
            receive(&store, &account, vec![arrived(n as u64, from)]).await;
        }
        for (a, b, same) in questions {
            let persons = read(&store, |tx| {
                let of = |p: &Participant| {
                    person::find(tx, account.no, p)?.map(|p| person::canonical(tx, account.no, p)).transpose()
                };
                Ok((of(&a)?.unwrap(), of(&b)?.unwrap()))
            })
            .await;
            assert_eq!(persons.0 == persons.1, same, "{what}");
        }
        crate::recount::check(&*engine);
    }
}

#[tokio::test]
async fn a_merge_keeps_both_chats_readable_and_writes_on_in_one() {
    let (store, engine) = memory();
    let account = owned(&store, "a").await;
    let no = account.no;
    receive(&store, &account, vec![arrived(1, &lid(900)), arrived(2, &phone(62))]).await;
    receive(&store, &account, vec![arrived(3, &both(900, 62)), arrived(4, &phone(62)), arrived(5, &lid(900))]).await;
    for who in [lid(900), phone(62), both(900, 62)] {
        let chats = read(&store, |tx| chat::find(tx, no, &who)).await;
        assert_eq!(chats.len(), 2);
        let listed = read(&store, |tx| wasup_store::repo::message::list(tx, no, Some(&who), None, 99)).await;
        let texts: Vec<_> = listed.iter().map(|(id, _)| id.key.rand).collect();
        assert_eq!(texts, [5, 4, 3, 2, 1]);
        let mut chats: Vec<_> = listed[..3].iter().map(|(_, record)| record.chat_no).collect();
        chats.dedup();
        assert_eq!(chats.len(), 1, "new messages stand in one chat");
    }
    let absorbed = read(&store, |tx| {
        let canonical = person::find(tx, no, &lid(900))?.unwrap();
        Ok((canonical, person::absorbed(tx, no, canonical)?))
    })
    .await;
    assert_eq!(absorbed.1.len(), 1);
    assert_eq!(read(&store, |tx| person::canonical(tx, no, absorbed.1[0])).await, absorbed.0);
    crate::recount::check(&*engine);
}

/// The absorbed person's chat is the only one: the conversation goes on there.
#[tokio::test]
async fn a_human_without_a_chat_goes_on_in_the_absorbed_ones() {
    let (store, engine) = memory();
    let account = owned(&store, "a").await;
    let seen_in_group = wasup_store::repo::inbound::NewInbound { chat: group(7), group: true, ..arrived(1, &lid(900)) };
    receive(&store, &account, vec![seen_in_group, arrived(2, &phone(62))]).await;
    receive(&store, &account, vec![arrived(3, &both(900, 62)), arrived(4, &lid(900))]).await;
    assert_eq!(read(&store, |tx| chat::find(tx, account.no, &lid(900))).await.len(), 1);
    assert_eq!(read(&store, |tx| chat::find(tx, account.no, &group(7))).await.len(), 1);
    assert_eq!(read(&store, |tx| chat::find(tx, account.no, &group(8))).await.len(), 0);
    crate::recount::check(&*engine);
}

#[tokio::test]
async fn accounts_do_not_share_persons() {
    let (store, _engine) = memory();
    let (a, b) = (owned(&store, "a").await, owned(&store, "b").await);
    receive(&store, &a, vec![arrived(1, &both(900, 62))]).await;
    assert!(read(&store, |tx| person::find(tx, b.no, &lid(900))).await.is_none());
    let found = read(&store, |tx| {
        let person = person::by_jid(tx, a.no, &phone(62).jid)?.unwrap();
        person::get(tx, a.no, person)
    })
    .await
    .unwrap();
    assert_eq!((found.lid, found.phone), (Some(lid(900).jid), Some(phone(62).jid)));
    assert!(found.chat.is_some());
}
