//! Uploads are scanned: against a clamd that speaks `INSTREAM` as the real one does and knows one signature.
//!
//! `WASUP_CLAMD=tcp://host:port` (or `unix:/path`) runs the same against a real one that knows the test file of EICAR.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, UnixListener};

use crate::samples::pattern;
use crate::world::{World, answer};

/// The test file of EICAR, in two parts, so that no scanner takes this source for it.
fn eicar() -> Vec<u8> {
    [r"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-", "STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"].concat().into_bytes()
}

/// How a daemon behaves.
#[derive(Clone, Copy)]
enum Daemon {
    /// As clamd with this `StreamMaxLength`.
    Scans { most: usize },
    /// It reads and never answers.
    Mute,
    /// It hangs up without a word.
    HangsUp,
}

/// One connection: a command, chunks behind their lengths, an answer.
async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, daemon: Daemon) -> std::io::Result<()> {
    let mut command = [0; 10];
    stream.read_exact(&mut command).await?;
    assert_eq!(&command, b"zINSTREAM\0");
    if let Daemon::HangsUp = daemon {
        return Ok(());
    }
    let mut file = Vec::new();
    loop {
        let length = stream.read_u32().await? as usize;
        if length == 0 {
            break;
        }
        if let Daemon::Scans { most } = daemon
            && file.len() + length > most
        {
            return stream.write_all(b"INSTREAM size limit exceeded. ERROR\0").await;
        }
        let mut chunk = vec![0; length];
        stream.read_exact(&mut chunk).await?;
        file.extend(chunk);
    }
    if let Daemon::Mute = daemon {
        return std::future::pending().await;
    }
    let eicar = eicar();
    let found = file.windows(eicar.len()).any(|window| window == eicar);
    let said: &[u8] = if found { b"stream: Eicar-Test-Signature FOUND\0" } else { b"stream: OK\0" };
    stream.write_all(said).await
}

/// A daemon on a port; its address, and how many files it was asked about.
async fn on_a_port(daemon: Daemon) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("tcp://{}", listener.local_addr().unwrap());
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::Relaxed);
            tokio::spawn(serve(stream, daemon));
        }
    });
    (address, asked)
}

/// ... on a socket in a folder.
fn on_a_socket(folder: &Path, daemon: Daemon) -> String {
    let path = folder.join("clamd.ctl");
    let listener = UnixListener::bind(&path).unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, daemon));
        }
    });
    format!("unix:{}", path.display())
}

/// An infected file longer than a chunk, whose end holds it.
fn infected() -> Vec<u8> {
    [pattern(200_000), b"\n".to_vec(), eicar()].concat()
}

async fn kept(world: &World) -> usize {
    world.get("/v1/media").await.1["data"].as_array().unwrap().len()
}

/// No file lies there, not even one on its way.
fn files(world: &World) -> usize {
    fn count(folder: &Path) -> usize {
        let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        entries.map(|path| if path.is_dir() { count(&path) } else { 1 }).sum()
    }
    count(&world.folder.path().join("data/media"))
}

async fn scans(world: &World, outcome: &str) -> u64 {
    let text = world.ask(Method::GET, "/metrics").send().await.unwrap().text().await.unwrap();
    let name = format!("wasup_media_scans_total{{outcome=\"{outcome}\"}} ");
    text.lines().find_map(|line| line.strip_prefix(&name)?.parse().ok()).unwrap_or(0)
}

