//! What "nothing lost, nothing doubled, nobody dragged along" means, seen from outside: through the API, at the phones
//! and in the network's own books.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use wasup_sandbox::{Cut, Fault, Network, Phone, RunningSandbox, SandboxConfig, Scope};
use wasup_store::records::Phase;

use crate::world::{PATIENCE, World};

/// A gateway with linked accounts, and a stranger's phone.
pub(crate) struct Linked {
    pub(crate) world: World,
    pub(crate) sandbox: RunningSandbox,
    pub(crate) phones: Vec<Phone>,
    pub(crate) friend: Phone,
}

impl Linked {
    /// Accounts `a0`, `a1` … each linked to a phone of its own.
    pub(crate) async fn with(accounts: usize, extra: &[(&str, &str)]) -> Self {
        let sandbox = wasup_sandbox::serve(SandboxConfig::default()).await.unwrap();
        let url = sandbox.network().url();
        let mut env = vec![("WASUP__LINK__URL", url.as_str())];
        env.extend(extra);
        let world = World::with(&env).await;
        let friend = sandbox.network().phone("6282222222222");
        let mut linked = Self { world, sandbox, phones: Vec::new(), friend };
        for n in 0..accounts {
            linked.link(n).await;
        }
        linked
    }

    async fn link(&mut self, n: usize) {
        let (id, phone) = (format!("a{n}"), self.network().phone(&format!("62811111111{n:02}")));
        assert_eq!(self.world.post("/v1/accounts", &json!({"id": id})).await.0, 201);
        let (_, qr) = self.world.get(&format!("/v1/accounts/{id}/qr?wait=20s")).await;
        phone.scan(qr["code"].as_str().unwrap()).await.unwrap();
        self.phases(&id, Phase::Connected).await;
        self.phones.push(phone);
    }

    pub(crate) fn network(&self) -> &Network {
        self.sandbox.network()
    }

