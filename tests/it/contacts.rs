//! People through the API, on the wire.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use wasup_sandbox::{Phone, Setting};
use wasup_store::records::Phase;

use crate::promises::Linked;
use crate::world::PATIENCE;

/// A nobody: no phone of the network has this number.
const NOBODY: &str = "6289999999999";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn numbers_are_checked_and_people_say_what_they_say() {
    let linked = Linked::with(1, &[]).await;
    linked.friend.set_about("out for a walk");
    let body = json!({"numbers": ["+62 822-2222-2222", NOBODY, linked.phones[0].number(), linked.friend.lid()]});
    let (status, checked) = linked.world.post("/v1/accounts/a0/contacts/check", &body).await;
    assert_eq!(status, 200, "{checked}");
    let exists: Vec<_> = checked["data"].as_array().unwrap().iter().map(|one| one["exists"].clone()).collect();
    assert_eq!(exists, [true, false, true, true], "{checked}");
    let friend = &checked["data"][0];
    assert_eq!((&friend["number"], &friend["phone"]), (&json!("+62 822-2222-2222"), &json!(linked.friend.number())));
    assert_eq!(friend["jid"], linked.friend.jid());
    assert_eq!(friend["lid"], linked.friend.lid(), "the network's own number is learnt");
    assert_eq!(checked["data"][3]["phone"], linked.friend.number(), "{checked}");
    let (status, shown) = linked.world.get("/v1/accounts/a0/contacts/6282222222222").await;
    assert_eq!((status, &shown["about"], &shown["lid"]), (200, &json!("out for a walk"), &json!(linked.friend.lid())));
    assert_eq!((&shown["source"], &shown["id"], &shown["picture"]), (&json!("server"), &Value::Null, &Value::Null));
    assert_eq!(linked.world.get(&format!("/v1/accounts/a0/contacts/{NOBODY}")).await.0, 404);
    assert_eq!(linked.world.post("/v1/accounts/a0/contacts/check", &json!({"numbers": []})).await.0, 400);
    let wrong = linked.world.post("/v1/accounts/a0/contacts/check", &json!({"numbers": ["12", "1-2@g.us"]})).await;
    assert_eq!((wrong.0, wrong.1["errors"].as_array().unwrap().len()), (400, 2), "{}", wrong.1);
    assert_eq!(linked.world.post("/v1/accounts/nobody/contacts/check", &body).await.0, 404);
    assert_eq!(linked.network().violations(), []);
}