#[tokio::test]
async fn infected_files_are_refused_whichever_way_they_come() {
    let folder = tempfile::tempdir().unwrap();
    let (port, asked) = on_a_port(Daemon::Scans { most: usize::MAX }).await;
    for clamd in [port, on_a_socket(folder.path(), Daemon::Scans { most: usize::MAX })] {
        let world = World::with(&[("WASUP__MEDIA__CLAMD", &clamd)]).await;
        let (status, body) = world.upload("", None, infected()).await;
        assert_eq!((status, &body["code"]), (422, &json!("media_infected")), "{body}");
        assert!(body["detail"].as_str().unwrap().contains("Eicar-Test-Signature"), "{body}");
        assert_eq!((kept(&world).await, files(&world)), (0, 0));
        let (status, clean) = world.upload("", None, pattern(200_000)).await;
        assert_eq!(status, 201, "{clean}");
        let form = b"--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.com\"\r\n\r\n".to_vec();
        let form = [form, eicar(), b"\r\n--x--\r\n".to_vec()].concat();
        let (status, body) = world.upload("", Some("multipart/form-data; boundary=x"), form).await;
        assert_eq!((status, &body["code"]), (422, &json!("media_infected")), "{body}");
        // Inside a message, as base64.
        world.account("a").await;
        let base64 = data_encoding::BASE64.encode(&eicar());
        let message = json!({"to": "+6281234567890", "type": "document", "media": {"base64": base64}});
        let (status, body): (u16, Value) = world.post("/v1/accounts/a/messages", &message).await;
        assert_eq!((status, &body["code"]), (422, &json!("media_infected")), "{body}");
        assert_eq!((kept(&world).await, files(&world)), (1, 1));
        assert_eq!((scans(&world, "infected").await, scans(&world, "clean").await), (3, 1));
    }
    assert_eq!(asked.load(Ordering::Relaxed), 4);
}

#[tokio::test]
async fn what_nobody_can_scan_is_refused_unless_the_config_says_otherwise() {
    let nobody = "tcp://127.0.0.1:1".to_owned();
    let (mute, _) = on_a_port(Daemon::Mute).await;
    let (rude, _) = on_a_port(Daemon::HangsUp).await;
    for clamd in [nobody.as_str(), &mute, &rude] {
        let config = [("WASUP__MEDIA__CLAMD", clamd), ("WASUP__MEDIA__CLAMD_TIMEOUT", "1s")];
        let world = World::with(&config).await;
        let sent = world.ask(Method::POST, "/v1/media").body(pattern(300_000)).send().await.unwrap();
        assert!(sent.headers().contains_key("retry-after"), "{clamd}");
        let (status, body) = answer(sent).await;
        assert_eq!((status, &body["code"]), (503, &json!("scanner_unavailable")), "{clamd}: {body}");
        assert_eq!((kept(&world).await, files(&world), scans(&world, "failed").await), (0, 0, 1), "{clamd}");
        let world = world.restart(&[config[0], config[1], ("WASUP__MEDIA__CLAMD_DOWN", "keep")]).await;
        assert_eq!(world.upload("", None, pattern(300_000)).await.0, 201, "{clamd}");
    }
    // Longer than it takes: that is told as it is, and no file that came in part counts as clean.
    let (small, _) = on_a_port(Daemon::Scans { most: 100_000 }).await;
    let world = World::with(&[("WASUP__MEDIA__CLAMD", &small)]).await;
    let (status, body) = world.upload("", None, pattern(5_000_000)).await;
    assert_eq!((status, &body["code"]), (413, &json!("media_too_large")), "{body}");
    assert_eq!(world.upload("", None, pattern(90_000)).await.0, 201);
    assert_eq!(world.upload("", None, Vec::new()).await.1["code"], "media_empty");
}

#[tokio::test]
async fn a_real_clamd_says_the_same() {
    let Ok(clamd) = std::env::var("WASUP_CLAMD") else { return eprintln!("WASUP_CLAMD names no clamd") };
    let world = World::with(&[("WASUP__MEDIA__CLAMD", &clamd)]).await;
    for (file, status, code) in [
        (eicar(), 422, json!("media_infected")),
        (pattern(20_000_000), 201, Value::Null),
        (b"plain".to_vec(), 201, Value::Null),
    ] {
        let (got, body) = world.upload("", None, file).await;
        assert_eq!((got, &body["code"]), (status, &code), "{body}");
    }
}
