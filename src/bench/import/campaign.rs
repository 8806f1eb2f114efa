//! Campaigns to a long list: how soon a start answers, and what it takes to write everybody down.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde::Serialize;
use serde_json::{Value, json};
use wasup_store::jid::Jid;
use wasup_store::records::Identity;
use wasup_store::repo::account;
use wasup_store::{Durability, StoreError, WriteTx};

use super::{Caller, PATIENCE, Peak, SAMPLE};
use crate::bench::effort::Resident;
use crate::bench::figures::{Spread, Times, each, rounded};
use crate::bench::house::House;

/// Campaigns that are started and stopped again.
const STARTS: usize = 20;

/// A campaign to everybody of the list.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Gathered {
    /// Time from a request to start to its answer.
    pub start_ms: Spread,
    /// Time from the start until everybody is written down.
    pub seconds: f64,
    pub recipients_per_s: f64,
    pub recipients: u64,
    /// The most memory meanwhile, above what was taken before.
    pub peak_above_before_bytes: u64,
    /// Pages of recipients meanwhile and afterwards, their last ones among them.
    pub page_ms: Spread,
}

/// An account that is linked, as far as a campaign can tell, and never connected: nothing is sent.
async fn linked(house: &House, caller: &Caller) -> anyhow::Result<()> {
    caller.post("/v1/accounts", &json!({"id": "bench", "start": false})).await?;
    let id = "bench".parse().context("an id")?;
    let store = house.gateway.store();
    let record = store.read(|tx| account::get(tx, &id)).await?.context("the account is not there")?;
    let identity = Identity { jid: Jid::phone("6281100000000"), lid: None, push_name: None };
    let (no, epoch, now_ms) = (record.no, record.epoch, store.now_ms());
    let link = move |tx: &mut WriteTx<'_>| account::set_identity(tx, no, epoch, &identity, now_ms);
    store.write::<_, StoreError, _>(Durability::Durable, link).await?;
    Ok(())
}

pub(super) async fn gather(house: &House, caller: &Caller, list: &str, contacts: u64) -> anyhow::Result<Gathered> {
    linked(house, caller).await?;
    let draft = json!({"name": "bench", "senders": ["bench"], "lists": [list], "message": {"type": "text", "text": "{{ name }}"}});
    let (mut starts, mut pages) = (Times::default(), Times::default());
    for _ in 0..STARTS {
        let path = caller.campaign(&draft).await?;
        let begun = Instant::now();
        caller.post(&format!("{path}/start"), &json!({})).await?;
        starts.note(begun.elapsed());
        caller.post(&format!("{path}/stop"), &Value::Null).await?;
    }
    let path = caller.campaign(&draft).await?;
    // What the stopped ones have begun is over.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let before = Resident::of(std::process::id()).rss_bytes;
    let (peak, begun) = (Peak::watch(), Instant::now());
    caller.post(&format!("{path}/start"), &json!({})).await?;
    let done = loop {
        let seen = caller.get(&path).await?;
        if seen["gathered"] == true {
            break seen;
        }
        ensure!(begun.elapsed() < PATIENCE, "the campaign does not gather: {seen}");
        let at = Instant::now();
        caller.get(&format!("{path}/recipients?limit=50&state=pending")).await?;
        pages.note(at.elapsed());
        tokio::time::sleep(SAMPLE).await;
    };
    let seconds = begun.elapsed().as_secs_f64();
    let peak = peak.end();
    let recipients = done["progress"]["total"].as_u64().unwrap_or_default();
    ensure!(recipients == contacts, "{recipients} of {contacts} are written down");
    caller.post(&format!("{path}/stop"), &Value::Null).await?;
    Ok(Gathered {
        start_ms: starts.spread(),
        seconds: rounded(seconds),
        recipients_per_s: each(recipients as f64, seconds),
        recipients,
        peak_above_before_bytes: peak.saturating_sub(before),
        page_ms: pages.spread(),
    })
}

impl Caller {
    async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let sent = self.client.post(format!("{}{path}", self.base)).bearer_auth(&self.key).json(body).send().await?;
        let (status, answer) = (sent.status(), sent.text().await?);
        ensure!(status.is_success(), "{path}: {status} {answer}");
        Ok(serde_json::from_str(&answer).unwrap_or_default())
    }

    async fn get(&self, path: &str) -> anyhow::Result<Value> {
        let sent = self.client.get(format!("{}{path}", self.base)).bearer_auth(&self.key).send().await?;
        Ok(sent.error_for_status()?.json().await?)
    }

    /// The path of a new draft.
    async fn campaign(&self, draft: &Value) -> anyhow::Result<String> {
        let made = self.post("/v1/campaigns", draft).await?;
        Ok(format!("/v1/campaigns/{}", made["id"].as_str().context("a campaign without an id")?))
    }
}
