//! The accounts file is read again while the process runs: by SIGHUP and by the API. Who did not change notices nothing: the
//! network counts logins.

use std::time::{Duration, Instant};

use reqwest::{Client, Method};
use rustix::process::Signal;
use serde_json::{Value, json};
use wasup_sandbox::Phone;

use crate::gateway::Gateway;
use crate::world::{KEY, World};

/// Longest wait for anything here.
const PATIENCE: Duration = Duration::from_secs(30);

struct Api<'a> {
    world: &'a World,
    client: Client,
}

impl Api<'_> {
    async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        let request = self.client.request(method, format!("http://{}{path}", self.world.address)).bearer_auth(KEY);
        let request = match body {
            Some(body) => request.json(&body),
            None => request,
        };
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap_or_default())
    }

    async fn reload(&self) -> Value {
        let (status, report) = self.ask(Method::POST, "/v1/admin/reload", None).await;
        assert_eq!(status, 200, "{report}\n{}", self.world.log());
        report
    }

    /// Waits until the file was read so often with an outcome. A signal only asks for it.
    async fn readings(&self, outcome: &str, wanted: u64) {
        let row = format!("wasup_accounts_file_reloads_total{{outcome=\"{outcome}\"}} {wanted}");
        let end = Instant::now() + PATIENCE;
        loop {
            let request = self.client.get(format!("http://{}/metrics", self.world.address)).bearer_auth(KEY);
            let metrics = request.send().await.unwrap().text().await.unwrap();
            if metrics.lines().any(|line| line == row) {
                return;
            }
            assert!(Instant::now() < end, "not so: {row}\n{}", self.world.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn state(&self, account: &str) -> (String, String) {
        let (_, body) = self.ask(Method::GET, &format!("/v1/accounts/{account}"), None).await;
        let word = |name: &str| body["state"][name].as_str().unwrap_or_default().to_owned();
        (word("phase"), word("reason"))
    }

    async fn until(&self, account: &str, wanted: (&str, &str)) {
        let end = Instant::now() + PATIENCE;
        loop {
            let (phase, reason) = self.state(account).await;
            if (phase.as_str(), reason.as_str()) == wanted {
                return;
            }
            assert!(Instant::now() < end, "{account} is {phase} ({reason}), not {wanted:?}\n{}", self.world.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Numbers that have logged in since the mark, and marks anew.
fn logged_in(world: &World) -> Vec<String> {
    let numbers = world.network.logins_since_mark().into_iter().map(|device| device.number).collect();
    world.network.mark_logins();
    numbers
}

fn number(world: &World, nth: usize) -> String {
    let phone: &Phone = &world.accounts[nth].1;
    phone.number().to_owned()
}

fn write(world: &World, blocks: &[String]) {
    std::fs::write(world.folder.path().join("accounts.toml"), blocks.concat()).unwrap();
}

fn account(id: &str, more: &str) -> String {
    format!("[[account]]\nid = \"{id}\"\n{more}\n")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_what_is_different_is_carried_out() {
    let world = World::without_webhooks().await;
    let mut gateway = Gateway::start(&world);
    gateway.wait_ready(&world).await;
    world.link_all().await;
    let api = Api { world: &world, client: Client::builder().no_proxy().build().unwrap() };
    for n in 1..=3 {
        api.until(&format!("account-{n}"), ("connected", "linked")).await;
    }
    world.network.mark_logins();

    // By a signal: the second one's settings change, the third one goes, a fourth one comes.
    let (one, two) = (account("account-1", ""), account("account-2", "name = \"Two\"\npacing = { per_minute = 30 }"));
    let four = account("account-4", "autostart = false");
    write(&world, &[one.clone(), two.clone(), four.clone()]);
    gateway.signal(Signal::HUP);
    api.readings("applied", 1).await;
    api.until("account-3", ("stopped", "undeclared")).await;
    let (_, second) = api.ask(Method::GET, "/v1/accounts/account-2", None).await;
    assert_eq!((&second["name"], &second["pacing"]["per_minute"]), (&json!("Two"), &json!(30)));
    let (_, third) = api.ask(Method::GET, "/v1/accounts/account-3", None).await;
    assert_eq!((&third["source"], &third["desired"]), (&json!("undeclared"), &json!("stopped")));
    assert_eq!(api.state("account-4").await.0, "stopped");
    assert_eq!(logged_in(&world), Vec::<String>::new(), "nobody connected anew\n{}", world.log());
    assert_eq!(api.reload().await["unchanged"], 3, "the same again does nothing");

    // A file with a fault changes nothing and says where.
    write(&world, &[one.clone(), account("account-2", "name = \"Zwei\"\nrestart = { within = \"1ms\" }")]);
    let (status, refused) = api.ask(Method::POST, "/v1/admin/reload", None).await;
    assert_eq!((status, &refused["code"]), (409, &json!("accounts_file_wrong")), "{refused}");
    let fault = &refused["errors"][0];
    assert_eq!(fault["field"], "line 7", "{refused}");
    assert!(fault["message"].as_str().unwrap().contains("restart.within"), "{refused}");
    gateway.signal(Signal::HUP);
    api.readings("refused", 2).await;
    assert_eq!(api.ask(Method::GET, "/v1/accounts/account-2", None).await.1["name"], "Two");

    // One of the API's that appears in the file is the file's from then on; the third one is back, and its link with it.
    let made = json!({"id": "own", "start": false, "device_name": "Till", "metadata": {"a": 1}});
    assert_eq!(api.ask(Method::POST, "/v1/accounts", Some(made)).await.0, 201);
    let three = account("account-3", "");
    write(&world, &[one, account("account-2", ""), three, four, account("own", "autostart = false")]);
    let report = api.reload().await;
    let settings = |id: &str| {
        let found = report["changed"].as_array().unwrap().iter().find(|one| one["id"] == id);
        found.unwrap_or_else(|| panic!("{id} of {report}"))["settings"].clone()
    };
    let expected = json!({"source": "now", "device_name": "next_pairing", "autostart": "next_start"});
    assert_eq!(settings("own"), expected);
    assert_eq!(settings("account-2"), json!({"name": "now", "pacing": "now"}), "what is not mentioned goes back");
    assert_eq!(settings("account-3"), json!({"source": "now"}));
    assert_eq!((&report["unchanged"], &report["errors"]), (&json!(2), &json!([])), "{report}");
    let (_, own) = api.ask(Method::GET, "/v1/accounts/own", None).await;
    assert_eq!((&own["source"], &own["metadata"]), (&json!("file"), &json!({"a": 1})), "notes are the user's");
    world.network.wait_connected(&number(&world, 2), PATIENCE).await.unwrap();
    assert_eq!(logged_in(&world), [number(&world, 2)]);

    // What is gone from the file when the process starts does not connect at all.
    write(&world, &[account("account-1", "")]);
    gateway.kill();
    let mut gateway = Gateway::start(&world);
    gateway.wait_ready(&world).await;
    api.until("account-3", ("stopped", "undeclared")).await;
    world.network.wait_connected(&number(&world, 0), PATIENCE).await.unwrap();
    assert_eq!(logged_in(&world), [number(&world, 0)]);
}
