//! The network forbids an account to write to people who never wrote to it: what goes, what waits, and what follows.

use std::time::Duration;

use serde_json::{Value, json};
use wasup_sandbox::Phone;
use wasup_store::records::Phase;

use crate::promises::{Linked, is_sent};
use crate::world::PATIENCE;

async fn send(linked: &Linked, to: &Phone, text: &str) -> Value {
    let body = json!({"to": to.number(), "type": "text", "text": text});
    let (status, sent) = linked.world.post("/v1/accounts/a0/messages", &body).await;
    assert_eq!(status, 202, "{sent}");
    sent
}

async fn write(linked: &Linked, from: &Phone, text: &str) {
    from.send_text(linked.phones[0].number(), text).await.unwrap();
    linked
        .until("/v1/accounts/a0/messages", |page| {
            page["data"].as_array().unwrap().iter().any(|message| message["text"] == text)
        })
        .await;
}

/// What was told of restrictions: whether one holds, and by which code.
async fn told(linked: &Linked) -> Vec<(bool, u64)> {
    let (_, page) = linked.world.get("/v1/events?types=account.restricted&limit=100").await;
    let data = |event: &Value| (event["data"]["active"].as_bool().unwrap(), event["data"]["code"].as_u64().unwrap());
    page["data"].as_array().unwrap().iter().map(data).collect()
}

fn is_held(message: &Value) -> bool {
    message["state"] == "held"
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_wait_until_it_is_over_and_everybody_else_is_written_to() {
    let mut linked = Linked::with(1, &[]).await;
    let own = linked.phones[0].number().to_owned();
    let (buddy, silent) = (linked.network().phone("6281333333333"), linked.network().phone("6281222222222"));
    write(&linked, &buddy, "hello from a buddy").await;
    linked.network().restrict(&own, 463, Some(Duration::from_secs(3_600))).unwrap();
    let mut held = Vec::new();
    for n in 0..4 {
        held.push(send(&linked, &silent, &format!("offer {n}")).await);
        // The first one is refused; the network is not asked to refuse the others, too.
        linked.message(&held[n], is_held).await;
    }
    let later = send(&linked, &linked.friend, "are you there?").await;
    linked.message(&later, is_held).await;
    let reply = send(&linked, &buddy, "reply").await;
    linked.message(&reply, is_sent).await;
    let tries: Vec<_> = states_of(&linked, &held).await.iter().map(|message| message["tries"].clone()).collect();
    assert_eq!(tries, [1, 0, 0, 0]);
    let ends = linked.network().restriction(&own).unwrap().unwrap().until.unwrap();
    let ends = wasup::api::view::Time::from_ms(ends * 1_000);
    let ends = serde_json::to_value(ends).unwrap();
    linked
        .until("/v1/events?types=account.restricted&limit=100", |page| {
            page["data"].as_array().unwrap().last().is_some_and(|event| event["data"]["until"] == ends)
        })
        .await;
    // Nothing of it is forgotten by another run of the server, and who writes is answered.
    let url = linked.network().url();
    linked.world = linked.world.restart(&[("WASUP__LINK__URL", url.as_str())]).await;
    linked.phases("a0", Phase::Connected).await;
    write(&linked, &linked.friend, "yes").await;
    linked.message(&later, is_sent).await;
    linked.friend.wait_for_text("are you there?", PATIENCE).await.unwrap();
    for message in states_of(&linked, &held).await {
        assert!(is_held(&message), "{message}");
    }
    // The network lifts it, which the account hears of with its next connection.
    linked.network().lift_restriction(&own).unwrap();
    linked.world.gateway.tree().accounts.crash_for_test(&"a0".parse().unwrap()).await.unwrap();
    for sent in &held {
        let message = linked.message(sent, is_sent).await;
        assert_eq!(message["provider_message_id"], sent["provider_message_id"]);
    }
    silent.wait_for_counts(PATIENCE, |counts| counts.shown >= 4).await.unwrap();
    let mut shown: Vec<_> = silent.inbox().into_iter().filter_map(|shown| shown.text).collect();
    shown.sort_unstable();
    assert_eq!(shown, ["offer 0", "offer 1", "offer 2", "offer 3"]);
    let told = told(&linked).await;
    assert_eq!((told.first(), told.last()), (Some(&(true, 463)), Some(&(false, 463))), "{told:?}");
    assert_eq!(told.iter().filter(|(active, _)| !active).count(), 1, "{told:?}");
    assert!(told.len() <= 3, "{told:?}");
    assert_eq!(linked.network().violations(), []);
}

async fn states_of(linked: &Linked, sent: &[Value]) -> Vec<Value> {
    let mut messages = Vec::new();
    for sent in sent {
        messages.push(linked.message(sent, |_| true).await);
    }
    messages
}
