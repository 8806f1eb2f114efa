//! The HTTP API as its users call it: what the demo and the crash test drive the server with.

use std::time::Duration;

use anyhow::{Context as _, bail};
use reqwest::{Method, RequestBuilder, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};

/// Longest time for one request; long polls ask for less.
const TIMEOUT: Duration = Duration::from_secs(45);

/// A message as the API answers it, as far as it matters here.
#[derive(Debug, Clone, Deserialize)]
pub struct Message {
    /// Our id.
    pub id: String,
    /// `inbound` or `outbound`.
    pub direction: String,
    /// Where it stands.
    pub state: String,
    /// What it says.
    pub text: Option<String>,
    /// The network's id.
    pub provider_message_id: String,
    /// How often it was put on the wire.
    pub tries: u32,
    /// Why it ended badly, where it did.
    pub reason: Option<Value>,
}

impl Message {
    /// Whether the ledger has decided: acknowledged by the network, or never going to be.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        !matches!(self.state.as_str(), "queued" | "sending" | "held")
    }
}

#[derive(Deserialize)]
struct Page {
    data: Vec<Message>,
    next_cursor: Option<String>,
}

#[derive(Deserialize)]
struct Events {
    data: Vec<Value>,
    next_cursor: String,
    more: bool,
}

/// A caller with the key.
#[derive(Clone)]
pub struct ApiClient {
    http: reqwest::Client,
    base: String,
    key: SecretString,
}

impl ApiClient {
    /// A caller of the server at `base` (`http://host:port`).
    ///
    /// # Errors
    /// When no HTTP client can be built.
    pub fn new(base: String, key: SecretString) -> anyhow::Result<Self> {
        let tls = rustls::ClientConfig::builder().with_root_certificates(rustls::RootCertStore::empty());
        let http = reqwest::Client::builder()
            .no_proxy()
            .timeout(TIMEOUT)
            .tls_backend_preconfigured(tls.with_no_client_auth())
            .build()
            .context("no HTTP client")?;
        Ok(Self { http, base, key })
    }

