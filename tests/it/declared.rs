//! Webhooks that come from the config: those of the accounts file, and the one of every new account.

use serde_json::{Value, json};

use tokio::net::TcpListener;
use wasup::gateway::{Extras, Gateway};

use crate::world::{World, client, config};

/// A folder with an accounts file, and what names it.
fn with_file(text: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("accounts.toml");
    std::fs::write(&file, text).unwrap();
    let name = file.to_str().unwrap().to_owned();
    (folder, name)
}

async fn of(world: &World, account: &str) -> Vec<Value> {
    let (status, page) = world.get(&format!("/v1/endpoints?account={account}")).await;
    assert_eq!(status, 200, "{page}");
    let mut all = page["data"].as_array().unwrap().clone();
    all.sort_by_key(|one| one["name"].to_string());
    all
}

#[tokio::test]
async fn several_webhooks_are_found_again_by_their_names() {
    let text = |crm: &str| {
        format!(
            "[[account]]\nid = \"a\"\nautostart = false\ndefault_region = \"ID\"\n\
             [[account.webhooks]]\nname = \"crm\"\nurl = \"{crm}\"\norder = \"chat\"\n\
             filter = {{ chats = [\"0812-3456-7890\"] }}\nheaders = {{ x-a = \"1\" }}\n\
             retry = {{ timeout = \"2s\", disable_after = \"never\" }}\n\
             [[account.webhooks]]\nname = \"audit\"\nurl = \"http://127.0.0.1:9/b\"\n"
        )
    };
    let (folder, file) = with_file(&text("http://127.0.0.1:9/a"));
    let extra = [("WASUP__ACCOUNTS__FILE", file.as_str())];
    let world = World::over(folder, &extra).await;
    let before = of(&world, "a").await;
    let [audit, crm] = &before[..] else { panic!("two webhooks: {before:?}") };
    assert_eq!((&audit["name"], &crm["name"], &crm["order"]), (&json!("audit"), &json!("crm"), &json!("chat")));
    assert_eq!(crm["filter"]["chats"], json!(["6281234567890@s.whatsapp.net"]));
    assert_eq!((&crm["header_names"], &crm["retry"]["timeout"]), (&json!(["x-a"]), &json!("2s")));
    assert_eq!(crm["retry"]["disable_after"], "never");
    // Changed by the API: the next start makes it what the file says. Paused: it stays so.
    let path = |one: &Value| format!("/v1/endpoints/{}", one["id"].as_str().unwrap());
    assert_eq!(world.patch(&path(crm), &json!({"order": null, "headers": {"x-b": "2"}})).await.0, 200);
    assert_eq!(world.patch(&path(audit), &json!({"reply": "answer"})).await.0, 200);
    for one in &before {
        assert_eq!(world.post(&format!("{}/pause", path(one)), &Value::Null).await.0, 200);
    }
    std::fs::write(&file, text("http://127.0.0.1:9/elsewhere")).unwrap();
    let world = world.restart(&extra).await;
    let after = of(&world, "a").await;
    assert_eq!((after.len(), &after[0]["id"], &after[1]["id"]), (2, &audit["id"], &crm["id"]));
    assert_eq!((&after[1]["order"], &after[1]["header_names"]), (&json!("chat"), &json!(["x-a"])));
    assert_eq!((&after[0]["reply"], &after[0]["state"]), (&json!("off"), &json!("paused")));
    assert_eq!(after[1]["state"], "active", "another address is another chance");
}

#[tokio::test]
async fn webhooks_for_every_account_stand_before_the_accounts() {
    let text = "[[webhook]]\nname = \"all\"\nurl = \"http://127.0.0.1:9/all\"\nevents = [\"account.state\"]\n\
                [[account]]\nid = \"a\"\nautostart = false\n";
    let (folder, file) = with_file(text);
    let extra = [("WASUP__ACCOUNTS__FILE", file.as_str())];
    let mut world = World::over(folder, &extra).await;
    for _ in 0..2 {
        let (_, page) = world.get("/v1/endpoints").await;
        let [one] = &page["data"].as_array().unwrap()[..] else { panic!("{page}") };
        assert_eq!(
            (&one["name"], &one["account"], &one["events"]),
            (&json!("all"), &Value::Null, &json!(["account.state"]))
        );
        assert_eq!(of(&world, "a").await.len(), 0);
        world = world.restart(&extra).await;
    }
}

#[tokio::test]
async fn an_account_that_comes_without_a_webhook_gets_the_default() {
    let own = "webhook = { url = \"http://127.0.0.1:9/own\" }\n";
    let text = format!("[[account]]\nid = \"a\"\nautostart = false\n[[account]]\nid = \"b\"\nautostart = false\n{own}");
    let (folder, file) = with_file(&text);
    let extra = [
        ("WASUP__ACCOUNTS__FILE", file.as_str()),
        ("WASUP__WEBHOOKS__DEFAULT__URL", "http://127.0.0.1:9/all"),
        ("WASUP__WEBHOOKS__DEFAULT__EVENTS", "[\"message.received\"]"),
    ];
    let world = World::over(folder, &extra).await;
    world.account("c").await;
    for (account, url) in [("a", "all"), ("b", "own"), ("c", "all")] {
        let all = of(&world, account).await;
        assert_eq!((all.len(), &all[0]["url"]), (1, &json!(format!("http://127.0.0.1:9/{url}"))), "{account}");
    }
    assert_eq!(of(&world, "c").await[0]["events"], json!(["message.received"]));
    // It is the account's own from then on, and another start gives nobody a second one.
    assert_eq!(world.delete("/v1/accounts/c/webhook").await.0, 204);
    let world = world.restart(&extra).await;
    assert_eq!((of(&world, "a").await.len(), of(&world, "c").await.len()), (1, 0));
}

/// Everything that an error says of itself and of its causes.
fn told(error: &dyn std::error::Error) -> String {
    let mut all = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        all = format!("{all}: {error}");
        cause = error.source();
    }
    all
}

#[tokio::test]
async fn a_wrong_webhook_of_the_file_stops_the_start_with_its_name() {
    let _ = client();
    let shop = "[[account]]\nid = \"shop\"\nautostart = false\n";
    for (text, words) in [
        (format!("{shop}webhook = {{ url = \"ftp://a/\" }}"), ["webhook of account shop", "url must begin"]),
        (
            format!("{shop}webhooks = [{{ name = \"crm\", url = \"http://a/\", retry = {{ jitter = 7 }} }}]"),
            ["\"crm\"", "retry.jitter"],
        ),
        (
            format!("[[webhook]]\nname = \"all\"\nurl = \"http://169.254.169.254/\"\n{shop}"),
            ["for every account", "url is in a range"],
        ),
        (
            format!("{shop}webhook = {{ url = \"http://a/\", secret = \"whsec_hush\" }}"),
            ["account shop", "24 to 64 bytes"],
        ),
        (
            format!("{shop}webhook = {{ url = \"http://a/\", headers = {{ host = \"hush\" }} }}"),
            ["headers.host", "set by the server"],
        ),
        (
            format!("{shop}webhook = {{ url = \"http://a/\", filter = {{ chats = [\"0812\"] }} }}"),
            ["line 4", "account shop: filter.chats[0]"],
        ),
    ] {
        let (folder, file) = with_file(&text);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let config = config(folder.path(), &[("WASUP__ACCOUNTS__FILE", file.as_str())]);
        let told = told(&Gateway::start(&config, listener, Extras::default()).await.err().unwrap());
        assert!(words.iter().all(|word| told.contains(word)) && !told.contains("hush"), "{told}");
    }
}
