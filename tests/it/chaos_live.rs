//! Eight accounts over the real link while everything around them breaks, for about twenty seconds; then everything is healed, and
//! nothing is lost or doubled at the phones. `WASUP_SEED` repeats what is done; what the network makes of it differs.

use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};
use wasup_sandbox::{Cut, Fault, Phone, Scope};
use wasup_store::records::Phase;

use crate::promises::Linked;

const ACCOUNTS: usize = 8;
const LASTING: Duration = Duration::from_secs(20);
/// How long everything may take to be well again.
const HEALING: Duration = Duration::from_secs(60);

struct Storm {
    linked: Linked,
    friends: Vec<Phone>,
    rng: StdRng,
    /// Message ids and texts that the API took, with the friend they go to.
    sent: Vec<(String, String, usize)>,
    /// Texts that friends wrote to accounts.
    written: Vec<(usize, String)>,
    count: usize,
}

impl Storm {
    async fn new(seed: u64) -> Self {
        let extra = [
            ("WASUP__SEND__ACK_TIMEOUT", "2s"),
            ("WASUP__SEND__RESTRICTION_RETRY", "1s"),
            ("WASUP__SUPERVISION__BACKOFF_BASE", "100ms"),
            ("WASUP__SUPERVISION__MAX_RESTARTS", "1000"),
        ];
        let linked = Linked::with(ACCOUNTS, &extra).await;
        let friends = ["6281333333333", "6281222222222"].map(|number| linked.network().phone(number)).to_vec();
        Self { linked, friends, rng: StdRng::seed_from_u64(seed), sent: Vec::new(), written: Vec::new(), count: 0 }
    }

    fn own(&self, at: usize) -> String {
        self.linked.phones[at].number().to_owned()
    }

    async fn step(&mut self) {
        self.count += 1;
        let (at, friend) = (self.rng.random_range(0..ACCOUNTS), self.rng.random_range(0..self.friends.len()));
        let own = self.own(at);
        let (scope, id) = (Scope::account(&own), format!("a{at}").parse().unwrap());
        match self.rng.random_range(0..20) {
            0..9 => self.send(at, friend).await,
            9..12 => {
                let text = format!("answer {}", self.count);
                if self.friends[friend].send_text(&own, &text).await.is_ok() {
                    self.written.push((at, text));
                }
            }
            12..15 => {
                let cut = *[Cut::Drop, Cut::Unavailable, Cut::Restart].choose(&mut self.rng).unwrap();
                self.linked.network().disconnect(&scope, cut).unwrap();
            }
            15..18 => {
                let faults = [
                    Fault::SwallowAcks { count: 2, deliver: true },
                    Fault::SwallowAcks { count: 2, deliver: false },
                    Fault::Duplicate { count: 2 },
                    Fault::RefuseMessages { count: 1, code: 463 },
                    Fault::RefuseConnectionsFor { millis: 700 },
                    Fault::Delay { millis: 200 },
                ];
                let fault = faults.choose(&mut self.rng).unwrap();
                self.linked.network().inject(&scope, fault).unwrap();
            }
            18 => drop(self.linked.world.gateway.tree().accounts.crash_for_test(&id).await),
            _ => self.verb(at, &own).await,
        }
    }

    async fn verb(&mut self, at: usize, own: &str) {
        let path = |verb: &str| format!("/v1/accounts/a{at}/{verb}");
        match self.rng.random_range(0..5) {
            0 => drop(self.linked.world.post(&path("stop"), &Value::Null).await),
            1..3 => drop(self.linked.world.post(&path("start"), &Value::Null).await),
            3 => self.linked.network().restrict(own, 463, Some(Duration::from_secs(3))).unwrap(),
            _ => self.linked.network().lift_restriction(own).unwrap(),
        }
    }

    async fn send(&mut self, at: usize, friend: usize) {
        let text = format!("message {}", self.count);
        let body = json!({"to": self.friends[friend].number(), "type": "text", "text": text});
        let (status, sent) = self.linked.world.post(&format!("/v1/accounts/a{at}/messages"), &body).await;
        assert_eq!(status, 202, "{sent}");
        self.sent.push((sent["id"].as_str().unwrap().to_owned(), text, friend));
    }

    async fn heal(&self) {
        self.linked.network().heal(&Scope::Network).unwrap();
        for at in 0..ACCOUNTS {
            let own = self.own(at);
            self.linked.network().heal(&Scope::account(&own)).unwrap();
            self.linked.network().lift_restriction(&own).unwrap();
            let start = format!("/v1/accounts/a{at}/start");
            self.linked.world.post(&start, &Value::Null).await;
        }
        for at in 0..ACCOUNTS {
            self.linked.phases(&format!("a{at}"), Phase::Connected).await;
        }
    }

    /// Waits until something is so.
    async fn until(&self, path: &str, done: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + HEALING;
        loop {
            let (_, body) = self.linked.world.get(path).await;
            if done(&body) {
                return body;
            }
            assert!(Instant::now() < deadline, "{path}: {body}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Every message went out and is shown once, every answer arrived once.
    async fn check(&self) {
        for (id, text, friend) in &self.sent {
            let arrived = |message: &Value| ["delivered", "read"].contains(&message["state"].as_str().unwrap());
            self.until(&format!("/v1/messages/{id}"), arrived).await;
            let inbox = self.friends[*friend].inbox();
            let shown = inbox.iter().filter(|shown| shown.text.as_ref() == Some(text)).count();
            assert_eq!(shown, 1, "{text} is shown {shown} times");
        }
        for at in 0..ACCOUNTS {
            let expected: Vec<_> = self.written.iter().filter(|(to, _)| *to == at).map(|(_, text)| text).collect();
            let count = |page: &Value, text: &str| {
                let all = page["data"].as_array().unwrap().iter();
                all.filter(|message| message["direction"] == "inbound" && message["text"] == text).count()
            };
            let path = format!("/v1/accounts/a{at}/messages?limit=1000");
            let page = self.until(&path, |page| expected.iter().all(|text| count(page, text) > 0)).await;
            assert!(expected.iter().all(|text| count(&page, text) == 1), "an answer was kept twice: {page}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_over_eight_accounts_loses_nothing_and_doubles_nothing() {
    let seed = std::env::var("WASUP_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(rand::random);
    println!("WASUP_SEED={seed} repeats what is done");
    let mut storm = Storm::new(seed).await;
    let end = Instant::now() + LASTING;
    while Instant::now() < end {
        storm.step().await;
        let pause = storm.rng.random_range(10..120);
        tokio::time::sleep(Duration::from_millis(pause)).await;
    }
    println!("{} messages, {} answers", storm.sent.len(), storm.written.len());
    storm.heal().await;
    storm.check().await;
    assert_eq!(storm.linked.network().violations(), []);
    let Linked { world, sandbox, .. } = storm.linked;
    assert_eq!(world.gateway.stop().await.late, Vec::<String>::new());
    sandbox.shutdown().await;
}
