//! Whose messages reach an account's chatbot.

use wasup_store::id::DeliveryId;
use wasup_store::records::{EndpointRecord, EventKind, Participant};
use wasup_store::repo::inbound::NewInbound;
use wasup_store::repo::{chatbot, delivery, endpoint, event};
use wasup_store::{ReadTx, Store};

use crate::support::{NOW, arrived, both, group, hook, lid, memory, owned, phone, read, receive, write};

async fn bot(store: &Store, no: wasup_store::id::AccountNo) -> EndpointRecord {
    let record = hook(store, no, 7).await;
    let record = EndpointRecord { chatbot: true, events: vec![EventKind::MessageReceived], ..record };
    let put = record.clone();
    write(store, move |tx| endpoint::put(tx, &put, NOW)).await;
    record
}

/// The network's ids of the messages that the endpoint gets.
async fn heard(store: &Store, bot: &EndpointRecord) -> Vec<String> {
    let id = bot.id;
    let of = |tx: &ReadTx<'_>| {
        let mut heard = Vec::new();
        for (position, record) in event::page(tx, wasup_store::id::Position(0), 1_000)? {
            if delivery::get(tx, DeliveryId { endpoint: id, position })?.is_some()
                && let wasup_store::records::EventData::Message(message) = record.data
            {
                heard.push(message.provider_id);
            }
        }
        Ok(heard)
    };
    read(store, of).await
}

async fn switch(store: &Store, no: wasup_store::id::AccountNo, who: &Participant, on: bool, now_ms: u64) {
    let who = who.clone();
    write(store, move |tx| chatbot::switch(tx, no, &who, on, now_ms)).await;
}

#[tokio::test]
async fn only_what_switched_on_humans_write_one_to_one_reaches_the_chatbot() {
    let (store, engine) = memory();
    let account = owned(&store, "a").await;
    let bot = bot(&store, account.no).await;
    switch(&store, account.no, &phone(62), true, NOW).await;
    switch(&store, account.no, &phone(63), false, NOW).await;
    let in_group = NewInbound { chat: group(7), group: true, ..arrived(4, &phone(62)) };
    let own = NewInbound { from_me: true, sender: None, ..arrived(5, &phone(62)) };
    let messages = vec![
        arrived(1, &phone(62)),
        arrived(2, &phone(63)),
        arrived(3, &phone(64)),
        in_group,
        own,
        arrived(6, &phone(62)),
    ];
    let ids: Vec<_> = messages.iter().map(|message| message.provider_id.clone()).collect();
    receive(&store, &account, messages).await;
    assert_eq!(heard(&store, &bot).await, [ids[0].clone(), ids[5].clone()]);
    switch(&store, account.no, &phone(62), false, NOW + 1).await;
    switch(&store, account.no, &phone(64), true, NOW + 1).await;
    receive(&store, &account, vec![arrived(7, &phone(62)), arrived(8, &phone(64))]).await;
    assert_eq!(heard(&store, &bot).await.len(), 3);
    crate::recount::check(&*engine);
}

#[tokio::test]
async fn the_newest_word_counts_when_two_humans_turn_out_to_be_one() {
    for (number_on, lid_on, newest) in [(true, false, "number"), (true, false, "lid"), (false, true, "number")] {
        let (store, engine) = memory();
        let account = owned(&store, "a").await;
        let bot = bot(&store, account.no).await;
        let late = |who: &str| NOW + u64::from(newest == who);
        switch(&store, account.no, &phone(62), number_on, late("number")).await;
        switch(&store, account.no, &lid(900), lid_on, late("lid")).await;
        let counts = if newest == "number" { number_on } else { lid_on };
        receive(&store, &account, vec![arrived(1, &both(900, 62)), arrived(2, &phone(62))]).await;
        assert_eq!(heard(&store, &bot).await.len(), if counts { 2 } else { 0 }, "{number_on} {lid_on} {newest}");
        let listed = read(&store, |tx| chatbot::list(tx, account.no, None, 10)).await;
        assert_eq!(listed.len(), 1, "one human is shown once");
        assert_eq!((listed[0].2.on, &listed[0].1), (counts, &both(900, 62)));
        assert!(write(&store, move |tx| chatbot::forget(tx, account.no, &phone(62))).await);
        assert!(read(&store, |tx| chatbot::list(tx, account.no, None, 10)).await.is_empty());
        crate::recount::check(&*engine);
    }
}

#[tokio::test]
async fn senders_are_listed_in_pieces_and_only_of_their_account() {
    let (store, _) = memory();
    let (one, two) = (owned(&store, "a").await, owned(&store, "b").await);
    for n in 0..7 {
        switch(&store, one.no, &phone(62_000 + n), n % 2 == 0, NOW).await;
        switch(&store, two.no, &phone(63_000 + n), true, NOW).await;
    }
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let page = read(&store, |tx| chatbot::list(tx, one.no, after, 3)).await;
        seen.extend(page.iter().map(|(_, who, sender)| (who.phone.clone().unwrap(), sender.on)));
        let Some((last, ..)) = page.last() else { break };
        after = Some(*last);
    }
    let expected: Vec<_> = (0..7).map(|n| ((62_000 + n).to_string(), n % 2 == 0)).collect();
    assert_eq!(seen, expected);
}