    pub(crate) async fn until(&self, path: &str, done: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let (_, body) = self.world.get(path).await;
            if done(&body) {
                return body;
            }
            assert!(Instant::now() < deadline, "{path}: {body}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    pub(crate) async fn phases(&self, id: &str, phase: Phase) -> Value {
        self.until(&format!("/v1/accounts/{id}"), |account| account["state"]["phase"] == phase.as_str()).await
    }

    pub(crate) async fn send(&self, id: &str, text: &str) -> Value {
        let body = json!({"to": self.friend.number(), "type": "text", "text": text});
        let (status, sent) = self.world.post(&format!("/v1/accounts/{id}/messages"), &body).await;
        assert_eq!(status, 202, "{sent}");
        sent
    }

    pub(crate) async fn message(&self, sent: &Value, done: impl Fn(&Value) -> bool) -> Value {
        self.until(&format!("/v1/messages/{}", sent["id"].as_str().unwrap()), done).await
    }

    async fn end(self) {
        assert_eq!(self.network().violations(), []);
        self.world.gateway.stop().await;
        self.sandbox.shutdown().await;
    }
}

pub(crate) fn is_sent(message: &Value) -> bool {
    ["sent", "delivered", "read"].contains(&message["state"].as_str().unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_swallowed_ack_is_sent_again_under_the_same_id_and_shown_once() {
    let linked = Linked::with(1, &[("WASUP__SEND__ACK_TIMEOUT", "1s")]).await;
    // The phone stays away, so that no receipt proves what the ack should have.
    linked.friend.go_offline();
    let scope = Scope::account(linked.phones[0].number());
    linked.network().inject(&scope, &Fault::SwallowAcks { count: 1, deliver: true }).unwrap();
    let sent = linked.send("a0", "once").await;
    let message = linked.message(&sent, is_sent).await;
    assert_eq!(message["tries"], 2, "{message}");
    assert_eq!(message["provider_message_id"], sent["provider_message_id"]);
    linked.friend.go_online();
    linked.friend.wait_for_counts(PATIENCE, |counts| counts.repeats == 1).await.unwrap();
    let shown = linked.friend.inbox().into_iter().filter(|shown| shown.text.as_deref() == Some("once"));
    assert_eq!(shown.count(), 1);
    linked.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_the_network_refuses_ends_with_its_code() {
    let linked = Linked::with(1, &[]).await;
    let scope = Scope::account(linked.phones[0].number());
    for (code, state) in [(406, "rejected"), (463, "held")] {
        linked.network().inject(&scope, &Fault::RefuseMessages { count: 1, code }).unwrap();
        let sent = linked.send("a0", "refused").await;
        let message = linked.message(&sent, |message| message["state"] == state).await;
        assert_eq!(message["reason"], json!({"code": "server", "server_code": code}), "{message}");
        assert_eq!(message["tries"], 1);
    }
    assert!(linked.friend.inbox().is_empty());
    linked.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_of_one_actor_restarts_it_and_leaves_its_siblings_connected() {
    let linked = Linked::with(3, &[("WASUP__SUPERVISION__BACKOFF_BASE", "300ms")]).await;
    let before = linked.network().stats();
    linked.world.gateway.tree().accounts.crash_for_test(&"a1".parse().unwrap()).await.unwrap();
    let broken = linked.phases("a1", Phase::BackingOff).await;
    assert_eq!(broken["state"]["reason"], "crashed", "{broken}");
    assert!(broken["state"]["retry_at"].is_string(), "{broken}");
    linked.phases("a1", Phase::Connected).await;
    let after = linked.network().stats();
    assert_eq!(after.logins - before.logins, 1, "only the broken account logs in again");
    for id in ["a0", "a1", "a2"] {
        let sent = linked.send(id, &format!("still here, {id}")).await;
        linked.message(&sent, is_sent).await;
    }
    assert_eq!(linked.network().stats().logins, after.logins);
    linked.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_that_breaks_too_often_is_quarantined_alone() {
    let extra = [("WASUP__SUPERVISION__BACKOFF_BASE", "10ms"), ("WASUP__SUPERVISION__MAX_RESTARTS", "2")];
    let linked = Linked::with(2, &extra).await;
    for round in 0..3 {
        linked.phases("a0", Phase::Connected).await;
        linked.world.gateway.tree().accounts.crash_for_test(&"a0".parse().unwrap()).await.unwrap();
        let end = |phase: &Value| phase["state"]["phase"] != "connected";
        linked.until("/v1/accounts/a0", end).await;
        if round < 2 {
            linked.phases("a0", Phase::Connected).await;
        }
    }
    let account = linked.phases("a0", Phase::Quarantined).await;
    assert_eq!(
        (&account["state"]["reason"], &account["state"]["user_action"]),
        (&"restart_budget".into(), &"release".into())
    );
    linked.phases("a1", Phase::Connected).await;
    linked.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_is_no_crash_and_a_removed_device_is_a_state() {
    let linked = Linked::with(2, &[]).await;
    let scope = Scope::account(linked.phones[0].number());
    linked.network().disconnect(&scope, Cut::Drop).unwrap();
    let account = linked.phases("a0", Phase::Reconnecting).await;
    assert_eq!(account["state"]["reason"], "connection_lost");
    // Accepted while the connection is away: it waits and goes out.
    let sent = linked.send("a0", "through an outage").await;
    linked.message(&sent, is_sent).await;
    linked.phases("a0", Phase::Connected).await;

    linked.network().disconnect(&scope, Cut::DeviceRemoved).unwrap();
    let account = linked.phases("a0", Phase::LoggedOut).await;
    assert_eq!(account["state"]["reason"], "device_removed", "{account}");
    let ready = linked.world.client.get(format!("{}/readyz", linked.world.base)).send().await.unwrap();
    assert_eq!(ready.status(), 200, "one account says nothing about readiness");
    linked.phases("a1", Phase::Connected).await;
    linked.end().await;
}
