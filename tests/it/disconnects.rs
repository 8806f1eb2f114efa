//! Every disconnect that the sandbox can make, and what follows: the states, their reasons and what a human has to do,
//! told by events; who comes back by itself and who never tries again; what is counted.

use futures_util::future::join_all;
use serde_json::{Value, json};
use wasup_sandbox::{Config, Cut, Fault, Network, Scope};
use wasup_store::records::{Phase, Reason, UserAction as Do};

use crate::world::World;

/// Phase, reason, what a human has to do, and whether it says when something happens by itself.
type State = (Phase, Reason, Do, bool);

const CONNECTED: State = (Phase::Connected, Reason::Requested, Do::None, false);
const REMOVED: State = (Phase::LoggedOut, Reason::DeviceRemoved, Do::ScanQr, false);
const REPLACED: State = (Phase::Replaced, Reason::StreamReplaced, Do::OpenPhone, false);
const REFUSED: State = (Phase::Stopped, Reason::Refused, Do::OpenPhone, false);
const OUTDATED: State = (Phase::Outdated, Reason::ClientOutdated, Do::Update, true);

const fn lost(reason: Reason) -> State {
    (Phase::Reconnecting, reason, Do::Wait, false)
}

const LOST: State = lost(Reason::ConnectionLost);

/// What is done to an account.
#[derive(Clone, Copy)]
enum Misfortune {
    /// Its stream is ended so.
    Cut(Cut),
    /// Its stream is cut, and its next login is refused: reason, code, seconds.
    Login(u16, Option<u16>, Option<u64>),
    /// The same, and every further login, until the network is healed.
    Logins(u16),
    /// The network falls silent on it.
    Silence,
    /// Its stream is cut, and its login gets no answer.
    SilentLogin,
}

impl Misfortune {
    fn happen(self, network: &Network, number: &str) {
        use Misfortune::{Cut as Ends, Login, Logins, Silence, SilentLogin};
        let scope = Scope::account(number);
        let inject = |fault| network.inject(&scope, &fault).unwrap();
        match self {
            Ends(_) => {}
            Login(reason, code, expire) => inject(Fault::RefuseLogins { count: Some(1), reason, code, expire }),
            Logins(reason) => inject(Fault::RefuseLogins { count: None, reason, code: None, expire: None }),
            Silence | SilentLogin => inject(Fault::Silence),
        }
        let cut = match self {
            Ends(cut) => cut,
            Silence => return,
            Login(..) | Logins(_) | SilentLogin => Cut::Drop,
        };
        assert_eq!(network.disconnect(&scope, cut), Ok(1));
    }
}

