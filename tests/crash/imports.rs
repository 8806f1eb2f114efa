//! Files of contacts through SIGKILLs: in the end each row came into its list once or is told once as what it is, the counts
//! agree, and no file stays behind.
//!
//! `WASUP_IMPORT_ROWS` (of each file) and `WASUP_IMPORT_ROUNDS` (kills that hit an import) set its size: 4,000 and 4 here.
//! `WASUP_SEED` repeats a run's files and moments.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::StreamExt as _;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use reqwest::{Body, Client, Method};
use serde_json::{Value, json};

use crate::asked::ask;
use crate::contact_files::{ContactFile, Outcome};
use crate::from_env;
use crate::gateway::Gateway;
use crate::rows::verify;
use crate::world::{KEY, World};

/// Longest time for an import to end after the last kill.
const PATIENCE: Duration = Duration::from_secs(600);
/// Kills for one that hits: the others came when the import had ended.
const TRIES: u32 = 6;

/// A file on its way into a list of its own.
struct Import {
    file: ContactFile,
    list: String,
    id: String,
}

impl Import {
    /// Sends a file; its import may run for as long as it likes.
    async fn begin(world: &World, file: ContactFile, body: Bytes) -> Self {
        let list = list(world).await;
        let (status, sent) = upload(world, &list, Body::from(body)).await.unwrap();
        assert_eq!(status, 202, "{sent}");
        Self { file, id: sent["id"].as_str().unwrap().to_owned(), list }
    }

    async fn show(&self, world: &World) -> Value {
        let path = format!("/v1/lists/{}/imports/{}", self.list, self.id);
        let (status, found) = ask(world, Method::GET, &path, None).await.unwrap();
        assert_eq!(status, 200, "{found}\n{}", world.log());
        found
    }

    /// Waits until the import is that far, or has ended.
    async fn until(&self, world: &World, phase: &str) -> Value {
        let begun = Instant::now();
        loop {
            let now = self.show(world).await;
            if now["ended_at"].is_string() || now["phase"] == phase {
                return now;
            }
            assert!(begun.elapsed() < PATIENCE, "{now}\n{}", world.log());
            tokio::time::sleep(Duration::from_millis(3)).await;
        }
    }
}

async fn list(world: &World) -> String {
    let (_, made) = ask(world, Method::POST, "/v1/lists", Some(&json!({"name": "L"}))).await.unwrap();
    made["id"].as_str().unwrap().to_owned()
}

async fn upload(world: &World, list: &str, body: Body) -> Option<(u16, Value)> {
    let client = Client::builder().no_proxy().build().unwrap();
    let to = format!("http://{}/v1/lists/{list}/import?wait=0s", world.address);
    let answer = client.post(to).bearer_auth(KEY).body(body).send().await.ok()?;
    Some((answer.status().as_u16(), answer.json().await.ok()?))
}

/// A file whose second half never comes.
fn halted(file: &Bytes) -> Body {
    let half = futures_util::stream::iter([Ok::<_, std::io::Error>(file.slice(..file.len() / 2))]);
    Body::wrap_stream(half.chain(futures_util::stream::pending()))
}

/// Everything of a list behind a path, page by page.
async fn all(world: &World, path: &str) -> Vec<Value> {
    let (mut found, mut from) = (Vec::new(), String::new());
    loop {
        let (status, page) = ask(world, Method::GET, &format!("{path}?limit=1000{from}"), None).await.unwrap();
        assert_eq!(status, 200, "{page}");
        found.extend(page["data"].as_array().unwrap().iter().cloned());
        let Some(next) = page["next_cursor"].as_str() else { return found };
        from = format!("&cursor={next}");
    }
}

/// Names of files that wait to be imported, or still come.
fn files(world: &World) -> Vec<String> {
    let folder = std::fs::read_dir(world.folder.path().join("data/imports")).unwrap();
    folder.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value}")).to_owned()
}

