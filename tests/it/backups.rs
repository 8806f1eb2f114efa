//! Backups of a server that goes on, and an account that comes back from one while its peers are far ahead.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use wasup_sandbox::{Phone, RunningSandbox, SandboxConfig};
use wasup_sessions::keystore::renew;
use wasup_store::insurance::{restore, verify};

use crate::world::{PATIENCE, World};

const CACHE: u64 = 16 << 20;

/// Messages that the backup of the short run does not know of. `WASUP_OLD_MESSAGES` sets another number.
const OLD: usize = 1_000;

async fn until(world: &World, path: &str, done: impl Fn(&Value) -> bool) -> Value {
    let deadline = Instant::now() + 4 * PATIENCE;
    loop {
        let (_, body) = world.get(path).await;
        if done(&body) {
            return body;
        }
        assert!(Instant::now() < deadline, "{path}: {body}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn phase(world: &World, phase: &str) -> Value {
    until(world, "/v1/accounts/shop", |account| account["state"]["phase"] == phase).await
}

/// Texts that the account received, the newest first; those of one second in any order.
async fn received(world: &World) -> Vec<String> {
    let (mut texts, mut cursor) = (Vec::new(), String::new());
    loop {
        let (_, page) = world.get(&format!("/v1/accounts/shop/messages?limit=100{cursor}")).await;
        let inbound = page["data"].as_array().unwrap().iter().filter(|message| message["direction"] == "inbound");
        texts.extend(inbound.map(|message| message["text"].as_str().unwrap_or("(unreadable)").to_owned()));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return texts,
        }
    }
}

async fn arrives(world: &World, text: &str) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let texts = received(world).await;
        match texts.iter().filter(|found| *found == text).count() {
            0 => assert!(Instant::now() < deadline, "{text} did not arrive: {texts:?}"),
            times => return assert_eq!(times, 1, "{text} arrived {times} times"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn send(world: &World, to: &Phone, text: &str) -> Value {
    let body = json!({"to": to.number(), "type": "text", "text": text});
    let (status, sent) = world.post("/v1/accounts/shop/messages", &body).await;
    assert_eq!(status, 202, "{sent}");
    sent
}

async fn sent(world: &World, message: &Value) {
    let path = format!("/v1/messages/{}", message["id"].as_str().unwrap());
    let done = |message: &Value| ["sent", "delivered", "read"].contains(&message["state"].as_str().unwrap_or_default());
    until(world, &path, done).await;
}

async fn backup(world: &World, name: &str) -> (u16, Value) {
    world.post("/v1/admin/backup", &json!({"name": name})).await
}

fn env(url: &str, backups: &str) -> [(&'static str, String); 2] {
    [("WASUP__LINK__URL", url.to_owned()), ("WASUP__DATA__BACKUPS", backups.to_owned())]
}

async fn begin(folder: tempfile::TempDir, sandbox: &RunningSandbox, backups: &std::path::Path) -> World {
    let env = env(&sandbox.network().url(), backups.to_str().unwrap());
    let extra: Vec<_> = env.iter().map(|(name, value)| (*name, value.as_str())).collect();
    World::over(folder, &extra).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_is_made_while_the_server_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let backups = tempfile::tempdir().unwrap();
    let world = World::over(folder, &[("WASUP__DATA__BACKUPS", backups.path().to_str().unwrap())]).await;
    world.account("a").await;
    let (status, made) = backup(&world, "first").await;
    assert_eq!(status, 201, "{made}");
    let file = backups.path().join("first");
    assert_eq!(made["bytes"], std::fs::metadata(&file).unwrap().len());
    assert!(made["rows"].as_u64().unwrap() > 4 && made["sha256"].as_str().unwrap().len() == 64, "{made}");
    let (status, refused) = backup(&world, "first").await;
    assert_eq!((status, &refused["code"]), (409, &"backup_exists".into()));
    let (status, refused) = backup(&world, "../first").await;
    assert_eq!((status, &refused["errors"][0]["field"]), (400, &"name".into()), "{refused}");
    let (status, made) = world.post("/v1/admin/backup", &json!({})).await;
    assert!(status == 201 && made["name"].as_str().unwrap().ends_with(".backup"), "{made}");
    let open = world.client.request(Method::POST, format!("{}/v1/admin/backup", world.base)).json(&json!({}));
    assert_eq!(open.send().await.unwrap().status(), 401);
    world.gateway.stop().await;
}

/// The backup, the phones behind it, and what waited to be sent when it was made.
struct Past {
    file: PathBuf,
    friend: Phone,
    waiting: Value,
}

/// So many messages one way, and a quarter of them the other.
async fn talk(world: &World, shop: &Phone, friend: &Phone, messages: usize) {
    let mut last = Value::Null;
    for n in 0..messages {
        friend.send_text(shop.number(), &format!("after the backup {n}")).await.unwrap();
        if n % 4 == 0 {
            last = send(world, friend, &format!("out after the backup {n}")).await;
        }
    }
    arrives(world, &format!("after the backup {}", messages - 1)).await;
    sent(world, &last).await;
}

/// A life of the store that goes on long after its backup was made, and is lost.
async fn former_life(sandbox: &RunningSandbox, backups: &std::path::Path, old: usize) -> Past {
    let network = sandbox.network();
    let (shop, friend) = (network.phone("6281111111111"), network.phone("6282222222222"));
    let world = begin(tempfile::tempdir().unwrap(), sandbox, backups).await;
    assert_eq!(world.post("/v1/accounts", &json!({"id": "shop"})).await.0, 201);
    let (_, qr) = world.get("/v1/accounts/shop/qr?wait=20s").await;
    shop.scan(qr["code"].as_str().unwrap()).await.unwrap();
    phase(&world, "connected").await;
    friend.send_text(shop.number(), "before the backup").await.unwrap();
    arrives(&world, "before the backup").await;
    let first = send(&world, &friend, "sent before the backup").await;
    sent(&world, &first).await;
    // One waits while the backup is made, and goes out afterwards.
    assert_eq!(world.post("/v1/accounts/shop/stop", &json!({})).await.0, 200);
    let waiting = send(&world, &friend, "waited in the backup").await;
    let (status, made) = backup(&world, "old").await;
    assert_eq!(status, 201, "{made}");
    assert_eq!(world.post("/v1/accounts/shop/start", &json!({})).await.0, 200);
    sent(&world, &waiting).await;
    talk(&world, &shop, &friend, old).await;
    assert_eq!(world.gateway.stop().await.late, Vec::<String>::new());
    Past { file: backups.join("old"), friend, waiting }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_from_an_old_backup_talks_to_its_peers_again_and_loses_nothing_in_silence() {
    let old = std::env::var("WASUP_OLD_MESSAGES").map_or(OLD, |number| number.parse().unwrap());
    let sandbox = wasup_sandbox::serve(SandboxConfig::default()).await.unwrap();
    let backups = tempfile::tempdir().unwrap();
    let Past { file, friend, waiting } = former_life(&sandbox, backups.path(), old).await;
    let shop = sandbox.network().phone("6281111111111");
    // Written while the gateway is away, by ratchets that are far ahead of the backup.
    for n in 0..20 {
        friend.send_text(shop.number(), &format!("in between {n}")).await.unwrap();
    }

    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let report = restore(&file, &data, CACHE, None, renew).await.unwrap();
    assert_eq!((report.accounts, report.paused), (1, 1));
    assert!(verify(&data, CACHE, None, 9).unwrap().is_sound());

    let world = begin(folder, &sandbox, backups.path()).await;
    let (_, account) = world.get("/v1/accounts/shop").await;
    let state = &account["state"];
    assert_eq!(
        (&state["phase"], &state["reason"], &state["user_action"], &account["outbox_paused"]),
        (&"stopped".into(), &"restored".into(), &"release".into(), &true.into()),
        "{account}"
    );
    let shown = friend.inbox().len();
    assert_eq!(world.post("/v1/accounts/shop/start", &json!({})).await.0, 200);
    let account = phase(&world, "connected").await;
    assert_eq!(account["state"]["user_action"], "release", "{account}");
    // None of them can be read at first; each is seen, asked for again and filled.
    for n in 0..20 {
        arrives(&world, &format!("in between {n}")).await;
    }
    for n in 0..20 {
        friend.send_text(shop.number(), &format!("new {n}")).await.unwrap();
    }
    for n in 0..20 {
        arrives(&world, &format!("new {n}")).await;
    }
    assert!(!received(&world).await.contains(&"(unreadable)".to_owned()));

    // Nothing went out by itself; then the one that waited goes under its old id, and is shown once.
    let path = format!("/v1/messages/{}", waiting["id"].as_str().unwrap());
    assert_eq!(world.get(&path).await.1["state"], "queued");
    assert_eq!(friend.inbox().len(), shown);
    let (status, account) = world.post("/v1/accounts/shop/release", &json!({})).await;
    assert_eq!((status, &account["outbox_paused"]), (200, &false.into()), "{account}");
    sent(&world, &waiting).await;
    let new = send(&world, &friend, "of the new life").await;
    sent(&world, &new).await;
    friend.wait_for_text("of the new life", PATIENCE).await.unwrap();
    let times = friend.inbox().into_iter().filter(|shown| shown.text.as_deref() == Some("waited in the backup"));
    assert_eq!(times.count(), 1);
    assert_eq!(sandbox.network().violations(), []);
    world.gateway.stop().await;
    sandbox.shutdown().await;
}
