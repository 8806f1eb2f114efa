//! Setting an account's webhook.

use serde_json::json;

use crate::world::World;

const PATH: &str = "/v1/accounts/shop/webhook";

#[tokio::test]
async fn a_made_secret_is_shown_once() {
    let world = World::start().await;
    world.account("shop").await;
    assert_eq!(world.get(PATH).await.0, 404);
    let (status, made) = world.put(PATH, &json!({"url": "https://example.com/a"})).await;
    assert_eq!(status, 200, "{made}");
    let secret = made["secret"].as_str().unwrap();
    assert!(secret.starts_with("whsec_") && secret.len() > 36);
    let (_, shown) = world.get(PATH).await;
    assert!(shown.get("secret").is_none());
    assert_eq!(
        (&shown["id"], &shown["url"], &shown["enabled"]),
        (&made["id"], &"https://example.com/a".into(), &true.into())
    );
    assert_eq!(shown["deliveries"]["pending"], 0);
    let (_, moved) = world.put(PATH, &json!({"url": "https://example.com/b", "events": ["account.state"]})).await;
    assert!(moved.get("secret").is_none(), "the secret there was stays");
    assert_eq!((&moved["id"], &moved["events"]), (&made["id"], &json!(["account.state"])));
    assert_eq!(world.delete(PATH).await.0, 204);
    assert_eq!(world.delete(PATH).await.0, 404);
}

#[tokio::test]
async fn a_given_secret_is_taken_and_never_shown() {
    let world = World::start().await;
    world.account("shop").await;
    let body = json!({"url": "http://127.0.0.1:5678/hook", "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"});
    let (status, set) = world.put(PATH, &body).await;
    assert_eq!(status, 200, "{set}");
    assert!(set.get("secret").is_none());
}

#[tokio::test]
async fn addresses_that_are_not_called_are_refused() {
    let world = World::with(&[("WASUP__WEBHOOKS__ALLOW_LOOPBACK", "false")]).await;
    world.account("shop").await;
    for url in ["http://169.254.169.254/latest", "http://127.0.0.1:80/", "http://[::1]/", "ftp://example.com/", "x"] {
        let (status, refused) = world.put(PATH, &json!({"url": url})).await;
        assert_eq!((status, &refused["errors"][0]["field"]), (400, &"url".into()), "{url}: {refused}");
    }
    assert_eq!(world.get(PATH).await.0, 404);
    assert_eq!(world.put("/v1/accounts/nobody/webhook", &json!({"url": "https://example.com/"})).await.0, 404);
}
