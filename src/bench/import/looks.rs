//! Looks at a list: pages from its beginning and from anywhere, by tag, somebody, and the tags.

use std::time::Instant;

use anyhow::{Context as _, ensure};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde::Serialize;
use serde_json::Value;

use super::file::number;
use crate::bench::figures::{Spread, Times};
use crate::bench::options::ImportOptions;
use crate::bench::wire::Callers;

/// How long a kind of look takes.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Look {
    /// At what.
    pub at: &'static str,
    /// Time from the request to the end of the answer.
    pub ms: Spread,
}

async fn ask(callers: &Callers, path: &str, times: &mut Times) -> anyhow::Result<Value> {
    let begun = Instant::now();
    let (status, body) = callers.get(path).await?;
    times.note(begun.elapsed());
    ensure!(status == 200, "the API answers {status}: {}", String::from_utf8_lossy(&body));
    serde_json::from_slice(&body).context("an answer that can't be read")
}

/// Walks through pages, from the beginning again when there are no more.
async fn walk(callers: &Callers, path: &str, looks: u32) -> anyhow::Result<Spread> {
    let (mut times, mut cursor) = (Times::default(), String::new());
    for _ in 0..looks {
        let page = ask(callers, &format!("{path}{cursor}"), &mut times).await?;
        cursor = page["next_cursor"].as_str().map_or_else(String::new, |next| format!("&cursor={next}"));
    }
    Ok(times.spread())
}

pub(super) async fn all(
    callers: &Callers,
    list: &str,
    options: &ImportOptions,
    seed: u64,
) -> anyhow::Result<Vec<Look>> {
    let (mut rng, base) = (StdRng::seed_from_u64(seed), format!("/v1/lists/{list}"));
    let mut looks = Vec::new();
    for (at, path) in [
        ("page of 50", format!("{base}/contacts?limit=50")),
        ("page of 1000", format!("{base}/contacts?limit=1000")),
        ("page of 50 with a tag of a tenth", format!("{base}/contacts?limit=50&tag=group3")),
        ("page of 50 with a rare tag", format!("{base}/contacts?limit=50&tag=rare")),
        ("tags", format!("{base}/tags?limit=50")),
        ("lists", "/v1/lists?limit=50".to_owned()),
    ] {
        looks.push(Look { at, ms: walk(callers, &path, options.looks).await? });
    }
    let mut times = Times::default();
    for _ in 0..options.looks {
        let somebody = number(rng.random_range(0..options.contacts), seed);
        ask(callers, &format!("{base}/contacts/{somebody}"), &mut times).await?;
    }
    looks.push(Look { at: "somebody", ms: times.spread() });
    Ok(looks)
}
