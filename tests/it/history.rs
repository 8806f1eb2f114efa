//! The history that a phone sends: imported once, bounded, without events of messages, and asked for.

use serde_json::{Value, json};
use wasup_sandbox::{HistoryChunk, HistoryPart, PastChat, PastMessage};

use crate::promises::Linked;

const CHATS: &str = "/v1/accounts/a0/chats";
const EARLY_S: u64 = 1_790_000_000;

fn past(of: &str, n: u64) -> PastMessage {
    PastMessage {
        id: format!("OLD{of}{n:06}"),
        from_me: n.is_multiple_of(3),
        sender: None,
        text: format!("{of} {n}"),
        at_s: EARLY_S + n / 5,
    }
}

fn chat(number: &str, messages: std::ops::Range<u64>) -> PastChat {
    PastChat {
        jid: format!("{number}@s.whatsapp.net"),
        messages: messages.map(|n| past(number, n)).collect(),
        ..PastChat::default()
    }
}

async fn synced(linked: &Linked, wanted: impl Fn(&Value) -> bool) -> Value {
    let found = |page: &Value| {
        let all = page["data"].as_array().unwrap().clone();
        all.into_iter().find(|event| event["type"] == "history.synced" && wanted(&event["data"]))
    };
    let page = linked.until("/v1/events?limit=1000", |page| found(page).is_some()).await;
    found(&page).unwrap()["data"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_phone_sends_is_imported_once_and_quietly() {
    let linked =
        Linked::with(1, &[("WASUP__HISTORY__MESSAGES_PER_CHAT", "60"), ("WASUP__HISTORY__DAYS", "36500")]).await;
    let (world, phone) = (&linked.world, &linked.phones[0]);
    let device = phone.devices()[0];
    let mut group = chat("120363000000000001", 0..10);
    group.jid = "120363000000000001@g.us".into();
    group.name = Some("Old friends".into());
    group.archived = true;
    group.messages.iter_mut().filter(|told| !told.from_me).for_each(|told| {
        told.sender = Some("6281255555555@s.whatsapp.net".into());
    });
    let chunk = HistoryChunk {
        part: HistoryPart::Full,
        order: 1,
        progress: 100,
        chats: vec![chat("6281244444444", 0..100), group],
        names: vec![("6281244444444@s.whatsapp.net".into(), "Past Ann".into())],
    };
    phone.send_history(device, &chunk).unwrap();
    let told = synced(&linked, |data| data["kind"] == "full").await;
    assert_eq!((&told["chats"], &told["messages"], &told["lost"]), (&json!(2), &json!(70), &json!(false)), "{told}");
    assert_eq!((&told["progress"], &told["left_out"]), (&json!(100), &json!(40)));
    let page = world.get(CHATS).await.1;
    assert_eq!(page["totals"], json!({"chats": 2, "unread_messages": 0}));
    let ann = world.get(&format!("{CHATS}/6281244444444")).await.1;
    assert_eq!((&ann["push_name"], &ann["archived"]), (&json!("Past Ann"), &json!(false)));
    let friends = world.get(&format!("{CHATS}/120363000000000001@g.us")).await.1;
    assert_eq!((&friends["name"], &friends["archived"]), (&json!("Old friends"), &json!(true)));
    // The newest sixty, in the order they were written, sent ones with what became of them.
    let list = format!("{CHATS}/6281244444444/messages?order=asc&limit=1000&source=store");
    let all = world.get(&list).await.1;
    let texts: Vec<_> =
        all["data"].as_array().unwrap().iter().map(|m| m["text"].as_str().unwrap().to_owned()).collect();
    assert_eq!(texts, (40..100).map(|n| format!("6281244444444 {n}")).collect::<Vec<_>>());
    let sent = &all["data"][2];
    assert_eq!((&sent["direction"], &sent["state"]), (&json!("outbound"), &json!("read")));
    // Again: nothing is stored twice.
    phone.send_history(device, &HistoryChunk { order: 2, ..chunk }).unwrap();
    let again = synced(&linked, |data| data["order"] == 2).await;
    assert_eq!((&again["messages"], &again["known"]), (&json!(0), &json!(70)));
    let events = world.get("/v1/events?limit=1000").await.1;
    let kinds: Vec<_> =
        events["data"].as_array().unwrap().iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert!(!kinds.contains(&"message.received") && !kinds.contains(&"message.sent"), "{kinds:?}");
    assert_eq!(linked.network().violations(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn older_messages_are_asked_of_the_phone() {
    let linked = Linked::with(1, &[("WASUP__HISTORY__DAYS", "36500")]).await;
    let (world, phone) = (&linked.world, &linked.phones[0]);
    phone.keep_archive(vec![chat("6281244444444", 0..100)]);
    let newest =
        HistoryChunk { chats: vec![chat("6281244444444", 90..100)], ..HistoryChunk::empty(HistoryPart::Recent) };
    phone.send_history(phone.devices()[0], &newest).unwrap();
    synced(&linked, |data| data["kind"] == "recent" && data["messages"] == 10).await;
    let list = format!("{CHATS}/6281244444444/messages");
    let here = world.get(&format!("{list}?limit=30&source=store")).await.1;
    assert_eq!(here["data"].as_array().unwrap().len(), 10);
    let more = world.get(&format!("{list}?limit=30&source=server&wait=20s")).await.1;
    let texts: Vec<_> =
        more["data"].as_array().unwrap().iter().map(|m| m["text"].as_str().unwrap().to_owned()).collect();
    assert_eq!(texts, (70..100).rev().map(|n| format!("6281244444444 {n}")).collect::<Vec<_>>());
    // Enough is here: nobody is asked.
    let auto = world.get(&format!("{list}?limit=20&wait=20s")).await.1;
    assert_eq!(auto["data"].as_array().unwrap().len(), 20);
    let before = auto["data"][19]["id"].as_str().unwrap();
    let rest = world.get(&format!("{list}?limit=1000&before={before}&wait=20s")).await.1;
    assert!(rest["data"].as_array().unwrap().len() > 11, "{rest}");
    assert_eq!(linked.network().violations(), []);
}