/// One disconnect and every state that follows. Where the last is `CONNECTED` and the network has to be healed for it,
/// it is healed before.
struct Row(&'static str, Misfortune, Vec<State>);

fn cuts() -> Vec<Row> {
    let cut = |name, cut, states: &[State]| Row(name, Misfortune::Cut(cut), states.to_vec());
    let code = |name, code, states: &[State]| Row(name, Misfortune::Cut(Cut::StreamError { code }), states.to_vec());
    let back = |reason| [lost(reason), CONNECTED];
    vec![
        cut("dropped", Cut::Drop, &back(Reason::ConnectionLost)),
        cut("unavailable", Cut::Unavailable, &back(Reason::ServiceUnavailable)),
        cut("restart", Cut::Restart, &back(Reason::StreamRestart)),
        cut("stream-end", Cut::StreamEnd, &back(Reason::ConnectionLost)),
        cut("not-well-formed", Cut::NotWellFormed, &back(Reason::StreamError)),
        cut("owed-ack", Cut::OwedAck, &back(Reason::StreamError)),
        cut("unexplained", Cut::Unexplained, &back(Reason::StreamError)),
        cut("replaced", Cut::Replaced, &[REPLACED]),
        cut("device-removed", Cut::DeviceRemoved, &[REMOVED]),
        cut("other-conflict", Cut::OtherConflict, &[REMOVED]),
        code("error-401", 401, &[REMOVED]),
        code("error-403", 403, &back(Reason::StreamError)),
        code("error-409", 409, &[REPLACED]),
        code("error-429", 429, &back(Reason::RateLimited)),
        code("error-500", 500, &back(Reason::StreamError)),
        code("error-503", 503, &back(Reason::ServiceUnavailable)),
        code("error-515", 515, &back(Reason::StreamRestart)),
        code("error-516", 516, &[REMOVED]),
        code("error-599", 599, &back(Reason::StreamError)),
        Row("silence", Misfortune::Silence, back(Reason::TimedOut).to_vec()),
        Row("silent-login", Misfortune::SilentLogin, back(Reason::ConnectionLost).to_vec()),
    ]
}

fn refused_logins() -> Vec<Row> {
    let login = |name, reason, state| Row(name, Misfortune::Login(reason, None, None), vec![LOST, state]);
    let ban = |name, expire, more: &[State]| {
        let banned = (Phase::Banned, Reason::TemporaryBan, Do::Wait, true);
        let states = [LOST, banned].into_iter().chain(more.iter().copied());
        Row(name, Misfortune::Login(402, Some(101), Some(expire)), states.collect())
    };
    let tried_again =
        |name, reason| Row(name, Misfortune::Logins(reason), vec![LOST, lost(Reason::ServiceUnavailable), CONNECTED]);
    let by_itself = [(Phase::Connecting, Reason::Requested, Do::None, false), CONNECTED];
    vec![
        login("login-400", 400, REFUSED),
        login("login-401", 401, REMOVED),
        login("login-402-for-good", 402, (Phase::Banned, Reason::PermanentBan, Do::OpenPhone, false)),
        ban("login-402-an-hour", 3_600, &[]),
        ban("login-402-two-seconds", 2, &by_itself),
        login("login-403", 403, (Phase::Banned, Reason::AccountLocked, Do::OpenPhone, false)),
        login("login-405", 405, OUTDATED),
        login("login-406", 406, REMOVED),
        login("login-409", 409, OUTDATED),
        login("login-413", 413, REFUSED),
        login("login-414", 414, REFUSED),
        login("login-415", 415, REFUSED),
        login("login-418", 418, OUTDATED),
        login("login-429", 429, REFUSED),
        tried_again("login-500", 500),
        login("login-501", 501, REFUSED),
        tried_again("login-503", 503),
        login("login-599", 599, REFUSED),
    ]
}

/// A gateway and a network for many accounts.
struct Stage {
    world: World,
    network: Network,
}

impl Stage {
    async fn start() -> Self {
        let network = Network::start(Config::default()).await.unwrap();
        let url = network.url();
        // A probe goes out after five seconds of silence instead of half a minute.
        let quick = [
            ("WASUP__LINK__KEEPALIVE_INTERVAL", "5s"),
            ("WASUP__LINK__QUERY_TIMEOUT", "2s"),
            // Each change is to be seen as an event of its own.
            ("WASUP__ACCOUNTS__STATE_EVENTS_EVERY", "0s"),
        ];
        let env: Vec<_> = [("WASUP__LINK__URL", url.as_str())].into_iter().chain(quick).collect();
        Self { world: World::with(&env).await, network }
    }

    async fn link(&self, id: &str, number: &str) {
        let phone = self.network.phone(number);
        let (status, answer) = self.world.post("/v1/accounts", &json!({"id": id})).await;
        assert_eq!(status, 201, "{answer}");
        let (_, qr) = self.world.get(&format!("/v1/accounts/{id}/qr?wait=20s")).await;
        phone.scan(qr["code"].as_str().unwrap()).await.unwrap();
        let linked = |account: &Value| account["state"]["phase"] == "connected";
        self.world.until(&format!("/v1/accounts/{id}"), linked).await;
        self.network.wait_settled(number, 1, crate::world::PATIENCE).await.unwrap();
    }

    /// Plays one row: what was told, and how often the account had tried to log in when its last state was reached.
    async fn play(&self, number: &str, row: &Row) -> (Vec<State>, u64) {
        let Row(id, misfortune, states) = row;
        self.link(id, number).await;
        let mut told = Told::since_linked(&self.world, id).await;
        misfortune.happen(&self.network, number);
        let back = states.last() == Some(&CONNECTED);
        told.reach(states.len() - usize::from(back)).await;
        if back {
            self.network.heal(&Scope::account(number)).unwrap();
            told.reach(states.len()).await;
        }
        (told.states, self.network.logins_of(number).unwrap().attempts)
    }
}

fn state(state: &Value) -> State {
    fn word<T: serde::de::DeserializeOwned>(value: &Value) -> T {
        serde_json::from_value(value.clone()).unwrap()
    }
    (word(&state["phase"]), word(&state["reason"]), word(&state["user_action"]), state["retry_at"].is_string())
}

/// What the event log tells of an account's state.
struct Told<'a> {
    world: &'a World,
    id: &'a str,
    cursor: String,
    states: Vec<State>,
}

impl<'a> Told<'a> {
    /// From after the account was linked.
    async fn since_linked(world: &'a World, id: &'a str) -> Self {
        let mut told = Self { world, id, cursor: "oldest".to_owned(), states: Vec::new() };
        while told.states.last() != Some(&(Phase::Connected, Reason::Linked, Do::None, false)) {
            told.read("20s").await;
        }
        told.states.clear();
        told
    }

    async fn read(&mut self, wait: &str) {
        let Self { id, cursor, .. } = self;
        let path = format!("/v1/events?account={id}&types=account.state&limit=100&wait={wait}&after={cursor}");
        let (status, page) = self.world.get(&path).await;
        assert_eq!(status, 200, "{page}");
        self.cursor = page["next_cursor"].as_str().unwrap().to_owned();
        for event in page["data"].as_array().unwrap() {
            self.states.push(state(&event["data"]["state"]));
        }
    }

