//! Messages of every type that is no file, and what is done to them: from one account to another, to phones and back, over
//! the wire, equal in content.

use serde_json::{Value, json};
use wasup_sandbox::{Around, FileToSend, Said};

use crate::promises::Linked;
use crate::receiver::Receiver;
use crate::world::{PATIENCE, World};

/// The message of an account under the network's id of another one.
async fn arrived(linked: &Linked, account: &str, provider_id: &Value) -> Value {
    let find = |page: &Value| {
        let all = page["data"].as_array().cloned().unwrap_or_default();
        all.into_iter().find(|message| message["provider_message_id"] == *provider_id)
    };
    let path = format!("/v1/accounts/{account}/messages?limit=200");
    let page = linked.until(&path, |page| find(page).is_some()).await;
    let id = find(&page).unwrap()["id"].as_str().unwrap().to_owned();
    linked.world.get(&format!("/v1/messages/{id}")).await.1
}

async fn sent(world: &World, account: &str, body: &Value) -> Value {
    let (status, sent) = world.post(&format!("/v1/accounts/{account}/messages"), body).await;
    assert_eq!(status, 202, "{body}: {sent}");
    sent
}

async fn end(linked: Linked) {
    assert_eq!(linked.network().violations(), []);
    linked.world.gateway.stop().await;
    linked.sandbox.shutdown().await;
}

fn id(message: &Value) -> String {
    message["id"].as_str().unwrap().to_owned()
}

fn wire(message: &Value) -> String {
    message["provider_message_id"].as_str().unwrap().to_owned()
}

