//! Phone numbers across accounts.

use serde_json::{Value, json};

use crate::promises::Linked;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_number_is_found_in_every_account_that_knows_it() {
    let linked = Linked::with(2, &[]).await;
    let friend = linked.friend.number();
    linked.friend.set_push_name("Friend");
    for phone in &linked.phones {
        linked.friend.send_text(phone.number(), "hello").await.unwrap();
    }
    linked.phones[1].send_text(linked.phones[0].number(), "it's me").await.unwrap();
    let of = |phone: &str, what: &str| format!("/v1/numbers/{phone}/{what}");
    let accounts = |page: &Value| -> Vec<Value> {
        page["data"].as_array().unwrap().iter().map(|one| one["account"].clone()).collect()
    };
    let page = linked.until(&of(friend, "mapping"), |page| accounts(page) == ["a0", "a1"]).await;
    for one in page["data"].as_array().unwrap() {
        assert_eq!((&one["phone"], &one["lid"]), (&json!(friend), &json!(linked.friend.lid())), "{one}");
        assert_eq!((&one["own"], &one["push_name"]), (&json!(false), &json!("Friend")));
        assert!(one["chat"].is_string() && one["contact"].is_string(), "{one}");
    }
    let (_, first) = linked.world.get(&format!("{}?limit=1", of(friend, "mapping"))).await;
    let next = first["next_cursor"].as_str().unwrap();
    let (_, second) = linked.world.get(&format!("{}?limit=1&cursor={next}", of(friend, "mapping"))).await;
    assert_eq!((accounts(&first), accounts(&second)), (vec![json!("a0")], vec![json!("a1")]));
    // An own number, which another account knows as a contact.
    let own = linked.phones[1].number();
    let page = linked.until(&of(own, "mapping"), |page| accounts(page) == ["a0", "a1"]).await;
    assert_eq!((&page["data"][0]["own"], &page["data"][1]["own"]), (&json!(false), &json!(true)), "{page}");

    let known = |page: &Value| page["data"].as_array().unwrap().len();
    let page = linked.until(&of(linked.phones[0].number(), "contacts"), |page| known(page) == 2).await;
    assert!(page["data"].as_array().unwrap().iter().all(|one| one["account"] == "a0" && one["chat"].is_string()));
    let (_, first) = linked.world.get(&format!("{}?limit=1", of(linked.phones[0].number(), "contacts"))).await;
    let next = first["next_cursor"].as_str().unwrap();
    let (_, rest) =
        linked.world.get(&format!("{}?limit=5&cursor={next}", of(linked.phones[0].number(), "contacts"))).await;
    assert_eq!((&rest["data"][0], known(&rest), &rest["next_cursor"]), (&page["data"][1], 1, &Value::Null));
    assert_eq!(known(&linked.world.get(&of(friend, "contacts")).await.1), 0, "it is nobody's own");
    assert_eq!(known(&linked.world.get(&of("6289999999999", "mapping")).await.1), 0);
    assert_eq!(linked.world.get(&of("12", "mapping")).await.0, 400);
    assert_eq!(linked.network().violations(), []);
}
