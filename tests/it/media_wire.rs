//! Files on the wire: from a phone to the API and to webhooks, and from answers to a phone.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use image::ImageFormat;
use serde_json::{Value, json};
use wasup_sandbox::{FileToSend, Forgotten, InboxMessage, MediaFault};

use crate::endpoints::made;
use crate::promises::Linked;
use crate::receiver::Receiver;
use crate::receivers::Misbehaving;
use crate::samples::{of_every_kind, pattern, picture, voice};
use crate::world::PATIENCE;

impl Linked {
    fn own(&self) -> String {
        self.phones[0].number().to_owned()
    }

    /// The friend sends a file. Answers our id of the message.
    async fn receive(&self, kind: &str, mimetype: &str, bytes: &[u8]) -> Value {
        let file = FileToSend {
            kind: kind.into(),
            mimetype: mimetype.into(),
            caption: (kind == "image").then(|| "look".into()),
            filename: (kind == "document").then(|| "a.pdf".into()),
            ..FileToSend::default()
        };
        let id = self.friend.send_file(&self.own(), &file, bytes).await.unwrap();
        let of_it = |page: &Value| {
            let rows = page["data"].as_array().cloned().unwrap_or_default();
            rows.into_iter().find(|row| row["provider_message_id"] == id.as_str())
        };
        let page = self.until("/v1/accounts/a0/messages", |page| of_it(page).is_some()).await;
        of_it(&page).unwrap()
    }

    /// The file of the next message that the friend gets.
    async fn got(&self, count: u64) -> InboxMessage {
        self.friend.wait_for_counts(PATIENCE, |counts| counts.shown >= count).await.unwrap();
        self.friend.inbox().last().unwrap().clone()
    }
}