/// What both sides must show alike, of the fields that a type has.
const ALIKE: [&str; 7] = ["type", "text", "link_preview", "location", "contacts", "poll", "disappears_after"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_type_arrives_equal_at_an_account_and_at_a_phone() {
    let linked = Linked::with(2, &[]).await;
    let (world, phone) = (&linked.world, &linked.phones[1]);
    let to = phone.number();
    let first = sent(world, "a0", &json!({"to": to, "type": "text", "text": "first"})).await;
    linked.message(&first, |message| message["state"] == "delivered").await;
    let bodies = [
        json!({"type": "text", "text": "plain ☃"}),
        json!({"type": "text", "text": "see https://a.example/x", "link_preview": {"title": "A", "description": "B"}}),
        json!({"type": "text", "text": "fading", "expiration": 604_800}),
        json!({"type": "location", "latitude": -6.1754, "longitude": 106.8272, "name": "Monas", "address": "Jakarta"}),
        json!({"type": "contact", "contacts": [{"name": "Ann", "phone": "+62 812-3456-7890"}]}),
        json!({"type": "contact", "contacts": [{"name": "Ann", "phone": "+62 812-3456-7890"}, {"name": "Bob", "phone": "+62 812-3456-7891"}]}),
        json!({"type": "poll", "question": "Tea?", "options": ["yes", "no"], "choices": 1}),
        json!({"type": "poll", "question": "Which?", "options": ["a", "b", "c"], "choices": 0}),
    ];
    for mut body in bodies {
        body["to"] = json!(to);
        let message = sent(world, "a0", &body).await;
        let other = arrived(&linked, "a1", &message["provider_message_id"]).await;
        for field in ALIKE {
            assert_eq!(other[field], message[field], "{field} of {body}");
        }
        assert_eq!(
            (&other["direction"], &other["sender"]["phone"]),
            (&json!("inbound"), &json!(linked.phones[0].number()))
        );
        let shown = phone.wait_for_message(&wire(&message), PATIENCE).await.unwrap();
        assert_eq!(shown.content["type"], body["type"], "{body}");
        linked.message(&message, |message| message["state"] == "delivered").await;
        phone.read(&wire(&message)).await.unwrap();
        linked.message(&message, |message| message["state"] == "read").await;
    }
    let text = "Hi {m1}, {mention[1]}: {mentions}";
    let body =
        json!({"to": to, "type": "text", "text": text, "mentions": [to, "+62 822 2222 2222"], "reply_to": first["id"]});
    let message = sent(world, "a0", &body).await;
    let expected = format!("Hi @{to}, @6282222222222: @{to} @6282222222222");
    assert_eq!(message["text"], json!(expected));
    let other = arrived(&linked, "a1", &message["provider_message_id"]).await;
    assert_eq!(other["text"], json!(expected));
    let named: Vec<_> = other["mentions"].as_array().unwrap().iter().map(|who| who["phone"].clone()).collect();
    assert_eq!(named, [json!(to), json!("6282222222222")]);
    let quoted = &other["quoted"];
    assert_eq!((&quoted["provider_message_id"], &quoted["text"]), (&first["provider_message_id"], &json!("first")));
    let kept = arrived(&linked, "a1", &first["provider_message_id"]).await;
    assert_eq!((&quoted["id"], &quoted["from_me"]), (&kept["id"], &json!(false)));
    assert_eq!(quoted["sender"]["phone"], json!(linked.phones[0].number()));
    // Passed on by the receiver to somebody else.
    let (status, passed) =
        world.post(&format!("/v1/messages/{}/forward", id(&other)), &json!({"to": linked.friend.number()})).await;
    assert_eq!((status, &passed["forwarded"], &passed["text"]), (202, &json!(1), &json!(expected)), "{passed}");
    let shown = linked.friend.wait_for_message(&wire(&passed), PATIENCE).await.unwrap();
    assert_eq!((&shown.content["forwarded"], &shown.content["text"]), (&json!(1), &json!(expected)));
    end(linked).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_account_does_to_messages_is_seen_on_the_phone() {
    let linked = Linked::with(1, &[]).await;
    let (world, friend) = (&linked.world, &linked.friend);
    let message = linked.send("a0", "old").await;
    linked.message(&message, |message| message["state"] == "delivered").await;
    let path = format!("/v1/messages/{}", id(&message));
    let (status, edit) = world.patch(&path, &json!({"text": "new"})).await;
    assert_eq!((status, &edit["type"], &edit["target"]["id"]), (202, &json!("edit"), &message["id"]), "{edit}");
    friend.wait_for_message(&wire(&edit), PATIENCE).await.unwrap();
    let shown = friend.wait_for_message(&wire(&message), PATIENCE).await.unwrap();
    assert_eq!((shown.text.as_deref(), shown.afterwards.edited), (Some("new"), true));
    let after = linked.message(&message, |message| message["text"] == "new").await;
    assert!(after["edited_at"].is_string(), "{after}");

    let question = friend.send_text(linked.phones[0].number(), "well?").await.unwrap();
    let asked = arrived(&linked, "a0", &json!(question)).await;
    for emoji in [json!("👍"), Value::Null] {
        let body = json!({"type": "reaction", "message": asked["id"], "emoji": emoji});
        let reaction = sent(world, "a0", &body).await;
        let shown = friend.wait_for_message(&wire(&reaction), PATIENCE).await.unwrap();
        assert_eq!(
            shown.content,
            json!({"type": "reaction", "target": question, "emoji": emoji.as_str().unwrap_or_default()})
        );
        let reacted = |shown: &Value| shown["reactions"][0]["emoji"] == emoji;
        linked.until(&format!("/v1/messages/{}", id(&asked)), reacted).await;
    }

    let (status, revoke) = world.delete(&path).await;
    assert_eq!((status, &revoke["type"]), (202, &json!("revoke")), "{revoke}");
    friend.wait_for_message(&wire(&revoke), PATIENCE).await.unwrap();
    let shown = friend.wait_for_message(&wire(&message), PATIENCE).await.unwrap();
    assert!(shown.afterwards.revoked && shown.text.is_none());
    let after = linked.message(&message, |message| message["type"] == "revoked").await;
    assert!(after["revoked_at"].is_string() && after["text"].is_null(), "{after}");
    assert_eq!(world.delete(&path).await.0, 200, "it is taken back already");
    assert_eq!(world.patch(&path, &json!({"text": "again"})).await.0, 409);
    end(linked).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_phone_does_to_messages_is_seen_in_the_account_and_on_the_webhook() {
    let linked = Linked::with(1, &[]).await;
    let (world, friend, own) = (&linked.world, &linked.friend, linked.phones[0].number().to_owned());
    let receiver = Receiver::start().await;
    let events = json!(["message.edited", "message.revoked", "message.reaction", "poll.vote"]);
    crate::endpoints::made(world, json!({"account": "a0", "url": receiver.url, "events": events})).await;
    let say = async |said: Said| friend.say(&own, &said, &Around::default()).await.unwrap();
    let first = say(Said::Text { text: "old".into() }).await;
    let kept = arrived(&linked, "a0", &json!(first)).await;
    let path = format!("/v1/messages/{}", id(&kept));
    say(Said::Edit { id: first.clone(), text: "new".into() }).await;
    linked.until(&path, |message| message["text"] == "new").await;
    say(Said::SealedEdit { id: first.clone(), text: "sealed".into() }).await;
    let after = linked.until(&path, |message| message["text"] == "sealed").await;
    assert!(after["edited_at"].is_string(), "{after}");
    let mine = linked.send("a0", "mine").await;
    linked.message(&mine, |message| message["state"] == "delivered").await;
    for (target, emoji) in [(wire(&mine), "🎉"), (first.clone(), "🙂"), (wire(&mine), "❤")] {
        say(Said::Reaction { id: target, emoji: emoji.into() }).await;
    }
    let after = linked.message(&mine, |message| message["reactions"][0]["emoji"] == "❤").await;
    assert_eq!(after["reactions"].as_array().unwrap().len(), 1, "one reaction a human");
    assert_eq!(after["reactions"][0]["sender"]["phone"], json!(friend.number()));
    say(Said::Revoke { id: first.clone() }).await;
    let after = linked.until(&path, |message| message["type"] == "revoked").await;
    assert!(after["text"].is_null() && after["revoked_at"].is_string(), "{after}");
    let told = receiver.wait(6).await;
    let mut kinds: Vec<_> = told.iter().map(|told| told.body["type"].as_str().unwrap().to_owned()).collect();
    kinds.sort_unstable();
    let reaction = "message.reaction";
    assert_eq!(kinds, ["message.edited", "message.edited", reaction, reaction, reaction, "message.revoked"]);
    let revoked = told.iter().find(|told| told.body["type"] == "message.revoked").unwrap();
    assert_eq!(revoked.body["data"]["target"]["id"], kept["id"]);
    // Acts are no messages of the chat, and messages by their type all the same.
    let chat = world.get(&format!("/v1/accounts/a0/messages?chat={}&order=asc", friend.number())).await.1;
    let types: Vec<_> = chat["data"].as_array().unwrap().iter().map(|message| message["type"].clone()).collect();
    assert_eq!(types, ["revoked", "text"]);
    let reactions = world.get("/v1/accounts/a0/messages?type=reaction&direction=inbound").await.1;
    assert_eq!(reactions["data"].as_array().unwrap().len(), 3);
    end(linked).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn polls_are_voted_in_from_both_sides() {
    let linked = Linked::with(2, &[]).await;
    let (world, friend, own) = (&linked.world, &linked.friend, linked.phones[0].number().to_owned());
    let options = || vec!["yes".to_owned(), "no".to_owned()];
    let body = json!({"to": friend.number(), "type": "poll", "question": "Tea?", "options": options()});
    let poll = sent(world, "a0", &body).await;
    friend.wait_for_message(&wire(&poll), PATIENCE).await.unwrap();
    for chosen in [vec!["yes".to_owned()], vec!["no".to_owned()]] {
        friend.say(&own, &Said::Vote { id: wire(&poll), options: chosen.clone() }, &Around::default()).await.unwrap();
        let after = linked.message(&poll, |message| message["votes"][0]["options"] == json!(chosen)).await;
        assert_eq!(after["votes"].as_array().unwrap().len(), 1);
        assert_eq!(after["votes"][0]["sender"]["phone"], json!(friend.number()));
    }
    let said = Said::Poll { question: "Cake?".into(), options: options(), choices: 1 };
    let asked = friend.say(&own, &said, &Around::default()).await.unwrap();
    let kept = arrived(&linked, "a0", &json!(asked)).await;
    let vote = sent(world, "a0", &json!({"type": "poll_vote", "message": asked, "options": ["yes"]})).await;
    let shown = friend.wait_for_message(&wire(&vote), PATIENCE).await.unwrap();
    assert_eq!(shown.content, json!({"type": "vote", "target": asked, "options": ["yes"]}));
    linked
        .until(&format!("/v1/messages/{}", id(&kept)), |message| message["votes"][0]["options"] == json!(["yes"]))
        .await;
    // From account to account.
    let body = json!({"to": linked.phones[1].number(), "type": "poll", "question": "Now?", "options": options()});
    let poll = sent(world, "a0", &body).await;
    let other = arrived(&linked, "a1", &poll["provider_message_id"]).await;
    sent(world, "a1", &json!({"type": "poll_vote", "message": other["id"], "options": ["no"]})).await;
    linked.message(&poll, |message| message["votes"][0]["options"] == json!(["no"])).await;
    let (status, _) = world
        .post("/v1/accounts/a1/messages", &json!({"type": "poll_vote", "message": other["id"], "options": ["maybe"]}))
        .await;
    assert_eq!(status, 400);
    end(linked).await;
}

/// A group of two accounts and a phone, whose people are named in either way.
#[expect(clippy::cognitive_complexity, reason = "one conversation, told in its order")]
async fn in_a_group(lid: bool) {
    let linked = Linked::with(2, &[]).await;
    let (world, friend) = (&linked.world, &linked.friend);
    let numbers: Vec<_> = linked.phones.iter().map(|phone| phone.number().to_owned()).collect();
    linked.phones.iter().for_each(|phone| phone.set_lid_migrated(lid));
    let body = json!({"subject": "tea", "participants": [numbers[1], friend.number()]});
    let (status, made) = world.post("/v1/accounts/a0/groups", &body).await;
    assert_eq!(status, 201, "{made}");
    let group = made["id"].as_str().unwrap();
    let mut kept = Vec::new();
    for mut body in [
        json!({"type": "text", "text": "for {m1}", "mentions": [numbers[1]]}),
        json!({"type": "location", "latitude": 1.5, "longitude": 2.5}),
        json!({"type": "poll", "question": "Tea?", "options": ["yes", "no"]}),
    ] {
        body["to"] = json!(group);
        let message = sent(world, "a0", &body).await;
        let other = arrived(&linked, "a1", &message["provider_message_id"]).await;
        for field in ALIKE {
            assert_eq!(other[field], message[field], "{field} of {body}");
        }
        assert_eq!((&other["chat"]["jid"], &other["sender"]["phone"]), (&json!(group), &json!(numbers[0])));
        let shown = friend.wait_for_message(&wire(&message), PATIENCE).await.unwrap();
        assert_eq!(shown.content["type"], body["type"]);
        kept.push((message, other));
    }
    let (message, other) = &kept[0];
    sent(world, "a1", &json!({"type": "reaction", "message": other["id"], "emoji": "👍"})).await;
    let after = linked.message(message, |message| message["reactions"][0]["emoji"] == "👍").await;
    assert_eq!(after["reactions"][0]["sender"]["phone"], json!(numbers[1]), "{after}");
    let (status, _) = world.patch(&format!("/v1/messages/{}", id(message)), &json!({"text": "for all"})).await;
    assert_eq!(status, 202);
    linked.message(other, |message| message["text"] == "for all").await;
    let (poll, asked) = &kept[2];
    sent(world, "a1", &json!({"type": "poll_vote", "message": asked["id"], "options": ["yes"]})).await;
    linked.message(poll, |message| message["votes"][0]["options"] == json!(["yes"])).await;
    // Its admin takes back what another member wrote; a member who is none can't.
    let written =
        sent(world, "a1", &json!({"to": group, "type": "text", "text": "rude", "reply_to": other["id"]})).await;
    let seen = arrived(&linked, "a0", &written["provider_message_id"]).await;
    assert_eq!((&seen["quoted"]["id"], &seen["quoted"]["from_me"]), (&message["id"], &json!(true)), "{seen}");
    let (status, revoke) = world.delete(&format!("/v1/messages/{}", id(&seen))).await;
    assert_eq!((status, &revoke["type"]), (202, &json!("revoke")), "{revoke}");
    linked.message(&written, |message| message["type"] == "revoked").await;
    friend.wait_for_message(&wire(&revoke), PATIENCE).await.unwrap();
    assert!(friend.wait_for_message(&wire(&written), PATIENCE).await.unwrap().afterwards.revoked);
    end(linked).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_by_numbers_has_the_same_contents_and_acts() {
    in_a_group(false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_by_hidden_ids_has_the_same_contents_and_acts() {
    in_a_group(true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_phone_itself_writes_and_does_appears_as_outgoing() {
    let linked = Linked::with(1, &[]).await;
    let (world, friend, phone) = (&linked.world, &linked.friend, &linked.phones[0]);
    let say = async |said: Said| phone.say(friend.number(), &said, &Around::default()).await.unwrap();
    let written = say(Said::Text { text: "from the phone".into() }).await;
    let kept = arrived(&linked, "a0", &json!(written)).await;
    assert_eq!((&kept["direction"], &kept["chat"]["phone"]), (&json!("outbound"), &json!(friend.number())));
    say(Said::SealedEdit { id: written.clone(), text: "edited there".into() }).await;
    linked.until(&format!("/v1/messages/{}", id(&kept)), |message| message["text"] == "edited there").await;
    let question = friend.send_text(phone.number(), "well?").await.unwrap();
    phone.wait_for_message(&question, PATIENCE).await.unwrap();
    let asked = arrived(&linked, "a0", &json!(question)).await;
    say(Said::Reaction { id: question, emoji: "👍".into() }).await;
    let after = linked.until(&format!("/v1/messages/{}", id(&asked)), |m| m["reactions"][0]["emoji"] == "👍").await;
    assert!(after["reactions"][0]["sender"].is_null(), "{after}");
    let told = linked.until("/v1/events?limit=200", |page| page.to_string().contains("message.reaction")).await;
    let of = |kind: &str| {
        let all = told["data"].as_array().unwrap();
        all.iter()
            .filter(|event| event["type"] == kind)
            .map(|event| event["data"]["direction"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(of("message.sent"), ["outbound"]);
    assert_eq!(of("message.edited"), ["outbound"]);
    assert_eq!(of("message.reaction"), ["outbound"]);
    // What is played on the other side.
    let mine = linked.send("a0", "listen").await;
    friend.wait_for_message(&wire(&mine), PATIENCE).await.unwrap();
    friend.play(&wire(&mine)).await.unwrap();
    linked.message(&mine, |message| message["state"] == "played").await;
    let _ = world;
    end(linked).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_to_be_seen_once_never_reaches_a_linked_device() {
    let linked = Linked::with(1, &[]).await;
    let (friend, phone) = (&linked.friend, &linked.phones[0]);
    let file =
        FileToSend { kind: "image".into(), mimetype: "image/png".into(), view_once: true, ..FileToSend::default() };
    let once = friend.send_file(phone.number(), &file, b"a picture").await.unwrap();
    let kept = arrived(&linked, "a0", &json!(once)).await;
    assert_eq!((&kept["type"], &kept["media"]), (&json!("view_once_unavailable"), &Value::Null), "{kept}");
    let shown = phone.wait_for_message(&once, PATIENCE).await.unwrap();
    assert_eq!(shown.content["view_once"], json!(true));
    end(linked).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_is_cancelled_and_wrong_wishes_are_told_apart() {
    let world = World::start().await;
    world.account("a").await;
    let messages = "/v1/accounts/a/messages";
    let queued = sent(&world, "a", &json!({"to": "+6282222222222", "type": "text", "text": "wait"})).await;
    let path = format!("/v1/messages/{}", id(&queued));
    assert_eq!(world.patch(&path, &json!({"text": "x"})).await.0, 409);
    let (status, problem) = world.post(&format!("{path}/star"), &json!({"starred": true})).await;
    assert_eq!((status, &problem["code"]), (409, &json!("account_not_connected")));
    let (status, gone) = world.delete(&format!("{path}?for=everyone")).await;
    assert_eq!((status, &gone["state"]), (200, &json!("cancelled")), "{gone}");
    assert_eq!(world.delete(&path).await.0, 200);
    assert_eq!(world.delete(&format!("{path}?for=me")).await.0, 400);
    for (body, field) in [
        (json!({"type": "text", "text": "x"}), "to"),
        (json!({"to": "+6282222222222", "type": "text", "text": "x".repeat(4_097)}), "text"),
        (json!({"to": "+6282222222222", "type": "text", "text": "{m2}", "mentions": ["+6282222222222"]}), "text"),
        (json!({"to": "+6282222222222", "type": "text", "text": "x", "mentions": ["nobody"]}), "mentions[0]"),
        (json!({"to": "+6282222222222", "type": "text", "text": "x", "reply_to": "3EB0"}), "reply_to"),
        (json!({"to": "+6282222222223", "type": "text", "text": "x", "reply_to": queued["id"]}), "reply_to"),
        (json!({"to": "+6282222222222", "type": "text", "text": "x", "expiration": 5}), "expiration"),
        (json!({"type": "reaction", "message": "msg_x", "emoji": "x"}), "message"),
        (json!({"type": "poll_vote", "message": queued["id"], "options": []}), "message"),
    ] {
        let (status, problem) = world.post(messages, &body).await;
        assert_eq!((status, &problem["errors"][0]["field"]), (400, &json!(field)), "{problem}");
    }
    // However the receiver is written and the fields are ordered, a repeat is one.
    let ask = async |body: Value| {
        let request = world.ask(reqwest::Method::POST, messages).header("Idempotency-Key", "k1").json(&body);
        crate::world::answer(request.send().await.unwrap()).await
    };
    let first = ask(json!({"to": "+6282222222222", "type": "text", "text": "once"})).await;
    let again = ask(json!({"text": "once", "type": "text", "to": "62 822-2222-2222"})).await;
    assert_eq!((first.0, &first.1["id"]), (again.0, &again.1["id"]));
    let other = ask(json!({"to": "+6282222222222", "type": "text", "text": "once", "expiration": 86_400})).await;
    assert_eq!(other.0, 422);
    for (query, count) in [
        ("state=cancelled", 1),
        ("state=queued", 1),
        ("type=poll", 0),
        ("to=%2B6282222222222", 2),
        ("from=%2B6282222222222", 0),
    ] {
        let (status, page) = world.get(&format!("{messages}?{query}")).await;
        assert_eq!((status, page["data"].as_array().unwrap().len()), (200, count), "{query}: {page}");
    }
    for query in ["state=lost", "type=song", "since=yesterday", "order=up", "direction=left"] {
        assert_eq!(world.get(&format!("{messages}?{query}")).await.0, 400, "{query}");
    }
    world.gateway.stop().await;
}
