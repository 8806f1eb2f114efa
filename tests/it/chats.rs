//! Chats as a caller sees them: listed, paged, read, and what is set for them.

use serde_json::{Value, json};
use wasup_sandbox::{Phone, Setting};

use crate::promises::Linked;
use crate::world::PATIENCE;

const CHATS: &str = "/v1/accounts/a0/chats";

fn field<'a>(page: &'a Value, name: &str) -> Vec<&'a Value> {
    page["data"].as_array().unwrap().iter().map(|chat| &chat[name]).collect()
}

/// Texts from a phone to the account, all arrived.
async fn written(linked: &Linked, from: &Phone, texts: &[&str]) -> Vec<String> {
    let own = linked.phones[0].number().to_owned();
    let mut ids = Vec::new();
    for text in texts {
        ids.push(from.send_text(&own, text).await.unwrap());
    }
    let last = *texts.last().unwrap();
    let path = format!("{CHATS}/{}/messages", from.number());
    linked.until(&path, |page| page["data"][0]["text"] == last).await;
    ids
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chats_are_listed_paged_and_read() {
    let linked = Linked::with(1, &[]).await;
    let (world, friend) = (&linked.world, &linked.friend);
    let other = linked.network().phone("6283333333333");
    let ids = written(&linked, friend, &["one", "two", "three"]).await;
    written(&linked, &other, &["hello"]).await;
    let page = world.get(CHATS).await.1;
    assert_eq!(field(&page, "phone"), [other.number(), friend.number()]);
    assert_eq!(field(&page, "unread"), [1, 3]);
    assert_eq!(page["totals"], json!({"chats": 2, "unread_messages": 4}));
    assert_eq!(page["data"][1]["last_message"]["text"], "three");
    assert_eq!((&page["data"][0]["kind"], &page["data"][0]["archived"]), (&json!("contact"), &json!(false)));
    for (words, expected) in
        [("THREE", vec!["three"]), ("t", vec!["three", "two"]), ("t%20", vec![]), ("one%20two", vec![])]
    {
        let found = world.get(&format!("/v1/accounts/a0/messages?q={words}")).await.1;
        assert_eq!(field(&found, "text"), expected, "{words}");
    }
    assert_eq!(world.get("/v1/accounts/a0/messages?q=%20").await.0, 400);
    // One by one, by the cursor, by the chat's id and by skipping.
    let first = world.get(&format!("{CHATS}?limit=1")).await.1;
    let cursor = first["next_cursor"].as_str().unwrap();
    let id = first["data"][0]["id"].as_str().unwrap();
    for behind in [format!("cursor={cursor}"), format!("cursor={id}"), "skip=1".to_owned()] {
        let second = world.get(&format!("{CHATS}?limit=5&{behind}")).await.1;
        assert_eq!(field(&second, "phone"), [friend.number()], "{behind}");
        assert_eq!(second["next_cursor"], Value::Null);
    }
    // By our id, the network's address, the LID and the number it is the same chat.
    let mine = page["data"][1]["id"].as_str().unwrap();
    for name in [mine, &friend.jid(), &friend.lid(), friend.number()] {
        let (status, chat) = world.get(&format!("{CHATS}/{name}")).await;
        assert_eq!((status, chat["id"].as_str()), (200, Some(mine)), "{name}");
    }
    // Messages behind one of them, both ways, by our id and by the network's.
    let messages = format!("{CHATS}/{mine}/messages");
    let all = world.get(&messages).await.1;
    assert_eq!(field(&all, "text"), ["three", "two", "one"]);
    let second = all["data"][1]["id"].as_str().unwrap();
    for (query, expected) in [
        (format!("before={second}"), vec!["one"]),
        (format!("before={}", ids[2]), vec!["two", "one"]),
        (format!("after={}", ids[0]), vec!["two", "three"]),
        ("order=asc&limit=2".to_owned(), vec!["one", "two"]),
    ] {
        assert_eq!(field(&world.get(&format!("{messages}?{query}")).await.1, "text"), expected, "{query}");
    }
    // Reading a part, then the rest: the writer is told of each message once.
    let (status, read) = world.post(&format!("{CHATS}/{mine}/read"), &json!({"up_to": ids[0]})).await;
    assert_eq!((status, &read["receipts_sent"], &read["chat"]["unread"]), (200, &json!(1), &json!(2)), "{read}");
    friend.wait_for_receipt(&ids[0], "read", PATIENCE).await.unwrap();
    let read = world.post(&format!("{CHATS}/{mine}/read"), &json!({})).await.1;
    assert_eq!(
        (&read["receipts"], &read["receipts_sent"], &read["chat"]["unread"]),
        (&json!("sent"), &json!(2), &json!(0))
    );
    for id in &ids[1..] {
        friend.wait_for_receipt(id, "read", PATIENCE).await.unwrap();
    }
    let again = world.post(&format!("{CHATS}/{mine}/read"), &json!({})).await.1;
    assert_eq!(again["receipts"], "none");
    assert_eq!(field(&world.get(&format!("{CHATS}?unread=true")).await.1, "phone"), [other.number()]);
    let events = world.get("/v1/events?limit=1000").await.1;
    let told: Vec<_> = events["data"].as_array().unwrap().iter().filter(|e| e["type"] == "chat.updated").collect();
    assert_eq!(told.iter().map(|event| &event["data"]["unread"]).collect::<Vec<_>>(), [2, 0]);
    assert_eq!(linked.network().violations(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_day_lists_its_chats_and_odd_questions_are_refused() {
    let linked = Linked::with(1, &[]).await;
    let world = &linked.world;
    written(&linked, &linked.friend, &["one", "two"]).await;
    let today = world.get(&format!("{CHATS}/{}", linked.friend.number())).await.1["last_message"]["timestamp"].clone();
    let day = &today.as_str().unwrap()[..10];
    let listed = world.get(&format!("{CHATS}?date={day}&tz=UTC&include_groups=false")).await.1;
    assert_eq!(field(&listed, "messages"), [2]);
    assert!(field(&world.get(&format!("{CHATS}?date=2020-01-01&tz=Asia/Jakarta")).await.1, "id").is_empty());
    for query in ["date=yesterday", "date=2020-01-01&tz=Nowhere", "tz=UTC", "limit=0", "skip=10001", "cursor=%21"] {
        let (status, problem) = world.get(&format!("{CHATS}?{query}")).await;
        assert_eq!((status, &problem["code"]), (400, &json!("invalid")), "{query}");
    }
    for (path, status) in [
        (format!("{CHATS}/chat_0"), 404),
        (format!("{CHATS}/6281244444444"), 404),
        (format!("{CHATS}/no-number/messages"), 400),
        (format!("{CHATS}/{}/messages?before=3EB0", linked.friend.number()), 404),
        (format!("{CHATS}/{}/messages?before=x&after=y", linked.friend.number()), 400),
        ("/v1/accounts/nobody/chats".to_owned(), 404),
    ] {
        assert_eq!(world.get(&path).await.0, status, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_network_can_not_be_told_changes_nothing() {
    let linked = Linked::with(1, &[]).await;
    let world = &linked.world;
    written(&linked, &linked.friend, &["one"]).await;
    let chat = format!("{CHATS}/{}", linked.friend.number());
    assert_eq!(world.post("/v1/accounts/a0/stop", &Value::Null).await.0, 200);
    linked.phases("a0", wasup_store::records::Phase::Stopped).await;
    for (verb, body) in
        [("archive", json!({})), ("pin", json!({})), ("mute", json!({"for": "8h"})), ("typing", json!({}))]
    {
        let (status, problem) = world.post(&format!("{chat}/{verb}"), &body).await;
        assert_eq!((status, &problem["code"]), (409, &json!("account_not_connected")), "{verb}");
    }
    assert_eq!(world.delete(&chat).await.0, 409);
    let shown = world.get(&chat).await.1;
    assert_eq!((&shown["archived"], &shown["muted"], &shown["unread"]), (&json!(false), &json!(false), &json!(1)));
    // Reading is ours alone: the writers hear nothing.
    let read = world.post(&format!("{chat}/read"), &json!({})).await.1;
    assert_eq!((&read["receipts"], &read["chat"]["unread"]), (&json!("not_sent"), &json!(0)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_set_for_a_chat_holds_on_every_device() {
    let linked = Linked::with(1, &[]).await;
    let (world, phone, friend) = (&linked.world, &linked.phones[0], &linked.friend);
    let ids = written(&linked, friend, &["one", "two"]).await;
    let chat = format!("{CHATS}/{}", friend.number());
    // From here to the phone.
    for (verb, body, index, on) in [
        ("archive", json!({}), "archive", true),
        ("pin", json!({}), "pin_v1", true),
        ("mute", json!({"for": "8h"}), "mute", true),
        ("unread", Value::Null, "markChatAsRead", false),
        ("archive", json!({"archived": false}), "archive", false),
    ] {
        let (status, answer) = world.post(&format!("{chat}/{verb}"), &body).await;
        assert_eq!(status, 200, "{verb}: {answer}");
        let shared = |shared: &wasup_sandbox::SharedSetting| shared.index[0] == index && shared.on == on;
        phone.wait_for_shared(PATIENCE, shared).await.unwrap();
    }
    let shown = world.get(&chat).await.1;
    let set = |name: &str| shown[name].clone();
    assert_eq!((set("archived"), set("muted"), set("marked_unread")), (json!(false), json!(true), json!(true)));
    assert!(set("pinned_at").is_string() && set("muted_until").is_string());
    // From the phone to here.
    let jid = Phone::chat_with(friend);
    for (setting, name, value) in [
        (Setting::Archive(true), "archived", json!(true)),
        (Setting::Pin(false), "pinned_at", Value::Null),
        (Setting::Mute(Some(-1)), "muted_until", Value::Null),
        (Setting::Name("Old Friend".into()), "name", json!("Old Friend")),
        (Setting::Read(true), "unread", json!(0)),
    ] {
        phone.share(&jid, &setting);
        linked.until(&chat, |chat| chat[name] == value).await;
    }
    phone.share(&jid, &Setting::Star(ids[0].clone(), false, true));
    let messages = format!("{chat}/messages?order=asc&limit=1");
    linked.until(&messages, |page| page["data"][0]["starred"] == true).await;
    // It holds over a restart of the gateway, and a deletion takes all of it along.
    phone.share(&jid, &Setting::Delete);
    linked.until(&chat, |chat| chat["last_message"].is_null() && chat["archived"] == false).await;
    assert_eq!(world.get(CHATS).await.1["totals"], json!({"chats": 0, "unread_messages": 0}));
    let gone = |event: &&Value| event["type"] == "chat.updated" && event["data"]["deleted"] == true;
    let told = |events: &Value| events["data"].as_array().unwrap().iter().filter(gone).count();
    // It is told when the last of it is gone, which is a commit of its own.
    let events = linked.until("/v1/events?limit=1000", |events| told(events) > 0).await;
    assert_eq!(told(&events), 1);
    // Typing is shown, and ends by itself.
    for (verb, seen) in [("typing", "composing"), ("recording", "recording")] {
        assert_eq!(world.post(&format!("{chat}/{verb}"), &json!({"for": "1s"})).await.0, 204);
        friend.wait_for_typing(seen, PATIENCE).await.unwrap();
    }
    friend.wait_for_typing("paused", PATIENCE).await.unwrap();
    assert_eq!(linked.network().violations(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chat_deleted_here_is_deleted_on_the_phone_and_one_read_there_is_read_here() {
    let linked = Linked::with(1, &[]).await;
    let (world, phone, friend) = (&linked.world, &linked.phones[0], &linked.friend);
    let other = linked.network().phone("6283333333333");
    written(&linked, friend, &["one", "two"]).await;
    let ids = written(&linked, &other, &["three", "four"]).await;
    assert_eq!(world.delete(&format!("{CHATS}/{}", friend.number())).await.0, 204);
    phone.wait_for_shared(PATIENCE, |shared| shared.index[0] == "deleteChat").await.unwrap();
    let left = world.get(CHATS).await.1;
    assert_eq!(field(&left, "phone"), [other.number()]);
    phone.wait_for_message(&ids[0], PATIENCE).await.unwrap();
    phone.read(&ids[0]).await.unwrap();
    linked.until(CHATS, |page| page["data"][0]["unread"] == 1).await;
    assert_eq!(linked.network().violations(), []);
}
