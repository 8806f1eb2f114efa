//! Questions to the gateway over its API; it may be dead when they are asked.

use std::time::{Duration, Instant};

use reqwest::{Client, Method};
use serde_json::Value;

use crate::world::{KEY, World};

/// Longest time for something to come about.
const PATIENCE: Duration = Duration::from_secs(120);

/// An answer with its status; `None` where there was none.
pub(crate) async fn ask(world: &World, method: Method, path: &str, body: Option<&Value>) -> Option<(u16, Value)> {
    let client = Client::builder().no_proxy().build().unwrap();
    let mut asked = client.request(method, format!("http://{}{path}", world.address)).bearer_auth(KEY);
    if let Some(body) = body {
        asked = asked.json(body);
    }
    let answer = asked.send().await.ok()?;
    let status = answer.status().as_u16();
    let text = answer.text().await.ok()?;
    Some((status, serde_json::from_str(&text).unwrap_or_default()))
}

/// Asks until it is answered as wanted.
pub(crate) async fn until(world: &World, path: &str, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let begun = Instant::now();
    loop {
        let found = ask(world, Method::GET, path, None).await;
        if let Some((200, found)) = &found
            && wanted(found)
        {
            return found.clone();
        }
        assert!(begun.elapsed() < PATIENCE, "{what}: {found:?}\n{}", world.log());
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
}

/// Sets something, as often as it takes.
pub(crate) async fn put(world: &World, path: &str, body: &Value) {
    let begun = Instant::now();
    loop {
        match ask(world, Method::PUT, path, Some(body)).await {
            Some((200, _)) => return,
            other => assert!(begun.elapsed() < PATIENCE, "{path}: {other:?}\n{}", world.log()),
        }
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
}
