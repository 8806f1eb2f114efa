//! Files over the API: kept, answered whole and in ranges, refused with the right code.

use image::ImageFormat;
use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::samples::{of_every_kind, pattern, picture};
use crate::world::{World, answer};

const PATH: &str = "/v1/media";

impl World {
    /// Uploads a file as a body.
    pub(crate) async fn upload(&self, query: &str, mimetype: Option<&str>, bytes: Vec<u8>) -> (u16, Value) {
        let request = self.ask(Method::POST, &format!("{PATH}{query}")).body(bytes);
        let request = mimetype.into_iter().fold(request, |request, kind| request.header("content-type", kind));
        answer(request.send().await.unwrap()).await
    }

    /// An answer that is no JSON.
    pub(crate) async fn bytes(&self, path: &str, headers: &[(&str, &str)]) -> Response {
        let request = self.ask(Method::GET, path);
        headers.iter().fold(request, |request, (name, value)| request.header(*name, *value)).send().await.unwrap()
    }

    fn files_on_disk(&self) -> usize {
        fn count(folder: &std::path::Path) -> usize {
            let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
            entries.map(|path| if path.is_dir() { count(&path) } else { 1 }).sum()
        }
        count(&self.folder.path().join("data/media"))
    }
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
}

#[tokio::test]
async fn files_come_as_a_body_or_a_form_and_go_out_whole_and_in_ranges() {
    let world = World::start().await;
    for (kind, mimetype, bytes) in of_every_kind() {
        let query = format!("?kind={kind}&filename=a%20file.bin");
        let (status, made) = world.upload(&query, Some(mimetype), bytes.clone()).await;
        assert_eq!(status, 201, "{kind}: {made}");
        assert_eq!((&made["mimetype"], &made["size"]), (&json!(mimetype), &json!(bytes.len())), "{kind}");
        assert_eq!(made["filename"], "a file.bin");
        let content = format!("{PATH}/{}/content", made["id"].as_str().unwrap());
        let whole = world.bytes(&content, &[]).await;
        assert_eq!((whole.status().as_u16(), header(&whole, "content-type")), (200, mimetype));
        assert!(header(&whole, "content-disposition").contains("a%20file.bin"));
        let etag = header(&whole, "etag").to_owned();
        assert!(whole.bytes().await.unwrap() == bytes, "{kind}");
        let part = world.bytes(&content, &[("range", "bytes=10-19")]).await;
        assert_eq!(part.status().as_u16(), 206);
        assert_eq!(header(&part, "content-range"), format!("bytes 10-19/{}", bytes.len()));
        assert_eq!(part.bytes().await.unwrap(), bytes[10..20]);
        let beyond = world.bytes(&content, &[("range", "bytes=99999999-")]).await;
        assert_eq!((beyond.status().as_u16(), header(&beyond, "content-range").starts_with("bytes */")), (416, true));
        assert_eq!(world.bytes(&content, &[("if-none-match", &etag)]).await.status().as_u16(), 304);
        let other = world.bytes(&content, &[("range", "bytes=0-1"), ("if-range", "\"other\"")]).await;
        assert_eq!(other.status().as_u16(), 200, "a range of another file is no range");
    }
    let head = "--x\r\nContent-Disposition: form-data; name=\"kind\"\r\n\r\nimage\r\n--x\r\nContent-Disposition: form-data; \
                name=\"file\"; filename=\"p.png\"\r\nContent-Type: image/png\r\n\r\n";
    let form = [head.as_bytes(), &picture(ImageFormat::Png), b"\r\n--x--\r\n"].concat();
    let (status, made) = world.upload("", Some("multipart/form-data; boundary=x"), form).await;
    assert_eq!((status, &made["filename"], &made["width"]), (201, &json!("p.png"), &json!(160)), "{made}");
}

#[tokio::test]
async fn files_are_listed_shown_deleted_and_outlive_a_restart() {
    let world = World::start().await;
    let mut ids = Vec::new();
    for n in 0..5 {
        let (status, made) = world.upload("", Some("text/plain"), pattern(10 + n)).await;
        assert_eq!(status, 201, "{made}");
        ids.push(made["id"].as_str().unwrap().to_owned());
    }
    let world = world.restart(&[]).await;
    let (_, first) = world.get(&format!("{PATH}?limit=3")).await;
    let (_, rest) = world.get(&format!("{PATH}?limit=3&cursor={}", first["next_cursor"].as_str().unwrap())).await;
    let listed = [&first, &rest].into_iter().flat_map(|page| page["data"].as_array().unwrap());
    let mut listed: Vec<&str> = listed.map(|file| file["id"].as_str().unwrap()).collect();
    listed.sort_unstable();
    ids.sort_unstable();
    assert_eq!((listed, rest["next_cursor"].is_null()), (ids.iter().map(String::as_str).collect(), true));
    let one = format!("{PATH}/{}", ids[0]);
    assert_eq!(world.get(&one).await.0, 200);
    assert_eq!(world.delete(&one).await.0, 204);
    assert_eq!((world.get(&one).await.0, world.delete(&one).await.0), (404, 404));
    assert_eq!(world.bytes(&format!("{one}/content"), &[]).await.status().as_u16(), 404);
    assert_eq!(world.files_on_disk(), 4);
    assert_eq!(world.client.get(format!("{}{PATH}", world.base)).send().await.unwrap().status().as_u16(), 401);
}

/// Query, declared type, bytes; status and code of the answer.
type Hostile<'a> = (&'a str, Option<&'a str>, Vec<u8>, u16, &'a str);