    /// Reads on until so many states were told, as long as the patience lasts.
    async fn reach(&mut self, count: usize) {
        let end = tokio::time::Instant::now() + crate::world::PATIENCE;
        while self.states.len() < count && tokio::time::Instant::now() < end {
            self.read("5s").await;
        }
    }
}

/// What a series of the metrics says; a series that is not there says nothing.
fn series(text: &str, name: &str, label: &str, value: &str) -> Option<usize> {
    let prefix = format!("{name}{{{label}=\"{value}\"}} ");
    text.lines().find_map(|line| line.strip_prefix(&prefix)?.parse().ok())
}

fn count(rows: &[Row], holds: impl Fn(&State) -> bool) -> usize {
    rows.iter().filter(|Row(_, _, states)| states.last().is_some_and(&holds)).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_disconnect_has_its_state_its_reason_its_action_and_its_event() {
    let stage = Stage::start().await;
    let rows: Vec<Row> = cuts().into_iter().chain(refused_logins()).collect();
    let number = |index: usize| format!("62812000000{index:02}");
    let played = join_all(rows.iter().enumerate().map(|(index, row)| {
        let (stage, number) = (&stage, number(index));
        async move { stage.play(&number, row).await }
    }))
    .await;

    let mut wrong = Vec::new();
    for (index, (Row(id, _, states), (told, attempts))) in rows.iter().zip(played).enumerate() {
        let (_, account) = stage.world.get(&format!("/v1/accounts/{id}")).await;
        // Nobody has tried to log in since, and every state has stayed.
        let since = stage.network.logins_of(&number(index)).unwrap().attempts - attempts;
        let now = state(&account["state"]);
        if told != *states || Some(&now) != states.last() || since > 0 || account["desired"] != "running" {
            wrong.push(format!("{id}: {told:?}, now {now:?}, {since} logins since; and not {states:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let metrics = stage.world.ask(reqwest::Method::GET, "/metrics").send().await.unwrap().text().await.unwrap();
    for (phase, reason, action, _) in rows.iter().flat_map(|Row(_, _, states)| states) {
        let phases = count(&rows, |state| state.0 == *phase);
        assert_eq!(series(&metrics, "wasup_accounts", "phase", phase.as_str()), Some(phases), "{phase:?}");
        let (actions, word) = (count(&rows, |state| state.2 == *action), serde_json::to_value(action).unwrap());
        let shown = series(&metrics, "wasup_accounts_user_action", "action", word.as_str().unwrap());
        assert_eq!(shown, Some(actions), "{action:?}");
        if *phase == Phase::Reconnecting {
            let told = rows.iter().filter(|row| row.2.contains(&lost(*reason))).count();
            let counted = series(&metrics, "wasup_account_reconnects_total", "reason", reason.as_str());
            assert!(counted >= Some(told), "{reason:?}: {counted:?} of {told}");
        }
    }
    assert_eq!(stage.network.violations(), []);
    stage.world.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restriction_is_no_disconnect() {
    let stage = Stage::start().await;
    let (friend, stranger) = (stage.network.phone("6282222222222"), stage.network.phone("6283333333333"));
    for (id, number, code) in [("code-463", "6281300000001", 463), ("code-475", "6281300000002", 475)] {
        stage.link(id, number).await;
        friend.send_text(number, "hello").await.unwrap();
        stage.network.mark_logins();
        stage.network.restrict(number, code, None).unwrap();
        let send = async |to: &str| {
            let body = json!({"to": to, "type": "text", "text": format!("from {id}")});
            let (status, sent) = stage.world.post(&format!("/v1/accounts/{id}/messages"), &body).await;
            assert_eq!(status, 202, "{sent}");
            format!("/v1/messages/{}", sent["id"].as_str().unwrap())
        };
        let (cold, answer) = (send(stranger.number()).await, send(friend.number()).await);
        let held = stage.world.until(&cold, |message| message["state"] == "held").await;
        assert_eq!(held["reason"]["server_code"], code, "{held}");
        let passed = |message: &Value| ["sent", "delivered", "read"].iter().any(|state| message["state"] == *state);
        stage.world.until(&answer, passed).await;
        let (_, account) = stage.world.get(&format!("/v1/accounts/{id}")).await;
        assert_eq!(state(&account["state"]).0, Phase::Connected, "{account}");
        assert!(account["restriction"].is_object(), "{account}");
        assert_eq!(stage.network.logins_since_mark(), [], "{id}");
    }
    assert!(stranger.inbox().is_empty());
    assert_eq!(stage.network.violations(), []);
    stage.world.gateway.stop().await;
}