/// What became of a file, as the API tells it.
async fn outcome(world: &World, import: &Import, done: &Value) -> Outcome {
    let path = format!("/v1/lists/{}", import.list);
    let counts = done["rows"].as_object().unwrap().iter().map(|(word, n)| (word.clone(), n.as_u64().unwrap()));
    let mut told = Outcome { counts: counts.filter(|(_, n)| *n > 0).collect(), ..Outcome::default() };
    for one in all(world, &format!("{path}/imports/{}/problems", import.id)).await {
        let before = told.problems.insert(one["line"].as_u64().unwrap(), text(&one["problem"]));
        assert_eq!(before, None, "told twice: {one}");
    }
    for one in all(world, &format!("{path}/contacts")).await {
        let what = json!({"name": one["name"], "tags": one["tags"], "fields": one["fields"]});
        assert_eq!(told.people.insert(text(&one["phone"]), what), None, "twice in the list: {one}");
    }
    for one in all(world, &format!("{path}/tags")).await {
        told.tags.insert(text(&one["tag"]), one["contacts"].as_u64().unwrap());
    }
    told
}

/// Compares two maps without showing all that is equal.
fn same<K: Ord + std::fmt::Debug, V: PartialEq + std::fmt::Debug>(
    what: &str,
    told: &BTreeMap<K, V>,
    expected: &BTreeMap<K, V>,
) {
    let missing: Vec<_> = expected.iter().filter(|(key, value)| told.get(key) != Some(value)).take(5).collect();
    let beyond: Vec<_> = told.iter().filter(|(key, _)| !expected.contains_key(key)).take(5).collect();
    assert!(missing.is_empty() && beyond.is_empty(), "{what}: missing or others {missing:?}, beyond {beyond:?}");
}

async fn judge(world: &World, import: &Import) {
    let done = import.until(world, "ended").await;
    assert_eq!(done["state"], "completed", "{done}\n{}", world.log());
    let (told, expected) = (outcome(world, import, &done).await, import.file.outcome());
    same("rows", &told.counts, &expected.counts);
    same("problems", &told.problems, &expected.problems);
    same("contacts", &told.people, &expected.people);
    same("tags", &told.tags, &expected.tags);
    assert_eq!(done["problems"], expected.problems.len());
    let (_, list) = ask(world, Method::GET, &format!("/v1/lists/{}", import.list), None).await.unwrap();
    assert_eq!(list["contacts"], expected.people.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_row_of_a_file_comes_into_its_list_once_through_kills() {
    let (rows, rounds): (u64, u32) = (from_env("WASUP_IMPORT_ROWS", 4_000), from_env("WASUP_IMPORT_ROUNDS", 4));
    let seed: u64 = from_env("WASUP_SEED", rand::random());
    eprintln!("WASUP_SEED={seed} WASUP_IMPORT_ROWS={rows} WASUP_IMPORT_ROUNDS={rounds}");
    let (mut rng, world) = (StdRng::seed_from_u64(seed), World::without_webhooks().await);
    let (csv, xlsx) = (ContactFile { rows, seed }, ContactFile { rows, seed: seed ^ 0x5eed });
    let bodies = [(csv, Bytes::from(csv.csv())), (xlsx, Bytes::from(xlsx.xlsx()))];
    let mut gateway = Gateway::start(&world);
    gateway.wait_ready(&world).await;
    let (mut imports, mut hits, mut kills) = (Vec::new(), 0, 0);
    while hits < rounds {
        assert!(kills < rounds * TRIES, "no kill hits an import");
        if files(&world).is_empty() {
            for (file, body) in &bodies {
                imports.push(Import::begin(&world, *file, body.clone()).await);
            }
        }
        // Of both phases some kills hit each, at its beginning or later.
        let phase = if kills % 2 == 0 { "reading" } else { "listing" };
        imports[imports.len() - 1 - kills as usize / 2 % 2].until(&world, phase).await;
        let doomed = list(&world).await;
        let half_sent = upload(&world, &doomed, halted(&bodies[0].1));
        let pause = Duration::from_millis(rng.random_range(0..rows / 40));
        assert!(tokio::time::timeout(pause, half_sent).await.is_err(), "half a file is taken");
        gateway.kill();
        kills += 1;
        hits += u32::from(files(&world).iter().any(|name| name.starts_with("lst_")));
        verify(&world);
        gateway = Gateway::start(&world);
        gateway.wait_ready(&world).await;
        assert!(!files(&world).iter().any(|name| name.starts_with("coming")), "{:?}", files(&world));
        assert_eq!(all(&world, &format!("/v1/lists/{doomed}/imports")).await, Vec::<Value>::new());
    }
    eprintln!("{hits} of {kills} kills hit one of {} imports", imports.len());
    for import in &imports {
        judge(&world, import).await;
    }
    assert_eq!(files(&world), Vec::<String>::new());
    gateway.kill();
    verify(&world);
}