fn media_of(message: &Value) -> String {
    format!("/v1/messages/{}/media", message["id"].as_str().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn received_files_of_every_kind_are_fetched_when_they_are_asked_for() {
    let linked = Linked::with(1, &[]).await;
    let world = &linked.world;
    for (kind, mimetype, bytes) in of_every_kind() {
        let message = linked.receive(kind, mimetype, &bytes).await;
        assert_eq!((&message["type"], &message["media"]["mimetype"]), (&json!(kind), &json!(mimetype)), "{message}");
        assert_eq!(message["media"]["size"], bytes.len(), "{kind}");
        let path = media_of(&message);
        let part = world.bytes(&path, &[("range", "bytes=-5")]).await;
        assert_eq!((part.status().as_u16(), part.bytes().await.unwrap().as_ref()), (206, &bytes[bytes.len() - 5..]));
        let whole = world.bytes(&path, &[]).await;
        assert_eq!(whole.headers()["content-type"], mimetype);
        assert!(whole.bytes().await.unwrap() == bytes, "{kind}");
    }
    let asked = linked.network().stats().media_downloads;
    assert_eq!(asked, 8, "each was fetched once");
    // Kept here: the network is not asked any more.
    linked.network().forget_media(Forgotten::NotFound);
    let (_, page) = world.get("/v1/accounts/a0/messages").await;
    for message in page["data"].as_array().unwrap() {
        assert_eq!(world.bytes(&media_of(message), &[]).await.status().as_u16(), 200);
    }
    assert_eq!((linked.network().stats().media_downloads, linked.network().violations()), (asked, vec![]));
    let text = linked.send("a0", "no file").await;
    let (status, body) = world.get(&media_of(&text)).await;
    assert_eq!((status, &body["code"]), (404, &json!("no_file")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forgotten_file_comes_from_the_phone_and_a_broken_one_is_noticed() {
    let linked = Linked::with(1, &[]).await;
    let world = &linked.world;
    let bytes = pattern(300_000);
    let message = linked.receive("document", "application/octet-stream", &bytes).await;
    let path = media_of(&message);
    for (fault, code) in [
        (MediaFault::Truncate, "media_unavailable"),
        (MediaFault::Corrupt, "media_unavailable"),
        (MediaFault::RefuseDownload { status: 503 }, "network_refused"),
    ] {
        linked.network().break_media(fault, 1);
        let (status, body) = world.get(&path).await;
        assert_eq!(body["code"], code, "{fault:?}: {status} {body}");
        linked.network().heal_media();
    }
    assert_eq!(world.get("/v1/media").await.1["data"], json!([]), "nothing of it is kept");
    linked.network().forget_media(Forgotten::Gone);
    let whole = world.bytes(&path, &[]).await;
    assert_eq!(whole.status().as_u16(), 200);
    assert!(whole.bytes().await.unwrap() == bytes);
    assert_eq!(linked.network().stats().media_brought_again, 1);
    assert_eq!(linked.network().violations(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_bring_files_as_links_as_bytes_or_not_at_all() {
    let linked = Linked::with(1, &[("WASUP__MEDIA__EVENT_BASE64_MAX", "64 KiB")]).await;
    let world = &linked.world;
    let receiver = Receiver::start().await;
    for media in ["link", "base64", "none"] {
        let url = format!("{}/{media}", receiver.url);
        let body = json!({"account": "a0", "url": url, "events": ["message.received"], "media": media});
        assert_eq!(made(world, body).await.1["media"], media);
    }
    let bytes = picture(ImageFormat::Png);
    let message = linked.receive("image", "image/png", &bytes).await;
    let came = receiver.wait(3).await;
    let at = |media: &str| {
        let found = came.iter().find(|request| request.path == format!("/{media}")).unwrap();
        found.body["data"]["media"].clone()
    };
    assert_eq!(at("base64")["base64"], BASE64.encode(&bytes));
    assert_eq!((&at("none")["url"], &at("none")["base64"]), (&Value::Null, &Value::Null));
    assert_eq!(came[0].body["data"]["text"], "look");
    let link = at("link")["url"].as_str().unwrap().to_owned();
    assert!(link.starts_with(&format!("{}/v1/media/of/{}", world.base, message["id"].as_str().unwrap())), "{link}");
    // No key, and the file all the same; with anything changed, nothing.
    let fetched = world.client.get(&link).send().await.unwrap();
    assert_eq!((fetched.status().as_u16(), fetched.bytes().await.unwrap().as_ref()), (200, bytes.as_slice()));
    for bad in [link.replace("exp=", "exp=1"), format!("{link}x"), link.split('&').next().unwrap().to_owned()] {
        let refused = world.client.get(&bad).send().await.unwrap().status().as_u16();
        assert!([400, 403].contains(&refused), "{refused} {bad}");
    }
    // A file that is too large for an event has a link there, too.
    linked.receive("document", "application/pdf", &[b"%PDF-".as_slice(), &pattern(80_000)].concat()).await;
    let came = receiver.wait(6).await;
    let large = came[3..].iter().find(|request| request.path == "/base64").unwrap().body["data"]["media"].clone();
    assert!(large["url"].is_string() && large["base64"].is_null(), "{large}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_with_a_file_is_sent_to_the_chat_once_as_what_it_is() {
    let linked = Linked::with(1, &[]).await;
    let world = &linked.world;
    let (png, note, paper) = (picture(ImageFormat::Png), voice(), pattern(5_000));
    let kept = world.upload("?filename=served.png", Some("image/png"), png.clone()).await.1;
    assert!(kept["id"].is_string());
    let base64 = |bytes: &[u8]| BASE64.encode(bytes);
    #[rustfmt::skip]
    let table = [
        (json!({"media": base64(&png), "caption": "a picture"}), "image", &png),
        (json!({"media": base64(&note), "mimetype": "audio/ogg"}), "voice", &note),
        (json!({"media": base64(&paper), "filename": "a.bin"}), "document", &paper),
        (json!({"media": format!("data:image/png;base64,{}", base64(&png))}), "image", &png),
    ];
    for (count, (says, kind, bytes)) in (1..).zip(table) {
        let receiver = Misbehaving::saying(200, "application/json", &says.to_string()).await;
        let body = json!({"account": "a0", "url": receiver.url, "events": ["message.received"], "reply": "answer"});
        let (endpoint, _) = made(world, body).await;
        linked.friend.send_text(&linked.own(), "send me something").await.unwrap();
        let got = linked.got(count).await;
        let file = got.file.clone().unwrap();
        assert_eq!((file.kind, file.size), (kind, bytes.len() as u64), "{says}");
        assert!(linked.friend.open_file(&got.id).unwrap() == *bytes, "{kind}");
        match kind {
            "image" => assert!(file.width == Some(160) && file.thumbnail_bytes > 100, "{file:?}"),
            "voice" => assert!(file.seconds == Some(3) && file.waveform.is_some(), "{file:?}"),
            _ => assert_eq!(file.filename.as_deref(), Some("a.bin")),
        }
        let page = world.until(&format!("{endpoint}/deliveries"), |page| page["data"][0]["state"] == "completed").await;
        let id = page["data"][0]["id"].as_str().unwrap().to_owned();
        assert_eq!(world.post(&format!("/v1/deliveries/{id}/replay"), &Value::Null).await.0, 202);
        let twice = |shown: &Value| shown["attempts"] == 2 && shown["state"] == "completed";
        world.until(&format!("/v1/deliveries/{id}"), twice).await;
        assert_eq!(world.delete(&endpoint).await.0, 204);
    }
    // A text afterwards proves that nothing was sent twice before it.
    linked.send("a0", "the end").await;
    linked.friend.wait_for_text("the end", PATIENCE).await.unwrap();
    assert_eq!(linked.friend.inbox().iter().filter(|shown| shown.file.is_some()).count(), 4);
    assert_eq!(linked.network().violations(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_with_a_file_that_is_none_is_noted_and_not_sent() {
    let linked = Linked::with(1, &[]).await;
    let receiver = Misbehaving::saying(200, "application/json", r#"{"media":"http://169.254.169.254/x.png"}"#).await;
    let body = json!({"account": "a0", "url": receiver.url, "events": ["message.received"], "reply": "answer"});
    let (endpoint, _) = made(&linked.world, body).await;
    linked.friend.send_text(&linked.own(), "send me something").await.unwrap();
    let done = |page: &Value| page["data"][0]["state"] == "completed";
    let page = linked.until(&format!("{endpoint}/deliveries"), done).await;
    assert_eq!(page["data"][0]["reply"]["reason"], "bad_media", "{page}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wanted_kinds_are_fetched_at_once_and_others_are_not() {
    let extra = [("WASUP__MEDIA__AUTO_DOWNLOAD", r#"["image"]"#)];
    let linked = Linked::with(1, &extra).await;
    let png = picture(ImageFormat::Png);
    linked.receive("document", "application/pdf", b"%PDF-1.7").await;
    let message = linked.receive("image", "image/png", &png).await;
    let page = linked.until("/v1/media", |page| page["data"].as_array().is_some_and(|rows| !rows.is_empty())).await;
    assert_eq!(page["data"][0]["message_id"], message["id"]);
    assert_eq!(page["data"].as_array().unwrap().len(), 1, "{page}");
    assert_eq!(linked.network().stats().media_downloads, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_could_not_be_fetched_is_tried_again_after_a_restart() {
    let auto = ("WASUP__MEDIA__AUTO_DOWNLOAD", r#"["image"]"#);
    let linked = Linked::with(1, &[auto]).await;
    linked.network().break_media(MediaFault::RefuseDownload { status: 503 }, 1_000_000);
    let message = linked.receive("image", "image/png", &picture(ImageFormat::Png)).await;
    let Linked { world, sandbox, .. } = linked;
    let url = sandbox.network().url();
    let world = world.restart(&[("WASUP__LINK__URL", url.as_str()), auto]).await;
    assert_eq!(world.get("/v1/media").await.1["data"], json!([]));
    sandbox.network().heal_media();
    // Nobody asks for it.
    let page = world.until("/v1/media", |page| page["data"].as_array().is_some_and(|rows| !rows.is_empty())).await;
    assert_eq!(page["data"][0]["message_id"], message["id"]);
    assert_eq!(sandbox.network().violations(), []);
}
