//! What a phone has shown, with waiting.

use super::refusal::{Answer, Params, phone};
use crate::{InboxMessage, Network, Phone, PhoneCounts, ReceiptSeen, WaitError};
use axum::extract::{Path, State};
use axum::routing::get;
use axum::{Json, Router};
use std::time::Duration;

/// The longest a request may wait.
const LONGEST_WAIT: u64 = 120_000;

pub(super) fn routes() -> Router<Network> {
    Router::new().route("/v1/phones/{number}/inbox", get(inbox)).route("/v1/phones/{number}/receipts", get(receipts))
}

fn within(wait_ms: Option<u64>) -> Option<Duration> {
    wait_ms.map(|millis| Duration::from_millis(millis.min(LONGEST_WAIT)))
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Search {
    text: Option<String>,
    id: Option<String>,
    wait_ms: Option<u64>,
}

#[derive(serde::Serialize)]
struct Inbox {
    messages: Vec<InboxMessage>,
    counts: PhoneCounts,
}

async fn inbox(
    State(network): State<Network>,
    Path(number): Path<String>,
    Params(search): Params<Search>,
) -> Answer<Inbox> {
    let phone = phone(&network, &number)?;
    if let Some(within) = within(search.wait_ms) {
        wait_for_match(&phone, &search, within).await?;
    }
    let mut messages = phone.inbox();
    messages.retain(|message| {
        let text = search.text.as_deref();
        let id = search.id.as_deref();
        text.is_none_or(|text| message.text.as_deref() == Some(text)) && id.is_none_or(|id| message.id == id)
    });
    let counts = phone.counts();
    Ok(Json(Inbox { messages, counts }))
}

async fn wait_for_match(phone: &Phone, search: &Search, within: Duration) -> Result<(), WaitError> {
    if let Some(id) = &search.id {
        phone.wait_for_message(id, within).await?;
    }
    if let Some(text) = &search.text {
        phone.wait_for_text(text, within).await?;
    }
    Ok(())
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct ReceiptSearch {
    id: Option<String>,
    kind: Option<String>,
    wait_ms: Option<u64>,
}

async fn receipts(
    State(network): State<Network>,
    Path(number): Path<String>,
    Params(search): Params<ReceiptSearch>,
) -> Answer<Vec<ReceiptSeen>> {
    let phone = phone(&network, &number)?;
    let (id, kind) = (search.id.as_deref(), search.kind.as_deref());
    if let (Some(id), Some(within)) = (id, within(search.wait_ms)) {
        phone.wait_for_receipt(id, kind.unwrap_or("delivered"), within).await?;
    }
    let mut receipts = phone.receipts();
    receipts.retain(|receipt| id.is_none_or(|id| receipt.id == id) && kind.is_none_or(|kind| receipt.kind == kind));
    Ok(Json(receipts))
}
