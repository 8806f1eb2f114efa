//! What can be asked of an account over the API, over the sandbox: linked by code, started anew, logged out, given up; its
//! timeline and its place in the tree.

use serde_json::{Value, json};
use wasup_sandbox::{RunningSandbox, SandboxConfig};

use crate::world::World;

/// A gateway over a network, and an account that runs and waits for its phone.
async fn waiting(extra: &[(&str, &str)]) -> (World, RunningSandbox) {
    let sandbox = wasup_sandbox::serve(SandboxConfig::default()).await.unwrap();
    let url = sandbox.network().url();
    let all = [&[("WASUP__LINK__URL", url.as_str())], extra].concat();
    let world = World::with(&all).await;
    assert_eq!(world.post("/v1/accounts", &json!({"id": "shop"})).await.0, 201);
    (world, sandbox)
}

async fn phase(world: &World, wanted: &str) -> Value {
    world.until("/v1/accounts/shop", |account| account["state"]["phase"] == wanted).await
}

/// ... linked by a code.
async fn linked() -> (World, RunningSandbox) {
    let (world, sandbox) = waiting(&[("WASUP__DEFAULT_REGION", "ID")]).await;
    let phone = sandbox.network().phone("6281234567890");
    let (status, code) = world.post("/v1/accounts/shop/pairing-code", &json!({"phone": "0812-3456-7890"})).await;
    assert_eq!(status, 200, "{code}");
    phone.enter_code(code["code"].as_str().unwrap()).await.unwrap();
    phase(&world, "connected").await;
    (world, sandbox)
}

