//! Files on the media host: through the real client and by hand.

use crate::client::{Companion, SOON};
use crate::direct::{Pair, pair};
use crate::https::Https;
use buffa::MessageField;
use wacore::types::events::Event;
use waproto::whatsapp::Message;
use waproto::whatsapp::message::{DocumentMessage, ImageMessage};
use wasup_sandbox::{FileToSend, Forgotten, MediaFault, Phone, Rule};
use whatsapp_rust::Jid;
use whatsapp_rust::download::{DownloadParams, MediaType};
use whatsapp_rust::features::{MediaRetryResult, MediaReuploadRequest};
use whatsapp_rust::http::HttpRequest;
use whatsapp_rust::upload::{UploadOptions, UploadResponse};

fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at % 251) as u8).collect()
}

fn jid(phone: &Phone) -> Jid {
    phone.jid().parse().unwrap()
}

fn document(up: &UploadResponse) -> Message {
    let document = DocumentMessage {
        url: Some(up.url.clone()),
        direct_path: Some(up.direct_path.clone()),
        media_key: Some(up.media_key.to_vec()),
        media_key_timestamp: Some(up.media_key_timestamp),
        file_sha256: Some(up.file_sha256.to_vec()),
        file_enc_sha256: Some(up.file_enc_sha256.to_vec()),
        file_length: Some(up.file_length),
        mimetype: Some("application/octet-stream".into()),
        file_name: Some("a.bin".into()),
        ..Default::default()
    };
    Message { document_message: MessageField::some(document), ..Default::default() }
}

