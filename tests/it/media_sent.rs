//! Files through the API: every kind from every source, with the same bytes at the receiving account and its phone.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse, Redirect, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use image::ImageFormat;
use reqwest::Method;
use serde_json::{Value, json};

use crate::promises::{Linked, is_sent};
use crate::samples::{film, of_every_kind, pattern, picture, voice};
use crate::world::{PATIENCE, World, answer};

const SEND: &str = "/v1/accounts/a0/messages";

/// A server of files: `/{n}` is the n-th sample, `/to?…` redirects, `/endless` has no end.
pub(crate) async fn files() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let serve = |uri: Uri| async move {
        let samples = of_every_kind();
        match uri.path() {
            "/to" => Redirect::temporary(uri.query().unwrap_or_default()).into_response(),
            "/endless" => {
                let piece = bytes::Bytes::from(pattern(1 << 16));
                let body = futures_util::stream::repeat_with(move || Ok::<_, std::io::Error>(piece.clone()));
                Response::new(axum::body::Body::from_stream(body))
            }
            path => match path[1..].split('.').next().and_then(|n| samples.get(n.parse::<usize>().ok()?)) {
                Some((_, mimetype, bytes)) => ([("content-type", *mimetype)], bytes.clone()).into_response(),
                None => axum::http::StatusCode::NOT_FOUND.into_response(),
            },
        }
    };
    let app = Router::new().fallback(move |_: HeaderMap, uri: Uri| serve(uri));
    tokio::spawn(async move { axum::serve(listener, app).await });
    url
}