/// A picture whose head says 60,000 × 60,000: it would take 10 GB to decode.
fn bomb() -> Vec<u8> {
    let mut bytes = picture(ImageFormat::Png);
    bytes[16..20].copy_from_slice(&60_000_u32.to_be_bytes());
    bytes[20..24].copy_from_slice(&60_000_u32.to_be_bytes());
    let mut crc = u32::MAX;
    for byte in &bytes[12..29] {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
        }
    }
    bytes[29..33].copy_from_slice(&(!crc).to_be_bytes());
    bytes
}

#[tokio::test]
async fn hostile_files_are_refused_with_the_right_code_and_leave_nothing() {
    let world = World::with(&[("WASUP__MEDIA__MAX_SIZE", "1 MiB")]).await;
    let png = picture(ImageFormat::Png);
    let half = png[..png.len() / 2].to_vec();
    let zip = [b"PK\x03\x04\x14\0\0\0".as_slice(), &pattern(500)].concat();
    let wrong = "0".repeat(64);
    let sha = format!("?sha256={wrong}");
    #[rustfmt::skip]
    let table: Vec<Hostile<'_>> = vec![
        ("", None, Vec::new(), 400, "media_empty"),
        ("", Some("image/png"), b"%PDF-1.7 no picture".to_vec(), 400, "media_type_mismatch"),
        ("", Some("application/pdf"), png.clone(), 400, "media_type_mismatch"),
        ("", Some("video/mp4"), b"plain text".to_vec(), 400, "media_type_mismatch"),
        ("?kind=image", None, zip.clone(), 415, "media_type_not_allowed"),
        ("?kind=sticker", None, png.clone(), 415, "media_type_not_allowed"),
        ("?kind=voice", Some("audio/ogg"), b"OggS".to_vec(), 201, ""),
        ("?kind=image", Some("image/png"), half.clone(), 400, "media_damaged"),
        ("", Some("image/png"), half, 201, ""),
        ("?kind=image", None, bomb(), 400, "media_too_many_pixels"),
        ("?kind=document", None, bomb(), 201, ""),
        ("?kind=document&filename=x.zip", Some("application/zip"), zip, 201, ""),
        (&sha, None, png.clone(), 400, "media_hash_mismatch"),
        ("?sha256=abc", None, png.clone(), 400, "invalid"),
        ("?filename=..%2F..%2Fetc%2Fpasswd", None, png.clone(), 400, "invalid"),
        ("?filename=C%3A%5Cboot.ini", None, png.clone(), 400, "invalid"),
        ("?filename=a%00b", None, png.clone(), 400, "invalid"),
        ("?kind=hologram", None, png.clone(), 400, "invalid"),
        ("", None, pattern((1 << 20) + 1), 413, "media_too_large"),
    ];
    let mut kept = 0;
    for (query, mimetype, bytes, status, code) in table {
        let (got, body) = world.upload(query, mimetype, bytes).await;
        let named = body["code"].as_str().unwrap_or_default();
        assert_eq!((got, named), (status, code), "{query} {mimetype:?}: {body}");
        kept += usize::from(status == 201);
    }
    // A body without a length that is too large, and one that breaks off.
    let endless = futures_util::stream::iter((0..64).map(|_| Ok::<_, std::io::Error>(pattern(64 << 10))));
    let request = world.ask(Method::POST, PATH).body(reqwest::Body::wrap_stream(endless));
    assert_eq!(answer(request.send().await.unwrap()).await.1["code"], "media_too_large");
    let broken = futures_util::stream::iter([Ok(pattern(1_000)), Err(std::io::Error::other("gone"))]);
    let request = world.ask(Method::POST, PATH).body(reqwest::Body::wrap_stream(broken));
    assert!(request.send().await.is_err());
    let (_, page) = world.get(PATH).await;
    assert_eq!((page["data"].as_array().unwrap().len(), world.files_on_disk()), (kept, kept));
}

#[tokio::test]
async fn what_would_be_too_much_is_refused_until_there_is_room() {
    let world = World::with(&[("WASUP__MEDIA__MAX_BYTES", "1 MiB")]).await;
    let (_, first) = world.upload("", None, pattern(700 << 10)).await;
    let (status, body) = world.upload("", None, pattern(700 << 10)).await;
    assert_eq!((status, &body["code"], &body["retryable"]), (503, &json!("media_full"), &json!(true)), "{body}");
    assert_eq!(world.delete(&format!("{PATH}/{}", first["id"].as_str().unwrap())).await.0, 204);
    assert_eq!(world.upload("", None, pattern(700 << 10)).await.0, 201);
}

#[tokio::test]
async fn a_file_stays_as_long_as_was_asked_for() {
    let world = World::start().await;
    let day = 86_400;
    let left = |file: &Value| {
        let at = |name: &str| file[name].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
        at("expires_at").as_second() - at("created_at").as_second()
    };
    for (query, days) in [("", 7), ("?keep=90d", 90), ("?keep=1h", 0)] {
        let (status, made) = world.upload(query, None, pattern(10)).await;
        assert_eq!((status, left(&made) / day), (201, days), "{query}: {made}");
    }
    let form = b"--x\r\nContent-Disposition: form-data; name=\"keep\"\r\n\r\n30d\r\n--x\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nbytes\r\n--x--\r\n";
    let (_, made) = world.upload("", Some("multipart/form-data; boundary=x"), form.to_vec()).await;
    assert_eq!(left(&made) / day, 30, "{made}");
    for bad in ["?keep=1s", "?keep=20years", "?keep=soon"] {
        let (status, body) = world.upload(bad, None, pattern(10)).await;
        assert_eq!((status, &body["code"]), (400, &json!("invalid")), "{bad}: {body}");
    }
}
