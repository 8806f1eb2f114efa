//! What a run of the demo knows and its log must not: for the test that looks for it there.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use secrecy::ExposeSecret as _;
use serde::Serialize;
use wasup_actors::{Principal, QrListener};

use super::report::Expected;
use super::stage::Stage;
use crate::api::view::whsec;

/// Codes that were shown, each with keys of its account in it.
#[derive(Clone, Default)]
pub(super) struct Codes(Arc<Mutex<Vec<String>>>);

impl Codes {
    /// Notes every code from now on.
    pub(super) fn listener(&self) -> QrListener {
        let codes = self.clone();
        Arc::new(move |_, code| codes.0.lock().unwrap_or_else(PoisonError::into_inner).push(code.0.clone()))
    }

    fn taken(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[derive(Serialize)]
struct Confidential<'a> {
    numbers: Vec<&'a str>,
    lids: Vec<String>,
    texts: Vec<&'a str>,
    api_key: &'a str,
    webhook_secrets: Vec<String>,
    codes: Vec<String>,
}

/// Writes it into a file, as one JSON object.
///
/// # Errors
/// When an account has no webhook, or the file can't be written.
pub(super) async fn write(path: &Path, stage: &Stage, expected: &[Expected]) -> anyhow::Result<()> {
    let mut webhook_secrets = Vec::new();
    for player in &stage.players {
        let (who, id) = (Principal::system("demo"), player.account.parse()?);
        let endpoint = stage.gateway.tree().endpoints.webhook(&who, &id).await?;
        webhook_secrets.extend(endpoint.map(|endpoint| whsec(&endpoint.record.secret)));
    }
    let all = Confidential {
        numbers: stage.players.iter().map(super::cast::Player::number).collect(),
        lids: stage.players.iter().map(|player| player.phone.lid()).collect(),
        texts: expected.iter().map(|message| message.text.as_str()).collect(),
        api_key: stage.gateway.api_key.key.expose_secret(),
        webhook_secrets,
        codes: stage.codes.taken(),
    };
    Ok(std::fs::write(path, serde_json::to_vec(&all)?)?)
}