impl Linked {
    /// The phone of `a0` names somebody in its address book; answers the contacts once they are as wanted. The library
    /// misses what is shared while it takes in what was shared before, so it is shared until it is known.
    pub(crate) async fn named(&self, other: &Phone, name: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            self.phones[0].share(&Phone::chat_with(other), &Setting::Name(name.into()));
            let again = Instant::now() + Duration::from_secs(2);
            while Instant::now() < again {
                let (_, page) = self.world.get("/v1/accounts/a0/contacts").await;
                if wanted(&page) {
                    return page;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            assert!(Instant::now() < deadline, "{name} is not known");
        }
    }
}

fn names(page: &Value) -> Vec<(Value, Value)> {
    let one = |one: &Value| (one["name"].clone(), one["push_name"].clone());
    page["data"].as_array().unwrap().iter().map(one).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whom_an_account_knows_is_listed_also_while_it_is_away() {
    let linked = Linked::with(1, &[]).await;
    let (own, path) = (linked.phones[0].number().to_owned(), "/v1/accounts/a0/contacts");
    linked.friend.set_push_name("Friend");
    linked.friend.send_text(&own, "hello").await.unwrap();
    linked.until(path, |page| names(page) == [(Value::Null, json!("Friend"))]).await;
    // The address book, of somebody who wrote and of two who never did.
    let others = ["6283333333301", "6283333333302"].map(|number| linked.network().phone(number));
    linked.named(&linked.friend, "Ana Friend", |page| page["data"][0]["name"] == "Ana Friend").await;
    let mut page = Value::Null;
    for (n, (other, name)) in others.iter().zip(["Bea", "Cem"]).enumerate() {
        let known = |page: &Value| page["data"].as_array().is_some_and(|all| all.len() == n + 2);
        page = linked.named(other, name, known).await;
    }
    let expected = [(json!("Ana Friend"), json!("Friend")), (json!("Bea"), Value::Null), (json!("Cem"), Value::Null)];
    assert_eq!(names(&page), expected, "{page}");
    let ana = &page["data"][0];
    assert_eq!((&ana["phone"], &ana["lid"]), (&json!(linked.friend.number()), &json!(linked.friend.lid())), "{ana}");
    let (_, chats) = linked.world.get("/v1/accounts/a0/chats").await;
    assert_eq!((&chats["data"][0]["id"], &chats["data"][0]["name"]), (&ana["chat"], &json!("Ana Friend")), "{chats}");
    assert_eq!((&page["data"][1]["chat"], chats["data"].as_array().unwrap().len()), (&Value::Null, 1));

    linked.world.post("/v1/accounts/a0/stop", &json!({})).await;
    linked.phases("a0", Phase::Stopped).await;
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let (status, page) = linked.world.get(&format!("{path}?limit=1{cursor}")).await;
        assert_eq!(status, 200, "{page}");
        seen.extend(names(&page));
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(seen, expected, "each once, in order");
    for (text, count) in [("bea", 1), ("friend", 1), ("628333", 2), ("nobody", 0)] {
        let (_, page) = linked.world.get(&format!("{path}?q={text}")).await;
        assert_eq!(page["data"].as_array().unwrap().len(), count, "{text}: {page}");
    }
    for name in [ana["id"].as_str().unwrap(), linked.friend.number(), &linked.friend.lid()] {
        let (status, shown) = linked.world.get(&format!("{path}/{name}")).await;
        assert_eq!((status, &shown["id"], &shown["source"]), (200, &ana["id"], &json!("store")), "{shown}");
        assert_eq!(linked.world.get(&format!("{path}/{name}?source=server")).await.0, 409);
    }
    assert_eq!(linked.world.get(&format!("{path}/{NOBODY}?source=store")).await.0, 404);
    assert_eq!(linked.world.get(&format!("{path}/{NOBODY}")).await.1["code"], "account_not_connected");
    assert_eq!(linked.world.get(&format!("{path}/con_0000000g0000z")).await.0, 404);
    assert_eq!(linked.world.get(&format!("{path}?cursor=x")).await.0, 400);
    let again = linked.world.post(&format!("{path}/check"), &json!({"numbers": [NOBODY]})).await;
    assert_eq!((again.0, &again.1["code"]), (409, &json!("account_not_connected")));
    assert_eq!(linked.network().violations(), []);
}

/// Bytes that begin as a JPEG does.
fn jpeg(len: usize) -> Vec<u8> {
    let mut bytes = vec![0xff, 0xd8, 0xff, 0xe0];
    bytes.extend((0..len).map(|n| (n % 251) as u8));
    bytes
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pictures_come_through_the_gateway() {
    let linked = Linked::with(1, &[]).await;
    let (own, path) = (linked.phones[0].number(), format!("/v1/accounts/a0/contacts/{}", linked.friend.number()));
    let get = async |path: String| linked.world.ask(reqwest::Method::GET, &path).send().await.unwrap();
    assert_eq!(get(format!("{path}/picture")).await.status(), 404, "nobody shows one yet");
    let bytes = jpeg(700_000);
    linked.friend.set_picture(Some(&bytes)).unwrap();
    let answer = get(format!("{path}/picture")).await;
    assert_eq!((answer.status().as_u16(), answer.headers()["content-type"].as_bytes()), (200, &b"image/jpeg"[..]));
    assert_eq!((answer.headers()["content-length"].as_bytes(), answer.headers()["etag"].len()), (&b"700004"[..], 12));
    assert!(answer.bytes().await.unwrap() == bytes, "every byte of it");
    let (_, shown) = linked.world.get(&path).await;
    assert!(shown["picture"]["url"].as_str().unwrap().starts_with("https://"), "{shown}");
    assert_eq!(get(format!("{path}/picture?preview=true")).await.status(), 200);
    // Those whom somebody keeps away do not see theirs.
    linked.friend.block(own, true);
    assert_eq!(get(format!("{path}/picture")).await.status(), 404);
    let (status, shown) = linked.world.get(&path).await;
    assert_eq!((status, &shown["picture"]), (200, &Value::Null), "{shown}");
    assert_eq!(get(format!("/v1/accounts/a0/contacts/{NOBODY}/picture")).await.status(), 404);
    assert_eq!(linked.network().violations(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_blocked_does_not_get_through() {
    let linked = Linked::with(1, &[]).await;
    let (own, friend) = (linked.phones[0].number().to_owned(), linked.friend.number());
    let path = format!("/v1/accounts/a0/contacts/{friend}");
    assert_eq!(linked.world.post(&format!("{path}/block"), &json!({})).await.0, 204);
    assert_eq!(linked.phones[0].blocked(), [friend]);
    let (_, list) = linked.world.get("/v1/accounts/a0/contacts/blocked").await;
    assert_eq!((list["data"].as_array().unwrap().len(), &list["data"][0]["phone"]), (1, &json!(friend)), "{list}");
    linked.friend.send_text(&own, "can you hear me?").await.unwrap();
    assert_eq!(linked.world.post(&format!("{path}/unblock"), &json!({})).await.0, 204);
    assert_eq!(linked.phones[0].blocked(), [""; 0]);
    linked.friend.send_text(&own, "and now?").await.unwrap();
    linked.phones[0].wait_for_text("and now?", PATIENCE).await.unwrap();
    let heard = |page: &Value| page["data"].as_array().is_some_and(|all| !all.is_empty());
    let page = linked.until("/v1/accounts/a0/messages", heard).await;
    let texts: Vec<_> = page["data"].as_array().unwrap().iter().map(|one| one["text"].clone()).collect();
    assert_eq!(texts, ["and now?"]);
    assert_eq!(linked.world.post(&format!("/v1/accounts/a0/contacts/{NOBODY}/block"), &json!({})).await.0, 404);
    assert_eq!(linked.network().violations(), []);
}
