//! What an operator sees of the machine's clock, and can say about it.

use std::path::Path;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::json;
use wasup_store::engine::SledEngine;
use wasup_store::{Clock, Durability, Store, StoreError, Tree};

use crate::world::World;

const TWO_HOURS_MS: u64 = 7_200_000;

/// The clock of a machine that was two hours ahead.
struct Ahead;

impl Clock for Ahead {
    fn now_ms(&self) -> u64 {
        u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap() + TWO_HOURS_MS
    }
}

async fn write_ahead(data: &Path) {
    let engine = Arc::new(SledEngine::open(data, 1 << 20).unwrap());
    let store = Store::over(engine, Arc::new(Ahead), data).unwrap();
    let write = |tx: &mut wasup_store::WriteTx<'_>| tx.put_fixed(Tree::Meta, b"test", &[]);
    store.write::<(), StoreError, _>(Durability::Durable, write).await.unwrap();
}

#[tokio::test]
async fn a_steady_clock_is_trusted_and_saying_so_changes_nothing() {
    let world = World::start().await;
    let trusted = json!({"trusted": true, "jump_ms": 0});
    assert_eq!(world.get("/v1/admin/clock").await, (200, trusted.clone()));
    assert_eq!(world.post("/v1/admin/clock/trust", &json!({})).await, (200, trusted));
    world.gateway.stop().await;
}

#[tokio::test]
async fn a_clock_that_was_set_back_waits_for_the_operator() {
    let world = World::start().await;
    world.account("shop").await;
    let World { gateway, folder, .. } = world;
    gateway.stop().await;
    write_ahead(&folder.path().join("data")).await;
    let world = World::over(folder, &[]).await;
    let (status, doubted) = world.get("/v1/admin/clock").await;
    assert_eq!((status, &doubted["trusted"]), (200, &json!(false)), "{doubted}");
    let jump_ms = doubted["jump_ms"].as_i64().unwrap();
    assert!((-7_200_000..-7_100_000).contains(&jump_ms), "{doubted}");
    let trusted = json!({"trusted": true, "jump_ms": 0});
    assert_eq!(world.post("/v1/admin/clock/trust", &json!({})).await, (200, trusted.clone()));
    assert_eq!(world.get("/v1/admin/clock").await, (200, trusted));
    world.gateway.stop().await;
}
