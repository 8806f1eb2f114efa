//! Files: no row without its file however often the process is killed, and little memory however large they are.

use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use reqwest::{Body, Client, Method, RequestBuilder};
use serde_json::{Value, json};
use tokio_util::task::AbortOnDropHandle;
use wasup_sandbox::FileToSend;

use crate::gateway::Gateway;
use crate::world::{KEY, World};

/// Kills of a run, and its uploads at once.
const KILLS: u32 = 4;
const UPLOADERS: u8 = 4;

/// What memory may rise by, whatever the size of a file: 32 MB.
const RISE: u64 = 32_000_000;

fn ask(world: &World, method: Method, path: &str) -> RequestBuilder {
    let client = Client::builder().no_proxy().build().unwrap();
    client.request(method, format!("http://{}{path}", world.address)).bearer_auth(KEY)
}

async fn get(world: &World, path: &str) -> Value {
    ask(world, Method::GET, path).send().await.unwrap().json().await.unwrap()
}

/// Uploads until it is aborted; answers what was acknowledged.
async fn upload_on(world: &World, mark: u8, kept: &std::sync::Mutex<Vec<(String, Vec<u8>)>>) {
    for n in 0_u32.. {
        let bytes = [&[mark][..], &n.to_be_bytes(), &vec![mark; 100_000]].concat();
        let answer = ask(world, Method::POST, "/v1/media").body(bytes.clone()).send().await;
        let Ok(answer) = answer else {
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        if answer.status() == 201
            && let Ok(made) = answer.json::<Value>().await
        {
            kept.lock().unwrap().push((made["id"].as_str().unwrap().to_owned(), bytes));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_acknowledged_file_outlives_every_kill_and_no_row_is_without_its_file() {
    let seed = rand::random::<u64>();
    eprintln!("WASUP_SEED={seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    let world = std::sync::Arc::new(World::without_webhooks().await);
    let mut gateway = Gateway::start(&world);
    gateway.wait_ready(&world).await;
    let kept = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let uploading: Vec<_> = (0..UPLOADERS)
        .map(|mark| {
            let (world, kept) = (world.clone(), kept.clone());
            AbortOnDropHandle::new(tokio::spawn(async move { upload_on(&world, mark, &kept).await }))
        })
        .collect();
    for _ in 0..KILLS {
        tokio::time::sleep(Duration::from_millis(rng.random_range(200..900))).await;
        gateway.kill();
        gateway = Gateway::start(&world);
        gateway.wait_ready(&world).await;
    }
    drop(uploading);
    let kept = std::mem::take(&mut *kept.lock().unwrap());
    assert!(kept.len() > 20, "only {} files came", kept.len());
    for (id, bytes) in &kept {
        let content = ask(&world, Method::GET, &format!("/v1/media/{id}/content")).send().await.unwrap();
        assert_eq!(content.status(), 200, "{id} was acknowledged and is gone");
        assert!(content.bytes().await.unwrap() == *bytes, "{id} is another file");
    }
    // Files that were not acknowledged may be there, whole; nothing else is.
    gateway.kill();
    gateway = Gateway::start(&world);
    gateway.wait_ready(&world).await;
    let (mut rows, mut cursor) = (0, String::new());
    loop {
        let page = get(&world, &format!("/v1/media?limit=1000{cursor}")).await;
        for file in page["data"].as_array().unwrap() {
            let head = ask(&world, Method::GET, &format!("/v1/media/{}/content", file["id"].as_str().unwrap()));
            let whole = head.send().await.unwrap().bytes().await.unwrap();
            assert_eq!(whole.len() as u64, file["size"].as_u64().unwrap());
            rows += 1;
        }
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    fn files(folder: &std::path::Path) -> usize {
        let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        entries.map(|path| if path.is_dir() { files(&path) } else { 1 }).sum()
    }
    assert_eq!(files(&world.folder.path().join("data/media")), rows, "a file without a row");
    eprintln!("{} acknowledged, {rows} kept, {KILLS} kills", kept.len());
}

/// Resident bytes of a process, and the most there were since they were forgotten.
pub(crate) fn memory(pid: u32) -> (u64, u64) {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let of = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1_024
    };
    (of("VmRSS:"), of("VmHWM:"))
}

/// Forgets the most there was (proc(5), `clear_refs`).
pub(crate) fn forget_peak(pid: u32) {
    std::fs::write(format!("/proc/{pid}/clear_refs"), "5").unwrap();
}

fn pieces(len: usize) -> Body {
    let piece = bytes::Bytes::from((0..64_u32 << 10).map(|at| (at % 251) as u8).collect::<Vec<_>>());
    let whole = len / piece.len();
    let rest = piece.slice(..len % piece.len());
    let all = std::iter::repeat_n(piece, whole).chain([rest]);
    Body::wrap_stream(futures_util::stream::iter(all.map(Ok::<_, std::io::Error>)))
}

/// Reads an answer to its end without keeping it.
async fn drain(request: RequestBuilder) -> (u16, usize) {
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    let sizes = answer.bytes_stream().map(|piece| piece.unwrap().len());
    (status, sizes.fold(0, |sum, len| async move { sum + len }).await)
}

async fn within<T>(what: &str, pid: u32, work: impl Future<Output = T>) -> T {
    let (before, _) = memory(pid);
    forget_peak(pid);
    let begun = Instant::now();
    let done = work.await;
    let rise = memory(pid).1.saturating_sub(before);
    eprintln!("{what}: {:?}, memory rose by {:.1} MB", begun.elapsed(), rise as f64 / 1e6);
    assert!(rise < RISE, "{what}: memory rose by {rise} bytes");
    done
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_files_take_little_memory() {
    let world = World::without_webhooks().await;
    let mut gateway = Gateway::start(&world);
    gateway.wait_ready(&world).await;
    world.link_all().await;
    let pid = gateway.id();
    let (account, own) = &world.accounts[0];
    // Everything that is only made once is made.
    assert_eq!(ask(&world, Method::POST, "/v1/media").body(pieces(300_000)).send().await.unwrap().status(), 201);
    for megabytes in [16, 100] {
        let len = megabytes * 1_000_000;
        let upload = ask(&world, Method::POST, "/v1/media?kind=document&filename=large.bin").body(pieces(len));
        let made = within(&format!("{megabytes} MB up"), pid, async { upload.send().await.unwrap() }).await;
        let made: Value = made.json().await.unwrap();
        let content = format!("/v1/media/{}/content", made["id"].as_str().unwrap());
        let whole = within(&format!("{megabytes} MB down"), pid, drain(ask(&world, Method::GET, &content))).await;
        assert_eq!(whole, (200, len));
        let range = ask(&world, Method::GET, &content).header("range", format!("bytes={}-", len / 2));
        let half = within(&format!("{megabytes} MB, half of it"), pid, drain(range)).await;
        assert_eq!(half, (206, len - len / 2));
        let friend = &world.strangers[0];
        // To the network, encrypted: the phone opens what came.
        let send = json!({"to": friend.number(), "type": "document", "media": {"id": made["id"]}});
        let path = format!("/v1/accounts/{account}/messages?wait=sent&timeout=60s");
        let sent: Value = within(&format!("{megabytes} MB to the network"), pid, async {
            ask(&world, Method::POST, &path).json(&send).send().await.unwrap().json().await.unwrap()
        })
        .await;
        let provider_id = sent["provider_message_id"].as_str().unwrap_or_else(|| panic!("{sent}"));
        friend.wait_for_message(provider_id, Duration::from_secs(60)).await.unwrap();
        assert_eq!(friend.open_file(provider_id).unwrap().len(), len);
        // From the network.
        let file =
            FileToSend { kind: "document".into(), mimetype: "application/x-large".into(), ..FileToSend::default() };
        let bytes: Vec<u8> = (0..len).map(|at| (at % 249) as u8).collect();
        let id = friend.send_file(own.number(), &file, &bytes).await.unwrap();
        drop(bytes);
        let begun = Instant::now();
        let message = loop {
            let page = get(&world, &format!("/v1/accounts/{account}/messages")).await;
            let found = page["data"].as_array().unwrap().iter().find(|row| row["provider_message_id"] == id.as_str());
            if let Some(found) = found {
                break found["id"].as_str().unwrap().to_owned();
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "nothing was received");
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        let fetch = drain(ask(&world, Method::GET, &format!("/v1/messages/{message}/media")));
        let fetched = within(&format!("{megabytes} MB from the network"), pid, fetch).await;
        assert_eq!(fetched, (200, len));
    }
    assert_eq!(world.network.violations(), []);
}
