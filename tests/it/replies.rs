//! A phone writes, the receiver answers, and the phone gets the answer: once.

use serde_json::{Value, json};

use crate::endpoints::made;
use crate::promises::Linked;
use crate::receivers::Misbehaving;
use crate::world::PATIENCE;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_phone_gets_exactly_one_answer_however_often_its_message_is_delivered() {
    let linked = Linked::with(1, &[]).await;
    let (world, friend) = (&linked.world, &linked.friend);
    let receiver = Misbehaving::saying(200, "application/json", r#"{"text":"We are open until six."}"#).await;
    let body = json!({"account": "a0", "url": receiver.url, "events": ["message.received"], "reply": "answer"});
    let (endpoint, _) = made(world, body).await;
    let own = linked.phones[0].number().to_owned();
    friend.send_text(&own, "When do you close?").await.unwrap();
    let answer = friend.wait_for_text("We are open until six.", PATIENCE).await.unwrap();
    let list = format!("{endpoint}/deliveries");
    let page = world.until(&list, |page| page["data"][0]["state"] == "completed").await;
    let delivery = &page["data"][0];
    let message = delivery["reply"]["message"].as_str().unwrap().to_owned();
    let sent = linked.until(&format!("/v1/messages/{message}"), |sent| sent["state"] == "delivered").await;
    assert_eq!(sent["provider_message_id"].as_str(), Some(answer.id.as_str()));
    // Delivered again and again, also by another run of the server: the receiver answers every time, the chat hears it
    // once.
    let id = delivery["id"].as_str().unwrap();
    for times in 2..5 {
        assert_eq!(world.post(&format!("/v1/deliveries/{id}/replay"), &Value::Null).await.0, 202);
        world
            .until(&format!("/v1/deliveries/{id}"), |shown| shown["attempts"] == times && shown["state"] == "completed")
            .await;
    }
    let (status, _) = world.post(&format!("{endpoint}/replay"), &json!({"since": "2020-01-01T00:00:00Z"})).await;
    assert_eq!(status, 202);
    world.until(&format!("/v1/deliveries/{id}"), |shown| shown["attempts"] == 5 && shown["state"] == "completed").await;
    assert_eq!(receiver.ids().len(), 5);
    // A second question has its own answer, which also proves that nothing waits before it.
    friend.send_text(&own, "And tomorrow?").await.unwrap();
    friend.wait_for_counts(PATIENCE, |counts| counts.shown >= 2).await.unwrap();
    let answers = friend.inbox().into_iter().filter(|shown| shown.text.as_deref() == Some("We are open until six."));
    assert_eq!(answers.count(), 2, "one for each question");
    let outbound = world.get("/v1/accounts/a0/messages").await.1;
    let outbound = outbound["data"].as_array().unwrap().iter().filter(|row| row["direction"] == "outbound").count();
    assert_eq!(outbound, 2);
}
