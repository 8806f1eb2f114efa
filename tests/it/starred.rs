//! Stars that a caller puts on messages, as the account's phone sees them.

use serde_json::{Value, json};

use crate::promises::Linked;
use crate::world::PATIENCE;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_star_is_on_the_phone_too_and_names_its_message() {
    let linked = Linked::with(1, &[]).await;
    let (phone, friend) = (&linked.phones[0], &linked.friend);
    let group = friend.create_group("stars", &[phone.number()], None).unwrap();
    let direct = friend.send_text(phone.number(), "shine").await.unwrap();
    let shared = friend.send_text(&group, "shine on").await.unwrap();
    let sent = linked.send("a0", "back at you").await;
    linked.message(&sent, crate::promises::is_sent).await;
    let own = sent["provider_message_id"].as_str().unwrap().to_owned();
    for (id, from_me) in [(direct, "0"), (shared, "0"), (own, "1")] {
        let found = |page: &Value| -> Option<Value> {
            page["data"].as_array()?.iter().find(|one| one["provider_message_id"] == *id).cloned()
        };
        let page = linked.until("/v1/accounts/a0/messages", |page| found(page).is_some()).await;
        let path = format!("/v1/messages/{}/star", found(&page).unwrap()["id"].as_str().unwrap());
        for starred in [true, false] {
            let (status, message) = linked.world.post(&path, &json!({"starred": starred})).await;
            assert_eq!((status, message["starred"] == true), (200, starred), "{message}");
            let told = |shared: &wasup_sandbox::SharedSetting| {
                shared.index.first().is_some_and(|word| word == "star")
                    && shared.index.get(2) == Some(&id)
                    && shared.index.get(3).is_some_and(|own| own == from_me)
                    && shared.on == starred
            };
            phone.wait_for_shared(PATIENCE, told).await.unwrap();
        }
    }
    assert_eq!(linked.network().violations(), []);
}
