//! One human under two addresses, over the wire: a message that comes again under the other one is the same message, and two
//! chats become one without either losing its id.

use serde_json::{Value, json};

use crate::promises::Linked;

const CHATS: &str = "/v1/accounts/a0/chats";

impl Linked {
    /// The events of a kind, once there are so many: they are told from the disk, and messages before that.
    async fn events_of(&self, kind: &str, count: usize) -> Vec<Value> {
        let of = |page: &Value| -> Vec<Value> {
            let all = page["data"].as_array().cloned().unwrap_or_default();
            all.into_iter().filter(|event| event["type"] == kind).collect()
        };
        of(&self.until("/v1/events?account=a0&limit=1000", |page| of(page).len() >= count).await)
    }

    async fn received(&self, text: &str) -> Value {
        let find = |page: &Value| {
            let rows = page["data"].as_array().cloned().unwrap_or_default();
            rows.into_iter().find(|row| row["text"] == text)
        };
        let page = self.until("/v1/accounts/a0/messages?limit=100", |page| find(page).is_some()).await;
        find(&page).unwrap()
    }

    async fn count(&self, text: &str) -> usize {
        let page = self.world.get("/v1/accounts/a0/messages?limit=100").await.1;
        page["data"].as_array().unwrap().iter().filter(|row| row["text"] == text).count()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_comes_again_under_the_other_address_is_one_message() {
    let linked = Linked::with(1, &[]).await;
    let (friend, own) = (&linked.friend, linked.phones[0].number().to_owned());
    for (first_hidden, id) in [(false, "3AIDENTITY00000001"), (true, "3AIDENTITY00000002")] {
        let text = format!("once, {id}");
        friend.send_again(&own, (id, &text), first_hidden).await.unwrap();
        let kept = linked.received(&text).await;
        friend.send_again(&own, (id, &text), !first_hidden).await.unwrap();
        // What comes after it has come after it.
        let last = format!("after {id}");
        friend.send_text(&own, &last).await.unwrap();
        let after = linked.received(&last).await;
        assert_eq!(after["chat"]["id"], kept["chat"]["id"], "{after}");
        assert_eq!(linked.count(&text).await, 1);
    }
    assert_eq!(linked.events_of("message.received", 4).await.len(), 4);
    assert_eq!(linked.world.get(CHATS).await.1["totals"], json!({"chats": 1, "unread_messages": 4}));
    assert_eq!(linked.network().violations(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_chats_of_one_human_become_one_and_are_told_once() {
    let linked = Linked::with(1, &[]).await;
    let (friend, own) = (&linked.friend, linked.phones[0].number().to_owned());
    let say = async |id: &str, text: &str, hidden: bool| {
        // The other side has no session under an address that it does not know.
        friend.forget_sessions();
        friend.send_again(&own, (id, text), hidden).await.unwrap();
        linked.received(text).await
    };
    friend.show_one_address(true);
    let by_number = say("3AIDENTITY00000011", "by number", false).await;
    let by_hidden = say("3AIDENTITY00000012", "by hidden id", true).await;
    assert_ne!(by_number["chat"]["jid"], by_hidden["chat"]["jid"]);
    let page = linked.world.get(CHATS).await.1;
    assert_eq!(page["totals"]["chats"], 2, "nobody has said that they are one: {page}");
    let ids: Vec<_> = page["data"].as_array().unwrap().iter().map(|chat| chat["id"].clone()).collect();

    friend.show_one_address(false);
    say("3AIDENTITY00000013", "by both", true).await;
    say("3AIDENTITY00000014", "and again", false).await;
    let told = linked.events_of("contact.merged", 1).await;
    assert_eq!(told.len(), 1, "{told:?}");
    let (kept, absorbed) = (&told[0]["data"]["chat"], &told[0]["data"]["absorbed_chat"]);
    assert!(ids.contains(kept) && ids.contains(absorbed) && kept != absorbed, "{told:?}");
    let page = linked.world.get(CHATS).await.1;
    assert_eq!((&page["totals"]["chats"], &page["data"][0]["id"]), (&json!(1), kept), "{page}");
    // Both old ids still name the chat, with all that was written in either.
    for id in &ids {
        let path = format!("{CHATS}/{}/messages?order=asc", id.as_str().unwrap());
        let all = linked.world.get(&path).await.1;
        let texts: Vec<_> = all["data"].as_array().unwrap().iter().map(|row| row["text"].clone()).collect();
        assert_eq!(texts, ["by number", "by hidden id", "by both", "and again"]);
    }
    // What came under the one address, again under the other one.
    friend.send_again(&own, ("3AIDENTITY00000011", "by number"), true).await.unwrap();
    friend.send_again(&own, ("3AIDENTITY00000012", "by hidden id"), false).await.unwrap();
    say("3AIDENTITY00000015", "the last", false).await;
    assert_eq!((linked.count("by number").await, linked.count("by hidden id").await), (1, 1));
    assert_eq!(linked.events_of("message.received", 5).await.len(), 5);
    assert_eq!(linked.network().violations(), []);
}