impl World {
    /// Sends a form with a file.
    pub(crate) async fn form(&self, path: &str, fields: &[(&str, &str)], mimetype: &str, bytes: &[u8]) -> (u16, Value) {
        let mut form = Vec::new();
        for (name, value) in fields {
            form.extend(
                format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").into_bytes(),
            );
        }
        let head = "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.bin\"\r\nContent-Type: ";
        form.extend(format!("{head}{mimetype}\r\n\r\n").into_bytes());
        form.extend(bytes);
        form.extend(b"\r\n--x--\r\n");
        let request = self.ask(Method::POST, path).header("content-type", "multipart/form-data; boundary=x");
        answer(request.body(form).send().await.unwrap()).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_from_every_source_arrives_as_it_was_sent() {
    let linked = Linked::with(2, &[]).await;
    let (world, served) = (&linked.world, files().await);
    let to = linked.phones[1].number();
    let mut sent = Vec::new();
    for (n, (kind, mimetype, bytes)) in of_every_kind().into_iter().enumerate() {
        let caption = ["image", "video", "document"].contains(&kind).then(|| format!("a {kind}"));
        let upload = world.upload("?filename=a.bin", Some(mimetype), bytes.clone()).await.1;
        let base64 = BASE64.encode(&bytes);
        for media in [
            json!({"id": upload["id"]}),
            json!({"url": format!("{served}/{n}"), "filename": "a.bin"}),
            json!({"base64": base64, "mimetype": mimetype, "filename": "a.bin"}),
        ] {
            let mut body = json!({"to": to, "type": kind, "media": media});
            if let Some(caption) = &caption {
                body["caption"] = caption.as_str().into();
            }
            let (status, message) = world.post(SEND, &body).await;
            assert_eq!(status, 202, "{kind}: {message}");
            sent.push((message, kind, mimetype, bytes.clone(), caption.clone()));
        }
        let fields = [("to", to), ("type", kind), ("caption", caption.as_deref().unwrap_or_default())];
        let fields = &fields[..if caption.is_some() { 3 } else { 2 }];
        let (status, message) = world.form(SEND, fields, mimetype, &bytes).await;
        assert_eq!(status, 202, "{kind}: {message}");
        sent.push((message, kind, mimetype, bytes, caption));
    }
    for (message, kind, mimetype, bytes, caption) in &sent {
        let provider_id = message["provider_message_id"].as_str().unwrap();
        let shown = linked.phones[1].wait_for_message(provider_id, PATIENCE).await.unwrap();
        let file = shown.file.unwrap();
        assert_eq!((file.kind, &file.caption), (*kind, caption), "{message}");
        assert!(linked.phones[1].open_file(provider_id).unwrap() == *bytes, "{kind}");
        linked.message(message, is_sent).await;
        let mine = |page: &Value| {
            let rows = page["data"].as_array().cloned().unwrap_or_default();
            rows.into_iter().find(|row| row["provider_message_id"] == provider_id)
        };
        let page = linked.until("/v1/accounts/a1/messages?limit=1000", |page| mine(page).is_some()).await;
        let got = mine(&page).unwrap();
        assert_eq!((&got["type"], &got["media"]["mimetype"]), (&json!(kind), &json!(mimetype)), "{got}");
        assert_eq!(got["text"], json!(caption), "{got}");
        let path = format!("/v1/messages/{}/media", got["id"].as_str().unwrap());
        assert!(world.bytes(&path, &[]).await.bytes().await.unwrap() == *bytes, "{kind}");
        let own = format!("/v1/messages/{}/media", message["id"].as_str().unwrap());
        assert!(world.bytes(&own, &[]).await.bytes().await.unwrap() == *bytes, "{kind}, from the sender's side");
    }
    assert_eq!(linked.network().violations(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_is_uploaded_once_for_many_messages_and_a_repeat_sends_nothing() {
    let linked = Linked::with(1, &[]).await;
    let world = &linked.world;
    let (to, png) = (linked.friend.number(), picture(ImageFormat::Png));
    let kept = world.upload("", None, png.clone()).await.1;
    for n in 0..5 {
        let body =
            json!({"to": to, "type": "image", "media": {"id": kept["id"]}, "client_message_id": format!("n{n}")});
        let (_, message) = world.post(SEND, &body).await;
        linked.message(&message, is_sent).await;
    }
    assert_eq!(linked.network().stats().media_uploads, 1);
    let fields = [("to", to), ("type", "image"), ("client_message_id", "form")];
    let (_, first) = world.form(SEND, &fields, "image/png", &png).await;
    let (_, again) = world.form(SEND, &fields, "image/png", &png).await;
    assert_eq!(first["id"], again["id"], "the same form is the same message");
    let (status, other) = world.form(SEND, &fields, "image/jpeg", &picture(ImageFormat::Jpeg)).await;
    assert_eq!((status, &other["code"]), (422, &json!("idempotency_key_reused")));
    // An upload that fails for the moment is tried again; nothing is sent twice.
    linked.network().break_media(wasup_sandbox::MediaFault::RefuseUpload { status: 503 }, 1);
    let body = json!({"to": to, "type": "image", "media": {"base64": BASE64.encode(&png)}});
    let (_, message) = world.post(SEND, &body).await;
    linked.message(&message, is_sent).await;
    let shown = linked.friend.inbox().iter().filter(|shown| shown.file.is_some()).count();
    assert_eq!((shown, linked.network().violations()), (7, vec![]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_that_can_not_be_had_or_sent_are_refused_before_anything_is_accepted() {
    let extra = [("WASUP__MEDIA__IMAGE__MAX_SIZE", "64 KiB"), ("WASUP__MEDIA__FETCH_TIMEOUT", "2s")];
    let linked = Linked::with(1, &extra).await;
    let (world, served) = (&linked.world, files().await);
    let png = BASE64.encode(picture(ImageFormat::Png));
    let kept = world.upload("", Some("text/plain"), b"hello".to_vec()).await.1;
    #[rustfmt::skip]
    let table = [
        (json!({"type": "image", "media": {}}), 400, "invalid"),
        (json!({"type": "image", "media": {"base64": png, "url": served}}), 400, "invalid"),
        (json!({"type": "image", "media": {"base64": "no base64!"}}), 400, "invalid"),
        (json!({"type": "image", "media": {"base64": png, "filename": "../x.png"}}), 400, "invalid"),
        (json!({"type": "image", "media": {"base64": png, "mimetype": "application/pdf"}}), 400, "media_type_mismatch"),
        (json!({"type": "sticker", "media": {"base64": png}}), 415, "media_type_not_allowed"),
        (json!({"type": "image", "media": {"id": kept["id"]}}), 415, "media_type_not_allowed"),
        (json!({"type": "image", "media": {"id": "med_00000000000000000000000000"}}), 404, "not_found"),
        (json!({"type": "image", "media": {"base64": png, "sha256": "0".repeat(64)}}), 400, "media_hash_mismatch"),
        (json!({"type": "image", "media": {"base64": BASE64.encode(pattern(70_000))}}), 413, "media_too_large"),
        (json!({"type": "voice", "media": {"base64": png}, "caption": "x"}), 400, "invalid"),
        (json!({"type": "document", "media": {"base64": png}, "view_once": true}), 400, "invalid"),
        (json!({"type": "image", "media": {"url": format!("{served}/99")}}), 424, "media_url_failed"),
        (json!({"type": "image", "media": {"url": format!("{served}/endless")}}), 413, "media_too_large"),
        (json!({"type": "image", "media": {"url": "http://127.0.0.1:1/x"}}), 424, "media_url_failed"),
        (json!({"type": "image", "media": {"url": "http://169.254.169.254/x"}}), 400, "invalid"),
        (json!({"type": "image", "media": {"url": format!("{served}/to?http://169.254.169.254/x")}}), 400, "invalid"),
        (json!({"type": "image", "media": {"url": format!("{served}/to?{served}/to?{served}/to?{served}/to?{served}/0")}}), 424, "media_url_failed"),
        (json!({"type": "image", "media": {"url": "ftp://example.com/x"}}), 400, "invalid"),
    ];
    for (mut body, status, code) in table {
        body["to"] = linked.friend.number().into();
        let (got, refused) = world.post(SEND, &body).await;
        assert_eq!((got, refused["code"].as_str()), (status, Some(code)), "{body}: {refused}");
    }
    let (status, redirected) = world
        .post(SEND, &json!({"to": linked.friend.number(), "type": "image", "media": {"url": format!("{served}/to?{served}/0")}}))
        .await;
    assert_eq!(status, 202, "{redirected}");
    linked.message(&redirected, is_sent).await;
    assert_eq!(world.get(SEND).await.1["data"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repeated_request_does_not_take_its_file_in_again() {
    let linked = Linked::with(1, &[]).await;
    let (world, to, png) = (&linked.world, linked.friend.number(), picture(ImageFormat::Png));
    let asked = Arc::new(AtomicUsize::new(0));
    let (served, count) = (png.clone(), Arc::clone(&asked));
    let serve = move || {
        count.fetch_add(1, Ordering::SeqCst);
        std::future::ready(([("content-type", "image/png")], served.clone()))
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/a.png", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(serve)).await });
    for media in [json!({"url": url}), json!({"base64": BASE64.encode(&png)})] {
        let body = json!({"to": to, "type": "image", "media": media});
        let key = format!("key-{}", media.as_object().unwrap().keys().next().unwrap());
        let ask = async |body: &Value| {
            let request = world.ask(Method::POST, SEND).header("Idempotency-Key", &key).json(body);
            let response = request.send().await.unwrap();
            let replayed = response.headers().contains_key("idempotency-replayed");
            let (status, body) = answer(response).await;
            (status, replayed, body)
        };
        let first = ask(&body).await;
        assert_eq!((first.0, first.1), (202, false), "{}", first.2);
        let files = world.get("/v1/media").await.1["data"].as_array().unwrap().len();
        let again = ask(&body).await;
        assert_eq!((again.0, again.1, &again.2["id"]), (202, true, &first.2["id"]));
        assert_eq!(world.get("/v1/media").await.1["data"].as_array().unwrap().len(), files, "{media}");
        let mut other = body.clone();
        other["caption"] = "another".into();
        assert_eq!(ask(&other).await.0, 422);
    }
    assert_eq!(asked.load(Ordering::SeqCst), 1, "the address was asked again");
    assert_eq!(linked.network().violations(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_caller_says_of_a_file_is_shown() {
    let linked = Linked::with(1, &[]).await;
    let (world, to) = (&linked.world, linked.friend.number());
    let drawn: Vec<u8> = (0..64).collect();
    let note = json!({"base64": BASE64.encode(voice()), "seconds": 7, "waveform": drawn});
    let film = json!({"base64": BASE64.encode(film()), "seconds": 9, "width": 320, "height": 200});
    let (_, spoken) = world.post(SEND, &json!({"to": to, "type": "voice", "media": note})).await;
    let (_, shown) = world.post(SEND, &json!({"to": to, "type": "video", "media": film})).await;
    let seen = async |message: &Value| {
        let id = message["provider_message_id"].as_str().unwrap_or_else(|| panic!("{message}"));
        linked.friend.wait_for_message(id, PATIENCE).await.unwrap().file.unwrap()
    };
    let file = seen(&spoken).await;
    assert_eq!((file.seconds, file.waveform), (Some(7), Some(drawn)));
    let file = seen(&shown).await;
    assert_eq!((file.seconds, file.width, file.height), (Some(9), Some(320), Some(200)));
    let fields = [("to", to), ("type", "voice"), ("seconds", "8")];
    let (status, form) = world.form(SEND, &fields, "audio/ogg; codecs=opus", &voice()).await;
    assert_eq!(status, 202, "{form}");
    assert_eq!(seen(&form).await.seconds, Some(8));
    let wrong = json!({"to": to, "type": "image", "media": {"base64": "AAAA", "seconds": 7}});
    let (status, problem) = world.post(SEND, &wrong).await;
    assert_eq!((status, &problem["errors"][0]["field"]), (400, &json!("media.seconds")), "{problem}");
    assert_eq!(linked.network().violations(), []);
}
