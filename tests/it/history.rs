//! The history that a phone sends: imported once, bounded, without events of messages, and asked for.

use serde_json::{Value, json};
use wasup_sandbox::{
    FileToSend, HistoryChunk, HistoryPart, MediaFault, PastAct, PastChat, PastMark, PastMessage, PastState, Phone,
};

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
        ..PastMessage::default()
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

async fn messages(linked: &Linked, chat: &str) -> Vec<Value> {
    let path = format!("{CHATS}/{chat}/messages?order=asc&limit=1000&source=store");
    linked.world.get(&path).await.1["data"].as_array().unwrap().clone()
}

fn by_id<'a>(messages: &'a [Value], id: &str) -> &'a Value {
    messages.iter().find(|message| message["provider_message_id"] == id).unwrap_or_else(|| panic!("no {id}"))
}

/// What a phone remembers of a chat and a group, with everything that became of it.
fn remembered(phone: &Phone, bytes: &[u8]) -> HistoryChunk {
    let told = |id: &str, from_me: bool, at: u64| PastMessage {
        id: id.into(),
        from_me,
        text: format!("text of {id}"),
        at_s: EARLY_S + at,
        ..PastMessage::default()
    };
    let paper = FileToSend {
        kind: "document".into(),
        mimetype: "text/plain".into(),
        filename: Some("old.txt".into()),
        ..FileToSend::default()
    };
    let emoji = |sign: &str, by_me: bool, by: Option<&str>| PastMark {
        by: by.map(Into::into),
        by_me,
        emoji: Some(sign.into()),
        at_s: EARLY_S + 50,
        ..PastMark::default()
    };
    let direct = PastChat {
        jid: "6281244444444@s.whatsapp.net".into(),
        messages: vec![
            PastMessage { state: PastState::Failed, ..told("FAILED", true, 0) },
            PastMessage { state: PastState::Sent, ..told("SENT", true, 1) },
            PastMessage { state: PastState::Delivered, ..told("DELIVERED", true, 2) },
            PastMessage { state: PastState::Read, ..told("READ", true, 3) },
            PastMessage { state: PastState::Played, ..told("PLAYED", true, 4) },
            PastMessage { edited_s: Some(EARLY_S + 90), ..told("EDITED", false, 5) },
            PastMessage { revoked_s: Some(EARLY_S + 91), ..told("REVOKED", false, 6) },
            told("EDITED2", true, 7),
            PastMessage { act: Some(PastAct::Edit("EDITED2".into())), ..told("EDIT", true, 8) },
            told("REVOKED2", true, 9),
            PastMessage { act: Some(PastAct::Revoke("REVOKED2".into())), ..told("REVOKE", true, 10) },
            PastMessage {
                marks: vec![emoji("👍", true, None), emoji("🙏", false, None)], ..told("LIKED", false, 11)
            },
            PastMessage { file: Some(phone.past_file(&paper, bytes).unwrap()), ..told("FILE", false, 12) },
        ],
        ..PastChat::default()
    };
    let (ann, bob) = ("6281255555555@s.whatsapp.net", "6281266666666@s.whatsapp.net");
    let vote = |by: Option<&str>, by_me, option: &str| PastMark {
        by: by.map(Into::into),
        by_me,
        options: vec![option.into()],
        at_s: EARLY_S + 60,
        ..PastMark::default()
    };
    let poll = PastMessage {
        sender: Some(ann.into()),
        poll: vec!["tea".into(), "coffee".into()],
        marks: vec![vote(Some(bob), false, "tea"), vote(None, true, "coffee"), emoji("🎉", false, Some(bob))],
        ..told("POLL", false, 13)
    };
    let group = PastChat {
        jid: "120363000000000002@g.us".into(),
        messages: vec![PastMessage { sender: Some(bob.into()), ..told("GROUP", false, 12) }, poll],
        ..PastChat::default()
    };
    HistoryChunk { chats: vec![direct, group], ..HistoryChunk::empty(HistoryPart::Full) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_became_of_messages_comes_with_them() {
    let linked = Linked::with(1, &[("WASUP__HISTORY__DAYS", "36500")]).await;
    let (world, phone) = (&linked.world, &linked.phones[0]);
    let bytes = include_bytes!("history.rs");
    let chunk = remembered(phone, bytes);
    phone.host_history(phone.devices()[0], &chunk).unwrap();
    let done = synced(&linked, |data| data["kind"] == "full").await;
    // Two acts are messages of their own, not listed in the chat; one message never left the phone.
    assert_eq!((&done["messages"], &done["left_out"]), (&json!(14), &json!(1)), "{done}");

    let all = messages(&linked, "6281244444444").await;
    assert_eq!(all.len(), 10, "{all:?}");
    for (id, state) in [("SENT", "sent"), ("DELIVERED", "delivered"), ("READ", "read"), ("PLAYED", "played")] {
        assert_eq!((&by_id(&all, id)["state"], &by_id(&all, id)["direction"]), (&json!(state), &json!("outbound")));
    }
    let edited = by_id(&all, "EDITED");
    assert_eq!((&edited["type"], &edited["text"]), (&json!("text"), &json!("text of EDITED")));
    assert!(edited["edited_at"].is_string(), "{edited}");
    assert_eq!(by_id(&all, "EDITED2")["text"], "text of EDIT");
    for id in ["REVOKED", "REVOKED2"] {
        let revoked = by_id(&all, id);
        assert!(revoked["type"] == "revoked" && revoked["revoked_at"].is_string(), "{revoked}");
    }
    let one = |id: &Value| format!("/v1/messages/{}", id.as_str().unwrap());
    let liked = world.get(&one(&by_id(&all, "LIKED")["id"])).await.1;
    let mut signs: Vec<_> = liked["reactions"].as_array().unwrap().iter().map(|mark| mark["emoji"].clone()).collect();
    signs.sort_by_key(ToString::to_string);
    assert_eq!(signs, [json!("👍"), json!("🙏")], "{liked}");
    // The file stayed with the network; it comes when it is wanted.
    let file = by_id(&all, "FILE");
    let fetched = world.ask(reqwest::Method::GET, &format!("{}/media", one(&file["id"]))).send().await.unwrap();
    assert_eq!(fetched.status(), 200);
    assert_eq!(fetched.bytes().await.unwrap().as_ref(), bytes);

    let all = messages(&linked, "120363000000000002@g.us").await;
    assert_eq!(by_id(&all, "GROUP")["sender"]["phone"], "6281266666666");
    let poll = world.get(&one(&by_id(&all, "POLL")["id"])).await.1;
    let votes = poll["votes"].as_array().unwrap_or_else(|| panic!("{poll}"));
    assert_eq!(votes.len(), 2, "{poll}");
    assert_eq!(poll["reactions"].as_array().map(Vec::len), Some(1), "{poll}");
    assert_eq!(linked.network().violations(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_bounds_hold_over_all_pieces_and_not_for_what_is_asked_for() {
    let bounds = [("DAYS", "36500"), ("MESSAGES_PER_CHAT", "30"), ("CHATS", "2")]
        .map(|(n, v)| (format!("WASUP__HISTORY__{n}"), v));
    let bounds: Vec<_> = bounds.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    let linked = Linked::with(1, &bounds).await;
    let phone = &linked.phones[0];
    phone.keep_archive(vec![chat("6281244444444", 0..100)]);
    let parts = [
        (HistoryPart::InitialBootstrap, vec![chat("6281244444444", 90..100), chat("6281244444445", 0..5)]),
        (HistoryPart::Recent, vec![chat("6281244444444", 70..90), chat("6281244444446", 0..5)]),
        (HistoryPart::Full, vec![chat("6281244444444", 60..80), chat("6281244444445", 5..10)]),
    ];
    for (n, (part, chats)) in (1..).zip(parts) {
        let chunk = HistoryChunk { order: n, chats, ..HistoryChunk::empty(part) };
        phone.host_history(phone.devices()[0], &chunk).unwrap();
        synced(&linked, |data| data["order"] == n && data["messages"] != 0).await;
    }
    let look = linked.world.get("/v1/accounts/a0/history").await.1;
    assert_eq!((&look["chats"], &look["messages"], &look["announced"]), (&json!(2), &json!(40), &json!(0)), "{look}");
    assert_eq!(messages(&linked, "6281244444444").await.len(), 30);
    assert_eq!(messages(&linked, "6281244444445").await.len(), 10);
    assert_eq!(linked.world.get(&format!("{CHATS}/6281244444446")).await.0, 404);
    // What somebody asks for comes all the same.
    let list = format!("{CHATS}/6281244444444/messages?limit=60&source=server&wait=20s");
    let more = linked.world.get(&list).await.1;
    assert!(more["data"].as_array().unwrap().len() > 30, "{more}");
    assert_eq!(linked.network().violations(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_piece_that_does_not_come_is_told_and_its_chat_can_be_asked_for() {
    let extra = [("WASUP__HISTORY__DAYS", "36500"), ("WASUP__HISTORY__PATIENCE", "1s")];
    let linked = Linked::with(1, &extra).await;
    let (phone, device) = (&linked.phones[0], linked.phones[0].devices()[0]);
    phone.keep_archive(vec![chat("6281244444444", 0..100)]);
    let piece = |order, messages| HistoryChunk {
        order,
        chats: vec![chat("6281244444444", messages)],
        ..HistoryChunk::empty(HistoryPart::Full)
    };
    phone.host_history(device, &piece(1, 80..100)).unwrap();
    synced(&linked, |data| data["order"] == 1).await;
    // The one in the middle can't be fetched, however often the library tries.
    linked.network().break_media(MediaFault::RefuseDownload { status: 404 }, 1_000);
    phone.host_history(device, &piece(2, 60..80)).unwrap();
    synced(&linked, |data| data["lost"] == true).await;
    linked.network().heal_media();
    phone.host_history(device, &piece(3, 40..60)).unwrap();
    synced(&linked, |data| data["order"] == 3).await;
    assert_eq!(messages(&linked, "6281244444444").await.len(), 40);
    // The gap is asked for from its newer end.
    let before = "OLD6281244444444000080";
    let path = format!("{CHATS}/6281244444444/messages?before={before}&limit=20&source=server&wait=20s");
    linked.world.get(&path).await;
    let texts: Vec<_> = messages(&linked, "6281244444444").await.iter().map(|m| m["text"].clone()).collect();
    assert_eq!(texts, (40..100).map(|n| json!(format!("6281244444444 {n}"))).collect::<Vec<_>>());
    assert_eq!(linked.network().violations(), []);
}