impl Companion {
    /// The next message that is no text, and its id.
    async fn other(&self) -> (String, Message) {
        self.event("file", |event| {
            let Event::Messages(batch) = event else { return None };
            let of_file = |message: &Message| message.document_message.is_set() || message.image_message.is_set();
            let found = batch.messages.iter().find(|inbound| of_file(&inbound.message))?;
            Some((found.info.id.clone(), (*found.message).clone()))
        })
        .await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_go_between_companions_and_phones_over_tls() {
    let Pair { network, phones: [_, phone_b], a, b } = pair(false).await;
    // Beyond 5 MiB the client asks first what is there.
    for len in [0, 1, 300_000, 6_000_000] {
        let bytes = pattern(len);
        let up = a.client.upload(bytes.clone(), MediaType::Document, UploadOptions::new()).await.unwrap();
        let id = a.client.send_message(jid(&phone_b), document(&up)).await.unwrap().message_id;
        let (got, message) = b.other().await;
        assert_eq!(got, id);
        let part: &DocumentMessage = message.document_message.as_option().unwrap();
        assert!(b.client.download(part).await.unwrap() == bytes, "{len}");
        let shown = phone_b.wait_for_message(&id, SOON).await.unwrap();
        assert_eq!(shown.file.unwrap().filename.as_deref(), Some("a.bin"));
        assert!(phone_b.open_file(&id).unwrap() == bytes, "{len}");
    }
    let file = FileToSend { kind: "image".into(), mimetype: "image/png".into(), ..FileToSend::default() };
    phone_b.send_file(a.number.as_str(), &file, b"a picture").await.unwrap();
    let (_, message) = a.other().await;
    let part: &ImageMessage = message.image_message.as_option().unwrap();
    assert_eq!(a.client.download(part).await.unwrap(), b"a picture");
    assert_eq!(network.violations(), []);
    assert_eq!(network.stats().media_uploads, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_are_resumed_and_an_auth_that_was_taken_back_is_renewed() {
    let Pair { network, a, b, .. } = pair(false).await;
    let bytes = pattern(6_000_000);
    network.break_media(MediaFault::CutUpload { after: 4_000_000 }, 1);
    let key = [7; 32];
    let options = || UploadOptions::new().with_media_key(key);
    assert!(a.client.upload(bytes.clone(), MediaType::Document, options()).await.is_err());
    network.revoke_media_auth();
    let up = a.client.upload(bytes.clone(), MediaType::Document, options()).await.unwrap();
    assert_eq!(network.stats().media_uploads, 1);
    // The whole file is there: only the question is asked.
    let again = a.client.upload(bytes.clone(), MediaType::Document, options()).await.unwrap();
    assert_eq!((again.direct_path, network.stats().media_uploads), (up.direct_path.clone(), 1));
    let params = params(&up);
    assert!(b.client.download_from_params(&params).await.unwrap() == bytes);
    assert_eq!(network.violations(), []);
}

fn params(up: &UploadResponse) -> DownloadParams {
    let path = up.direct_path.clone();
    let (key, hash, sealed) = (&up.media_key, &up.file_sha256, &up.file_enc_sha256);
    DownloadParams::encrypted(path, key, hash, sealed, up.file_length, MediaType::Document)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_back_broken_is_noticed() {
    let Pair { network, a, b, .. } = pair(false).await;
    let up = a.client.upload(pattern(200_000), MediaType::Document, UploadOptions::new()).await.unwrap();
    let faults = [MediaFault::Truncate, MediaFault::Corrupt, MediaFault::RefuseDownload { status: 503 }];
    for fault in faults {
        network.break_media(fault, 1);
        assert!(b.client.download_from_params(&params(&up)).await.is_err(), "{fault:?}");
        assert!(b.client.download_from_params(&params(&up)).await.is_ok(), "{fault:?}");
    }
    network.break_media(MediaFault::Slow { bytes_per_second: 2_000_000 }, 1);
    assert!(b.client.download_from_params(&params(&up)).await.is_ok());
    network.break_media(MediaFault::RefuseUpload { status: 500 }, 1);
    assert!(a.client.upload(pattern(10), MediaType::Image, UploadOptions::new()).await.is_err());
    assert_eq!(network.violations(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forgotten_file_is_brought_again_by_the_phone() {
    let Pair { network, phones: [phone_a, phone_b], a, b } = pair(false).await;
    let up = a.client.upload(pattern(5_000), MediaType::Document, UploadOptions::new()).await.unwrap();
    let id = a.client.send_message(jid(&phone_b), document(&up)).await.unwrap().message_id;
    b.other().await;
    phone_b.wait_for_message(&id, SOON).await.unwrap();
    assert_eq!(network.forget_media(Forgotten::Gone), 1);
    assert!(b.client.download_from_params(&params(&up)).await.is_err());
    let chat = phone_a.jid().parse().unwrap();
    let request = |msg_id| MediaReuploadRequest {
        msg_id,
        chat_jid: &chat,
        media_key: &up.media_key,
        is_from_me: false,
        participant: None,
    };
    let MediaRetryResult::Success { direct_path } = b.client.media_reupload().request(&request(&id)).await.unwrap()
    else {
        panic!("not brought again")
    };
    let there = DownloadParams { direct_path, ..params(&up) };
    assert!(b.client.download_from_params(&there).await.unwrap() == pattern(5_000));
    let unknown = b.client.media_reupload().request(&request("NOBODY")).await.unwrap();
    assert!(matches!(unknown, MediaRetryResult::NotFound));
    assert_eq!((network.stats().media_brought_again, network.violations()), (1, vec![]));
}

#[tokio::test(flavor = "multi_thread")]
async fn ranges_and_refusals_by_hand() {
    let Pair { network, a, .. } = pair(false).await;
    let https = Https::trusting(&network);
    let up = a.client.upload(pattern(1_000), MediaType::Document, UploadOptions::new()).await.unwrap();
    let ask = |request: HttpRequest| {
        let https = https.clone();
        async move { https.ask(&request).await.unwrap() }
    };
    let whole = ask(HttpRequest::get(&up.url)).await;
    let part = ask(HttpRequest::get(&up.url).with_header("Range", "bytes=10-19")).await;
    assert_eq!((whole.status, part.status, part.body.as_slice()), (200, 206, &whole.body[10..20]));
    assert!(part.head.contains(&format!("content-range: bytes 10-19/{}", whole.body.len())), "{}", part.head);
    assert_eq!(ask(HttpRequest::get(&up.url).with_header("Range", "bytes=9999-")).await.status, 416);
    assert_eq!(network.violations(), []);

    let host = format!("https://{}", network.media_address());
    let token = data_encoding::BASE64URL_NOPAD.encode(&[1; 32]);
    let auth = a.client.refresh_media_conn(false).await.unwrap().auth;
    let post = |path: String| HttpRequest::post(format!("{host}{path}")).with_body(vec![1_u8; 9]);
    for (request, status, rule) in [
        (post(format!("/mms/image/{token}?token={token}")), 401, Some(Rule::Attribute)),
        (post(format!("/mms/image/{token}?auth=stale&token={token}")), 401, None),
        (post(format!("/mms/pictures/{token}?auth={auth}&token={token}")), 400, Some(Rule::Unknown)),
        (post(format!("/mms/image/{token}?auth={auth}&token=other")), 400, Some(Rule::Attribute)),
        (post(format!("/mms/image/{token}?auth={auth}&token={token}")), 400, Some(Rule::Signature)),
        (post(format!("/mms/image/{token}?auth={auth}&token={token}&file_offset=5")), 400, Some(Rule::OutOfOrder)),
        (HttpRequest::get(format!("{host}/v/t/99_n.enc?oh=x")), 404, None),
        (HttpRequest::get(up.url.replace("&oh=", "&no=")), 403, Some(Rule::Signature)),
        (HttpRequest::get(format!("{}&token={token}", up.url)), 403, Some(Rule::Attribute)),
        (HttpRequest::get(format!("{host}/elsewhere")), 404, Some(Rule::Unknown)),
    ] {
        network.clear_violations();
        let url = request.url.clone();
        assert_eq!(ask(request).await.status, status, "{url}");
        let rules: Vec<Rule> = network.violations().iter().map(|violation| violation.rule).collect();
        assert_eq!(rules, Vec::from_iter(rule), "{url}");
    }
}
