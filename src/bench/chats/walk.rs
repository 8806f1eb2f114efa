//! Reads everything page by page, and notes how long each page took and how deep it is.

use std::time::Instant;

use anyhow::{Context as _, ensure};
use rand::RngExt as _;
use rand::rngs::StdRng;
use serde::{Deserialize, Serialize};

use super::fill::{NUMBER, provider_id};
use crate::bench::figures::{Spread, Times};
use crate::bench::wire::Callers;

/// Depths that are told apart.
pub(super) const TENTHS: usize = 10;

/// Items of a page that a jump asks for.
const JUMP: u16 = 50;

/// Pages of a tenth of everything.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Depth {
    /// `desc` begins at the newest, `asc` at the oldest.
    pub order: &'static str,
    /// Items of a page.
    pub page: u16,
    /// Which tenth, from 1; the walk begins with the first.
    pub tenth: usize,
    /// Time from the request to the end of the answer.
    pub ms: Spread,
}

/// Pages that begin at a message.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Jump {
    /// `id` or `provider_id`.
    pub by: &'static str,
    /// Time from the request to the end of the answer.
    pub ms: Spread,
}

/// A walk through everything.
pub(super) struct Walk<'a> {
    /// Who asks.
    pub callers: &'a Callers,
    /// Items of a page.
    pub page: u16,
    /// Which way.
    pub oldest_first: bool,
}

#[derive(Deserialize)]
struct Page<T> {
    data: Vec<T>,
    next_cursor: Option<String>,
}

#[derive(Deserialize)]
struct Message {
    id: String,
    text: String,
}

impl Message {
    fn number(&self) -> Option<u64> {
        self.text.split(' ').next()?.parse().ok()
    }
}

#[derive(Deserialize)]
struct Chat {
    id: String,
}

async fn page<T: serde::de::DeserializeOwned>(
    callers: &Callers,
    path: &str,
    times: &mut Times,
) -> anyhow::Result<Page<T>> {
    let begun = Instant::now();
    let (status, body) = callers.get(path).await?;
    times.note(begun.elapsed());
    ensure!(status == 200, "the API answers {status}: {}", String::from_utf8_lossy(&body));
    serde_json::from_slice(&body).context("a page that can't be read")
}

impl Walk<'_> {
    const fn order(&self) -> &'static str {
        if self.oldest_first { "asc" } else { "desc" }
    }

    /// Reads a chat whole. How many of its messages are missing or not where they must be is the second part.
    pub(super) async fn messages(&self, account: &str, total: u64) -> anyhow::Result<(Vec<Depth>, u64)> {
        let path = format!(
            "/v1/accounts/{account}/chats/{NUMBER}/messages?source=store&order={}&limit={}",
            self.order(),
            self.page
        );
        let (mut next, mut right) = (0, 0);
        let depths = self.all::<Message>(&path, total, |message| {
            let expected = if self.oldest_first { next } else { total - 1 - next.min(total - 1) };
            next += 1;
            right += u64::from(message.number() == Some(expected));
        });
        Ok((depths.await?, total - right))
    }

    /// Reads the list of chats whole.
    pub(super) async fn chats(&self, account: &str, total: u64) -> anyhow::Result<(Vec<Depth>, u64)> {
        let path = format!("/v1/accounts/{account}/chats?limit={}", self.page);
        let mut seen = std::collections::HashSet::new();
        let depths = self.all::<Chat>(&path, total, |chat| seen.extend([chat.id])).await?;
        Ok((depths, total.abs_diff(seen.len() as u64)))
    }

    async fn all<T: serde::de::DeserializeOwned>(
        &self,
        path: &str,
        total: u64,
        mut see: impl FnMut(T),
    ) -> anyhow::Result<Vec<Depth>> {
        let mut tenths = vec![Times::default(); TENTHS];
        let (mut passed, mut cursor) = (0_u64, String::new());
        loop {
            let tenth = usize::try_from(passed * TENTHS as u64 / total)?.min(TENTHS - 1);
            let found: Page<T> = page(self.callers, &format!("{path}{cursor}"), &mut tenths[tenth]).await?;
            passed += found.data.len() as u64;
            found.data.into_iter().for_each(&mut see);
            match found.next_cursor {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        let (order, page) = (self.order(), self.page);
        Ok((1..).zip(&tenths).map(|(tenth, times)| Depth { order, page, tenth, ms: times.spread() }).collect())
    }
}

/// Pages that begin behind messages at random.
pub(super) async fn jumps(
    callers: &Callers,
    account: &str,
    (total, jumps): (u64, u32),
    rng: &mut StdRng,
) -> anyhow::Result<Vec<Jump>> {
    let path = format!("/v1/accounts/{account}/chats/{NUMBER}/messages?source=store&limit={JUMP}&before=");
    let (mut by_theirs, mut by_ours) = (Times::default(), Times::default());
    for _ in 0..jumps {
        let n = rng.random_range(1..total);
        let found: Page<Message> = page(callers, &format!("{path}{}", provider_id(n)), &mut by_theirs).await?;
        let first = found.data.first().context("nothing is before a message in the middle")?;
        ensure!(first.number() == Some(n - 1), "the page before message {n} begins elsewhere");
        let again: Page<Message> = page(callers, &format!("{path}{}", first.id), &mut by_ours).await?;
        let second = again.data.first().and_then(Message::number);
        ensure!(second == n.checked_sub(2), "the page before message {} begins elsewhere", n - 1);
    }
    Ok(vec![Jump { by: "provider_id", ms: by_theirs.spread() }, Jump { by: "id", ms: by_ours.spread() }])
}