async fn end(world: World, sandbox: RunningSandbox) {
    world.gateway.stop().await;
    sandbox.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_is_shown_as_the_phone_asks_for_it_and_links_the_account() {
    let (world, sandbox) = waiting(&[("WASUP__DEFAULT_REGION", "ID")]).await;
    let phone = sandbox.network().phone("6281234567890");
    let path = "/v1/accounts/shop/pairing-code";
    for (body, field) in
        [(json!({"phone": "12"}), "phone"), (json!({"phone": "1@g.us"}), "phone"), (json!({}), "phone")]
    {
        let (status, refused) = world.post(path, &body).await;
        assert_eq!((status, refused["errors"][0]["field"].as_str()), (400, Some(field)), "{refused}");
    }
    let (status, shown) = world.post(path, &json!({"phone": "0812-3456-7890"})).await;
    assert_eq!((status, &shown["phone"]), (200, &json!("6281234567890")), "{shown}");
    let code = shown["code"].as_str().unwrap();
    assert!(code.len() == 9 && code.as_bytes()[4] == b'-' && shown["expires_at"].as_str().unwrap().ends_with('Z'));
    assert_eq!(world.post(path, &json!({"phone": "+62 812 3456 7890"})).await.1["code"], code, "asked again: the same");
    let account = phase(&world, "pairing").await;
    assert_eq!(account["state"]["user_action"], "enter_code", "{account}");
    phone.enter_code(code).await.unwrap();
    let account = phase(&world, "connected").await;
    assert_eq!(account["identity"]["phone"], "6281234567890");
    let (status, refused) = world.post(path, &json!({"phone": "0812-3456-7890"})).await;
    assert_eq!(
        (status, &refused["code"], &refused["state"]["phase"]),
        (409, &json!("wrong_state"), &json!("connected")),
        "{refused}"
    );
    end(world, sandbox).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_demanded_passkey_is_told_and_another_try_links() {
    let (world, sandbox) = waiting(&[]).await;
    let phone = sandbox.network().phone("6281234567890");
    phone.demand_passkey(true);
    let code = world.get("/v1/accounts/shop/qr?wait=20s").await.1["code"].as_str().unwrap().to_owned();
    assert!(phone.scan(&code).await.is_err(), "the network links nobody without the passkey");
    let demanded = |account: &Value| account["state"]["reason"] == "passkey_required";
    let account = world.until("/v1/accounts/shop", demanded).await;
    assert_eq!(
        (&account["state"]["phase"], &account["state"]["user_action"]),
        (&json!("pairing"), &json!("confirm_passkey"))
    );
    phone.demand_passkey(false);
    assert_eq!(world.post("/v1/accounts/shop/restart", &Value::Null).await.0, 200);
    let (status, shown) = world.get("/v1/accounts/shop/qr?wait=20s").await;
    assert_eq!(status, 200, "{shown}");
    phone.scan(shown["code"].as_str().unwrap()).await.unwrap();
    phase(&world, "connected").await;
    end(world, sandbox).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pairing_is_given_up_and_begun_again() {
    let (world, sandbox) = waiting(&[]).await;
    phase(&world, "pairing").await;
    for _ in 0..2 {
        let (status, cancelled) = world.delete("/v1/accounts/shop/pairing").await;
        assert_eq!(status, 200, "{cancelled}");
        assert_eq!(
            (&cancelled["state"]["phase"], &cancelled["state"]["reason"], &cancelled["desired"]),
            (&json!("stopped"), &json!("pairing_cancelled"), &json!("stopped"))
        );
    }
    assert_eq!(world.get("/v1/accounts/shop/qr").await.0, 409);
    assert_eq!(world.post("/v1/accounts/shop/start", &Value::Null).await.0, 200);
    assert_eq!(world.get("/v1/accounts/shop/qr?wait=20s").await.0, 200);
    assert_eq!(world.delete("/v1/accounts/nobody/pairing").await.0, 404);
    end(world, sandbox).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_is_started_anew_and_logged_out_and_its_timeline_tells_it() {
    let (world, sandbox) = linked().await;
    let number = "6281234567890";
    let before = sandbox.network().logins_of(number).unwrap().logins;
    let (status, again) = world.post("/v1/accounts/shop/restart", &Value::Null).await;
    assert_eq!((status, &again["desired"]), (200, &json!("running")), "{again}");
    world
        .until("/v1/accounts/shop/timeline", |page| {
            let first = &page["data"][0]["state"];
            first["phase"] == "connected" && sandbox.network().logins_of(number).unwrap().logins > before
        })
        .await;

    for _ in 0..2 {
        let (status, out) = world.post("/v1/accounts/shop/logout", &Value::Null).await;
        assert_eq!(status, 200, "{out}");
        assert_eq!((&out["desired"], &out["identity"]), (&json!("stopped"), &Value::Null), "{out}");
    }
    assert!(sandbox.network().logins_of(number).unwrap().devices.is_empty(), "the phone shows no device any more");

    let (_, page) = world.get("/v1/accounts/shop/timeline?limit=1000").await;
    let rows = page["data"].as_array().unwrap();
    let times: Vec<_> = rows.iter().map(|row| row["at"].as_str().unwrap()).collect();
    assert!(times.is_sorted_by(|newer, older| newer >= older), "the newest first: {times:?}");
    assert!(
        rows.windows(2).all(|pair| pair[0]["from"] == pair[1]["state"]["phase"]),
        "each goes on from the one before"
    );
    let asked = rows.iter().filter(|row| row["by"]["who"] == "root_key").count();
    assert!(asked >= 2, "the restart and the logout name who asked for them: {page}");
    let mut pieces = Vec::new();
    let mut path = "/v1/accounts/shop/timeline?limit=2".to_owned();
    loop {
        let (_, piece) = world.get(&path).await;
        pieces.extend(piece["data"].as_array().unwrap().clone());
        match piece["next_cursor"].as_str() {
            Some(next) => path = format!("/v1/accounts/shop/timeline?limit=2&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(&pieces, rows);
    assert_eq!(world.get("/v1/accounts/nobody/timeline").await.0, 404);
    assert_eq!(world.get("/v1/accounts/shop/timeline?cursor=x").await.0, 400);
    end(world, sandbox).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_tree_shows_what_runs_and_what_broke() {
    let (world, sandbox) = linked().await;
    world.account("idle").await;
    let (status, tree) = world.get("/v1/tree").await;
    assert_eq!(status, 200, "{tree}");
    let branches = tree["branches"].as_array().unwrap();
    assert!(branches.iter().all(|branch| branch["actor"]["phase"] == "running"), "{tree}");
    assert!(branches.iter().any(|branch| branch["branch"] == "accounts"), "{tree}");
    let [idle, shop] = &tree["data"].as_array().unwrap()[..] else { panic!("{tree}") };
    assert_eq!(
        (&idle["id"], &idle["actor"]["phase"], &idle["link_held"]),
        (&json!("idle"), &json!("idle"), &json!(false))
    );
    assert_eq!(
        (&shop["id"], &shop["actor"]["phase"], &shop["link_held"]),
        (&json!("shop"), &json!("running"), &json!(true))
    );
    assert_eq!(shop["mailbox_permits"]["in_use"], 0);
    let generation = shop["actor"]["generation"].as_u64().unwrap();
    let (status, _) = world.post("/v1/sandbox/crash", &json!({"account": "shop"})).await;
    assert_eq!(status, 202);
    let broken = world.until("/v1/tree?limit=1000", |tree| tree["data"][1]["actor"]["restarts"] == 1).await;
    assert!(broken["data"][1]["actor"]["budget_left"].as_u64().unwrap() < 5, "{broken}");
    world
        .until("/v1/tree", |tree| {
            let shop = &tree["data"][1];
            shop["state"]["phase"] == "connected" && shop["actor"]["generation"].as_u64() > Some(generation)
        })
        .await;
    let (_, first) = world.get("/v1/tree?limit=1").await;
    let next = first["next_cursor"].as_str().unwrap();
    assert_eq!(world.get(&format!("/v1/tree?limit=1&cursor={next}")).await.1["data"][0]["id"], "shop");
    end(world, sandbox).await;
}