    /// Where the server is.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base)).bearer_auth(self.key.expose_secret())
    }

    /// Whether the server says that it is ready.
    pub async fn is_ready(&self) -> bool {
        let answer = self.http.get(format!("{}/readyz", self.base)).send().await;
        answer.is_ok_and(|answer| answer.status() == StatusCode::OK)
    }

    /// Makes an account and starts it.
    ///
    /// # Errors
    /// When the server can't be reached or refuses.
    pub async fn create_account(&self, account: &str) -> anyhow::Result<()> {
        let _: Value =
            checked(self.request(Method::POST, "/v1/accounts").json(&json!({"id": account})).send().await?).await?;
        Ok(())
    }

    /// Breaks the actor of an account.
    ///
    /// # Errors
    /// When the server can't be reached or refuses: there is none at this moment.
    pub async fn crash(&self, account: &str) -> anyhow::Result<()> {
        let answer = self.request(Method::POST, "/v1/sandbox/crash").json(&json!({"account": account})).send().await?;
        match answer.status() {
            StatusCode::ACCEPTED => Ok(()),
            status => bail!("the server answered {status}"),
        }
    }

    /// The sum of a metric's series whose labels hold a text.
    ///
    /// # Errors
    /// When the server can't be reached or refuses.
    pub async fn metric(&self, name: &str, label: &str) -> anyhow::Result<f64> {
        let text = self.request(Method::GET, "/metrics").send().await?.error_for_status()?.text().await?;
        let series = text.lines().filter_map(|line| line.strip_prefix(name));
        let mut sum = 0.0;
        for series in series.filter(|rest| rest.starts_with(['{', ' ']) && rest.contains(label)) {
            sum += series.rsplit(' ').next().unwrap_or_default().parse::<f64>().context("a metric is no number")?;
        }
        Ok(sum)
    }

    /// The code of an account that waits for its phone, within the time; `None` where none is needed or none came.
    ///
    /// # Errors
    /// When the server can't be reached or refuses.
    pub async fn qr(&self, account: &str, wait: Duration) -> anyhow::Result<Option<String>> {
        let path = format!("/v1/accounts/{account}/qr?format=json&wait={}s", wait.as_secs());
        let answer = self.request(Method::GET, &path).send().await?;
        if answer.status() == StatusCode::CONFLICT {
            return Ok(None);
        }
        let body: Value = checked(answer).await?;
        Ok(body["code"].as_str().map(str::to_owned))
    }

    /// The account's phase.
    ///
    /// # Errors
    /// When the server can't be reached or refuses.
    pub async fn phase(&self, account: &str) -> anyhow::Result<String> {
        let body: Value = checked(self.request(Method::GET, &format!("/v1/accounts/{account}")).send().await?).await?;
        Ok(body["state"]["phase"].as_str().unwrap_or_default().to_owned())
    }

    /// How many accounts the server calls connected.
    ///
    /// # Errors
    /// When the server can't be reached or refuses.
    pub async fn connected(&self) -> anyhow::Result<u64> {
        let body: Value = checked(self.request(Method::GET, "/health").send().await?).await?;
        Ok(body["accounts"]["connected"].as_u64().unwrap_or(0))
    }

    /// Sends a text; the key makes a repeat harmless.
    ///
    /// # Errors
    /// When no 202 came: whether it was accepted is then not known, and the same key must be used again.
    pub async fn send(&self, account: &str, to: &str, text: &str, key: &str) -> anyhow::Result<Message> {
        let request = self.request(Method::POST, &format!("/v1/accounts/{account}/messages"));
        let body = json!({"to": to, "type": "text", "text": text});
        let answer = request.header("Idempotency-Key", key).json(&body).send().await?;
        checked(answer).await
    }

    /// Makes a webhook endpoint; answers it as the server shows it, with its secret.
    ///
    /// # Errors
    /// When the server can't be reached or refuses.
    pub async fn create_endpoint(&self, endpoint: &Value) -> anyhow::Result<Value> {
        checked(self.request(Method::POST, "/v1/endpoints").json(endpoint).send().await?).await
    }

    /// The events after a place of the log (without one from the oldest, `latest` for none) to its end, and the place
    /// after them.
    ///
    /// # Errors
    /// When the server can't be reached or refuses.
    pub async fn events(&self, after: Option<&str>, types: &[&str]) -> anyhow::Result<(Vec<Value>, String)> {
        let (mut all, mut after) = (Vec::new(), after.unwrap_or("oldest").to_owned());
        loop {
            let path = format!("/v1/events?limit=1000&types={}&after={after}", types.join(","));
            let page: Events = checked(self.request(Method::GET, &path).send().await?).await?;
            all.extend(page.data);
            after = page.next_cursor;
            if !page.more {
                return Ok((all, after));
            }
        }
    }

    /// Every message of an account.
    ///
    /// # Errors
    /// When the server can't be reached or refuses.
    pub async fn messages(&self, account: &str) -> anyhow::Result<Vec<Message>> {
        let mut all = Vec::new();
        let mut cursor = String::new();
        loop {
            let path = format!("/v1/accounts/{account}/messages?limit=1000{cursor}");
            let page: Page = checked(self.request(Method::GET, &path).send().await?).await?;
            all.extend(page.data);
            match page.next_cursor {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return Ok(all),
            }
        }
    }
}

async fn checked<T: serde::de::DeserializeOwned>(answer: reqwest::Response) -> anyhow::Result<T> {
    let status = answer.status();
    if !status.is_success() {
        let problem: Value = answer.json().await.unwrap_or_default();
        let text = |name: &str| problem[name].as_str().unwrap_or_default().to_owned();
        bail!("the server answered {status} ({}): {} {}", text("code"), text("detail"), problem["errors"]);
    }
    answer.json().await.context("the answer is not what was expected")
}
