//! An hour in which the network fails every few minutes, in scaled time: nobody is lost, nobody's actor breaks, nothing
//! that was written to an account is missing, and however many come back at once, the limits of connecting hold.
//!
//! `WASUP_OUTAGE_MINUTES` sets another length (`scripts/outages` runs ten hours), `WASUP_SEED` repeats a run's failures.
//! The time is the whole process's, so it wants one of its own, as nextest gives it.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::json;
use tokio::time::{Instant, sleep};
use wasup_sandbox::{Config, Cut, Fault, Network, Phone, Scope};

use crate::scaled::{self, Pace};
use crate::world::World;

const ACCOUNTS: usize = 20;
const IN_FLIGHT: u64 = 4;
const A_MINUTE: u64 = 60;
/// How many times faster the hour goes.
const FAST: u64 = 110;
/// After this long of a healthy network everybody is back: the library waits at most fifteen minutes between two tries.
const BACK_WITHIN: Duration = Duration::from_secs(20 * 60);

fn from_env<T: std::str::FromStr>(name: &str, otherwise: T) -> T {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// What the network can do to everybody.
#[derive(Debug, Clone, Copy)]
enum Outage {
    /// Every stream ends so, once.
    Cut(Cut),
    /// Every stream ends, and so does every new one before it is answered, for a time.
    Refuses(u64),
    /// Every stream ends, and logins are refused with this reason for a time.
    RefusesLogins(u16, u64),
    /// Nothing is said any more, for a time.
    Silent(u64),
    /// Every stream ends and nobody listens for a time.
    Gone(u64),
    /// Every stream ends with 429, and again a minute later, and again.
    TooMany,
}

impl Outage {
    fn draw(rng: &mut StdRng) -> Self {
        let seconds = rng.random_range(20..150);
        match rng.random_range(0..10) {
            0 => Self::Cut(Cut::Drop),
            1 => Self::Cut(Cut::Unavailable),
            2 => Self::Cut(Cut::Restart),
            3 => Self::Cut(Cut::StreamEnd),
            4 => Self::Cut(Cut::StreamError { code: 500 }),
            5 => Self::Refuses(seconds),
            6 => Self::RefusesLogins(if rng.random_bool(0.5) { 503 } else { 500 }, seconds),
            7 => Self::Silent(seconds),
            8 => Self::Gone(seconds),
            _ => Self::TooMany,
        }
    }

    async fn happen(self, network: &Network) {
        let inject = |fault| network.inject(&Scope::Network, &fault).unwrap();
        let cut = |cut| network.disconnect(&Scope::Network, cut).unwrap();
        let last = |seconds| sleep(Duration::from_secs(seconds));
        match self {
            Self::Cut(how) => {
                cut(how);
            }
            Self::Refuses(seconds) => {
                inject(Fault::RefuseConnectionsFor { millis: seconds * 1_000 });
                cut(Cut::Drop);
                last(seconds).await;
            }
            Self::RefusesLogins(reason, seconds) => {
                inject(Fault::RefuseLogins { count: None, reason, code: None, expire: None });
                cut(Cut::Drop);
                last(seconds).await;
            }
            Self::Silent(seconds) => {
                inject(Fault::Silence);
                last(seconds).await;
            }
            Self::Gone(seconds) => {
                network.set_reachable(false).await.unwrap();
                cut(Cut::Drop);
                last(seconds).await;
                network.set_reachable(true).await.unwrap();
            }
            Self::TooMany => {
                for _ in 0..3 {
                    cut(Cut::StreamError { code: 429 });
                    last(60).await;
                }
            }
        }
        network.heal(&Scope::Network).unwrap();
    }
}

struct Stage {
    world: World,
    network: Network,
    phones: Vec<Phone>,
    friend: Phone,
}

impl Stage {
    async fn start() -> Self {
        let network = Network::start(Config::default()).await.unwrap();
        let (url, in_flight, a_minute) = (network.url(), IN_FLIGHT.to_string(), A_MINUTE.to_string());
        let env = [
            ("WASUP__LINK__URL", url.as_str()),
            ("WASUP__LINK__PREKEYS", "30"),
            ("WASUP__LINK__CONNECTS_IN_FLIGHT", &in_flight),
            ("WASUP__LINK__CONNECTS_PER_MINUTE", &a_minute),
        ];
        let (world, friend) = (World::with(&env).await, network.phone("6282222222222"));
        let mut stage = Self { world, network, phones: Vec::new(), friend };
        for n in 0..ACCOUNTS {
            let phone = stage.network.phone(&format!("628134444444{n:02}"));
            assert_eq!(stage.world.post("/v1/accounts", &json!({"id": format!("a{n}")})).await.0, 201);
            let (_, qr) = stage.world.get(&format!("/v1/accounts/a{n}/qr?wait=20s")).await;
            phone.scan(qr["code"].as_str().unwrap()).await.unwrap();
            stage.phones.push(phone);
        }
        stage.all_back().await;
        stage
    }

    /// Waits until every account is connected.
    async fn all_back(&self) {
        let begun = Instant::now();
        loop {
            let (_, page) = self.world.get("/v1/accounts?limit=100").await;
            let away = page["data"].as_array().unwrap().iter().filter(|one| one["state"]["phase"] != "connected");
            let away: Vec<_> = away.map(|one| (one["id"].to_string(), one["state"].to_string())).collect();
            if away.is_empty() && self.network.live() == ACCOUNTS {
                return;
            }
            let (live, connects) = (self.network.live(), self.network.connects());
            assert!(begun.elapsed() < BACK_WITHIN, "{live} live, {connects:?}, and not: {away:#?}");
            sleep(Duration::from_secs(1)).await;
        }
    }

    /// Waits until every text has been taken in, once.
    async fn all_told(&self, texts: usize) {
        let begun = Instant::now();
        for n in 0..ACCOUNTS {
            loop {
                let (_, page) = self.world.get(&format!("/v1/accounts/a{n}/messages?limit=1000")).await;
                let found: Vec<_> =
                    page["data"].as_array().unwrap().iter().map(|one| one["text"].to_string()).collect();
                let different: std::collections::BTreeSet<_> = found.iter().collect();
                assert_eq!(found.len(), different.len(), "a{n} has a text twice");
                if found.len() == texts {
                    break;
                }
                assert!(begun.elapsed() < BACK_WITHIN, "a{n} has {} of {texts} texts", found.len());
                sleep(Duration::from_secs(1)).await;
            }
        }
    }

    async fn metric(&self, name: &str) -> u64 {
        let text = self.world.ask(reqwest::Method::GET, "/metrics").send().await.unwrap().text().await.unwrap();
        let values = text.lines().filter(|line| line.starts_with(name)).filter_map(|line| line.rsplit(' ').next());
        values.filter_map(|value| value.parse::<u64>().ok()).sum()
    }
}

async fn hour(pace: Pace, rng: &mut StdRng, minutes: u64) {
    let stage = Stage::start().await;
    stage.network.forget_connects();
    pace.set(FAST);
    let (begun, mut texts) = (Instant::now(), 0);
    while begun.elapsed() < Duration::from_secs(minutes * 60) {
        let outage = Outage::draw(rng);
        eprintln!("{:>5} s: {} live, {outage:?}", begun.elapsed().as_secs(), stage.network.live());
        outage.happen(&stage.network).await;
        for phone in &stage.phones {
            stage.friend.send_text(phone.number(), &format!("text {texts}")).await.unwrap();
        }
        texts += 1;
        sleep(Duration::from_secs(rng.random_range(60..300))).await;
    }
    stage.all_back().await;
    stage.all_told(texts).await;
    let (connects, logins) = (stage.network.connects(), stage.network.stats().logins);
    eprintln!("{:>5} s: all back; {connects:?}, {logins} logins, {texts} texts each", begun.elapsed().as_secs());
    assert!(connects.most_in_a_minute <= A_MINUTE, "{connects:?}");
    // The network may still see a socket that was let go beside the one that takes its place.
    assert!(connects.peak_in_flight <= 2 * IN_FLIGHT, "{connects:?}");
    assert!(connects.opened > ACCOUNTS as u64, "nothing happened: {connects:?}");
    // An outage is no crash.
    assert_eq!(stage.metric("wasup_account_restarts_total").await, 0);
    assert_eq!(stage.network.violations(), []);
    pace.set(1);
    stage.world.gateway.stop().await;
}

#[test]
fn an_hour_of_outages_ends_with_everybody_connected_and_within_the_limits() {
    let (minutes, seed) = (from_env("WASUP_OUTAGE_MINUTES", 60), from_env("WASUP_SEED", rand::random::<u64>()));
    eprintln!("WASUP_SEED={seed} WASUP_OUTAGE_MINUTES={minutes}");
    let mut rng = StdRng::seed_from_u64(seed);
    scaled::run(async |pace| hour(pace, &mut rng, minutes).await);
}
