//! The control API over real HTTP.

use crate::client::{SOON, paired, start};
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use wacore::types::events::Event;
use wasup_sandbox::{RunningSandbox, SandboxConfig, serve};
use whatsapp_rust::pair_code::PairCodeOptions;

/// One request on a connection of its own.
async fn call(sandbox: &RunningSandbox, method: &str, path: &str, body: Value) -> (u16, Value) {
    let url = sandbox.control_url();
    let host = url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(host).await.unwrap();
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let body = serde_json::from_str(body).unwrap_or(Value::Null);
    (status, body)
}

async fn get(sandbox: &RunningSandbox, path: &str) -> Value {
    let (status, body) = call(sandbox, "GET", path, Value::Null).await;
    assert_eq!(status, 200, "{path}: {body}");
    body
}

async fn post(sandbox: &RunningSandbox, path: &str, body: Value) -> Value {
    let (status, body) = call(sandbox, "POST", path, body).await;
    assert!((200..300).contains(&status), "{path}: {status} {body}");
    body
}

#[tokio::test(flavor = "multi_thread")]
async fn phones_are_driven_over_http() {
    let sandbox = serve(SandboxConfig::default()).await.unwrap();
    let about = get(&sandbox, "/v1/network").await;
    assert_eq!(about["url"], sandbox.network().url());
    assert_eq!(about["root_key"].as_str().unwrap().len(), 64);

    for number in ["15550000001", "15550000002"] {
        post(&sandbox, "/v1/phones", json!({"number": number})).await;
    }
    let phone = sandbox.network().find_phone("15550000001").unwrap();
    let companion = paired(sandbox.network(), &phone).await;
    let one = get(&sandbox, "/v1/phones/15550000001").await;
    assert_eq!(one["devices"], json!([1]));

    let rules = json!({"reply": {"template": "got {text}"}});
    let (status, _) = call(&sandbox, "PUT", "/v1/phones/15550000002/rules", rules).await;
    assert_eq!(status, 204);
    companion.send("15550000002@s.whatsapp.net", "hello").await;
    assert_eq!(companion.text().await.text, "got hello");

    let inbox = get(&sandbox, "/v1/phones/15550000002/inbox?text=hello&wait_ms=5000").await;
    assert_eq!(inbox["messages"][0]["sender_number"], "15550000001");
    let written = json!({"to": "15550000001", "text": "typed"});
    let written = post(&sandbox, "/v1/phones/15550000002/messages", written).await;
    assert_eq!(companion.text().await.id, written["id"].as_str().unwrap());
    let id = written["id"].as_str().unwrap();
    let path = format!("/v1/phones/15550000002/receipts?id={id}&wait_ms=5000");
    assert_eq!(get(&sandbox, &path).await[0]["kind"], "delivered");
    sandbox.network().wait_settled("15550000001", 1, SOON).await.unwrap();
    let acked = get(&sandbox, "/v1/phones/15550000001/acked?device=1").await;
    assert!(acked.as_array().unwrap().iter().any(|entry| entry == id));
    let accepted = get(&sandbox, "/v1/phones/15550000001/accepted").await;
    assert_eq!(accepted.as_array().unwrap().len(), 1);
    assert_eq!(get(&sandbox, "/v1/violations").await, json!([]));
    assert_eq!(get(&sandbox, "/v1/connections").await[0]["live"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_are_set_over_http() {
    let sandbox = serve(SandboxConfig::default()).await.unwrap();
    let network = sandbox.network();
    let (phone, other) = (network.phone("15550000001"), network.phone("15550000002"));
    let companion = paired(network, &phone).await;
    let fault = json!({
        "scope": {"number": "15550000001"},
        "fault": {"kind": "refuse_messages", "count": 1, "code": 463},
    });
    post(&sandbox, "/v1/faults", fault).await;
    let (_, error) = companion.send(&other.jid(), "refused").await;
    assert_eq!(error.as_deref(), Some("463"));
    let logins = network.stats().logins;
    let cut = json!({"scope": {"number": "15550000001", "device": 1}, "cut": "restart"});
    assert_eq!(post(&sandbox, "/v1/disconnect", cut).await["ended"], 1);
    network.wait_for_stats(SOON, |stats| stats.logins > logins).await.unwrap();
    let (status, _) = call(&sandbox, "DELETE", "/v1/faults", json!({})).await;
    assert_eq!(status, 204);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_life_of_an_account_is_played_over_http() {
    let sandbox = serve(SandboxConfig::default()).await.unwrap();
    let network = sandbox.network();
    let number = "15550000001";
    let path = |rest: &str| format!("/v1/phones/{number}/{rest}");
    post(&sandbox, "/v1/phones", json!({"number": number})).await;
    let other = network.phone("15550000002");
    let companion = start(network, number, Arc::default()).await;
    companion.qr().await;
    let options = PairCodeOptions { phone_number: number.to_owned(), ..PairCodeOptions::default() };
    companion.client.pair_with_code(options.clone()).await.unwrap();
    post(&sandbox, &path("code/refresh"), json!({"by_hand": false})).await;
    let (status, answer) = call(&sandbox, "POST", &path("code"), json!({"code": "ABCDEFGH"})).await;
    assert_eq!((status, &answer["error"]["code"]), (404, &json!("no_code_requested")));
    let refreshed = |event: &Event| matches!(event, Event::PairingCodeRefresh(_)).then_some(());
    companion.event("refresh", refreshed).await;
    let code = companion.client.pair_with_code(options).await.unwrap();
    assert_eq!(call(&sandbox, "PUT", &path("passkey"), json!({"demanded": true})).await.0, 204);
    let (status, answer) = call(&sandbox, "POST", &path("code"), json!({"code": code})).await;
    assert_eq!((status, &answer["error"]["code"]), (409, &json!("passkey_demanded")));
    assert_eq!(call(&sandbox, "PUT", &path("passkey"), json!({"demanded": false})).await.0, 204);
    assert_eq!(post(&sandbox, &path("code"), json!({"code": code})).await["device"], 1);
    companion.connected().await;

    let restriction = json!({"code": 463, "seconds": 3600});
    assert_eq!(call(&sandbox, "PUT", &path("restriction"), restriction).await.0, 204);
    assert_eq!(companion.send(&other.jid(), "cold").await.1.as_deref(), Some("463"));
    assert_eq!(get(&sandbox, &path("restriction")).await["code"], 463);
    assert_eq!(call(&sandbox, "DELETE", &path("restriction"), Value::Null).await.0, 204);
    assert_eq!(get(&sandbox, &path("restriction")).await, Value::Null);

    post(&sandbox, "/v1/logins/mark", Value::Null).await;
    assert_eq!(get(&sandbox, "/v1/logins").await, json!([]));
    let fault = json!({"kind": "refuse_logins", "count": 1, "reason": 503});
    post(&sandbox, "/v1/faults", json!({"scope": {"number": number}, "fault": fault})).await;
    let cut = json!({"scope": {"number": number}, "cut": {"stream_error": {"code": 500}}});
    assert_eq!(post(&sandbox, "/v1/disconnect", cut).await["ended"], 1);
    network.wait_for_logins(number, SOON, |counts| counts.devices[0].since_mark == 1).await.unwrap();
    assert_eq!(get(&sandbox, "/v1/logins").await[0]["since_mark"], 1);
    let logins = get(&sandbox, &path("logins")).await;
    assert_eq!(logins["attempts"].as_u64().unwrap(), logins["logins"].as_u64().unwrap() + 1);
    let connects = get(&sandbox, "/v1/connects").await;
    assert!(connects["most_in_a_minute"].as_u64() >= Some(4), "{connects}");
    assert_eq!(call(&sandbox, "DELETE", "/v1/connects", Value::Null).await.0, 204);
    assert_eq!(get(&sandbox, "/v1/connects").await["opened"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_say_what_is_wrong() {
    let sandbox = serve(SandboxConfig::default()).await.unwrap();
    let refused = [
        ("GET", "/v1/nothing", Value::Null, 404, "no_such_route"),
        ("GET", "/v1/phones/15550000009", Value::Null, 404, "not_found"),
        ("POST", "/v1/phones", json!({"number": "+1"}), 422, "bad_number"),
        ("POST", "/v1/phones", json!({"nummer": "1"}), 422, "bad_body"),
        ("POST", "/v1/faults", json!({"fault": {"kind": "flood"}}), 422, "bad_body"),
        ("GET", "/v1/phones/1/acked", Value::Null, 400, "bad_query"),
    ];
    for (method, path, body, status, code) in refused {
        let (got, answer) = call(&sandbox, method, path, body).await;
        assert_eq!((got, &answer["error"]["code"]), (status, &json!(code)), "{path}");
    }
    post(&sandbox, "/v1/phones", json!({"number": "15550000001"})).await;
    let scan = json!({"qr": "2@nonsense"});
    let (status, answer) = call(&sandbox, "POST", "/v1/phones/15550000001/scan", scan).await;
    assert_eq!((status, &answer["error"]["code"]), (422, &json!("not_a_code")));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_phones_are_counted_in_one_request() {
    let sandbox = serve(SandboxConfig::default()).await.unwrap();
    for number in ["15550000001", "15550000002"] {
        post(&sandbox, "/v1/phones", json!({"number": number})).await;
    }
    let phone = sandbox.network().find_phone("15550000001").unwrap();
    assert_eq!(get(&sandbox, "/v1/live").await, json!({"devices": 0, "connecting": 0, "connecting_peak": 0}));
    let companion = paired(sandbox.network(), &phone).await;
    let live = get(&sandbox, "/v1/live?devices=1&wait_ms=5000").await;
    assert_eq!((&live["devices"], &live["connecting"]), (&json!(1), &json!(0)));
    assert!(live["connecting_peak"].as_u64() >= Some(1));
    assert_eq!(call(&sandbox, "DELETE", "/v1/live/peak", Value::Null).await.0, 204);
    assert_eq!(get(&sandbox, "/v1/live").await["connecting_peak"], 0);
    let (status, refused) = call(&sandbox, "GET", "/v1/live?devices=2&wait_ms=50", Value::Null).await;
    assert_eq!((status, &refused["error"]["code"]), (408, &json!("timed_out")));

    let burst = json!({"to": "15550000001", "prefix": "run-", "count": 30});
    assert_eq!(post(&sandbox, "/v1/phones/15550000002/burst", burst.clone()).await, json!({"typed": 30}));
    assert_eq!(companion.text().await.text, "run-0");
    let tally =
        |shown, distinct| json!([{"number": "15550000001", "shown": shown, "distinct": distinct, "repeats": 0}]);
    assert_eq!(get(&sandbox, "/v1/tally?prefix=run-").await, tally(30, 30));
    assert_eq!(get(&sandbox, "/v1/tally?prefix=run-2").await, tally(11, 11));
    assert_eq!(get(&sandbox, "/v1/tally?prefix=none").await, json!([]));
    // The same texts under new ids: other messages, and no repeats for the phone.
    post(&sandbox, "/v1/phones/15550000002/burst", burst).await;
    assert_eq!(get(&sandbox, "/v1/tally?prefix=run-").await, tally(60, 30));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_loopback_is_listened_on() {
    let config = SandboxConfig { control_listen: "0.0.0.0:0".parse().unwrap(), ..SandboxConfig::default() };
    let refused = serve(config).await.unwrap_err();
    assert!(refused.to_string().contains("not a loopback address"), "{refused}");
}
