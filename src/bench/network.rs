//! The sandbox in a process of its own, driven over its control API: what the network costs is not the gateway's.

use std::time::Duration;

use anyhow::{Context as _, bail};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::child::Process;

/// Longest time for one request; those that wait for something ask for less.
const TIMEOUT: Duration = Duration::from_secs(130);

/// Longest wait that the control API takes.
const LONGEST_WAIT: Duration = Duration::from_secs(120);

/// The network.
pub(super) struct SandboxProcess {
    process: Process,
    url: String,
    control: Control,
}

/// Its control API. Clones are the same.
#[derive(Clone)]
pub(super) struct Control {
    http: reqwest::Client,
    base: String,
}

/// Devices that are connected, and connections that are being made.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(super) struct Live {
    /// Devices that are connected and have what waited for them.
    pub devices: usize,
    /// Most connections that were being made at once.
    pub connecting_peak: u64,
}

/// A device that has logged in since the mark.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Logins {
    /// The account's number.
    pub number: String,
    /// How often.
    pub since_mark: u64,
}

/// What a phone has shown of a run.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct PhoneTally {
    /// Its number.
    pub number: String,
    /// Messages.
    pub shown: u64,
    /// Different ones.
    pub distinct: u64,
}

impl SandboxProcess {
    /// Starts one on free ports.
    ///
    /// # Errors
    /// When it does not start.
    pub(super) async fn start() -> anyhow::Result<Self> {
        let free = "127.0.0.1:0";
        let mut process = Process::start(&["sandbox", "--listen", free, "--control", free])?;
        let url = process.line("network ").await.context("the sandbox does not start")?;
        let base = process.line("control ").await.context("the sandbox does not start")?;
        let tls = rustls::ClientConfig::builder().with_root_certificates(rustls::RootCertStore::empty());
        let http = reqwest::Client::builder().no_proxy().timeout(TIMEOUT);
        let http = http.tls_backend_preconfigured(tls.with_no_client_auth()).build()?;
        Ok(Self { process, url, control: Control { http, base } })
    }

    /// Where accounts connect.
    #[must_use]
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// The control API.
    #[must_use]
    pub(super) const fn control(&self) -> &Control {
        &self.control
    }

    /// Ends it.
    ///
    /// # Errors
    /// When it does not end well.
    pub(super) async fn end(self) -> anyhow::Result<()> {
        self.process.end().await
    }
}

impl Control {
    async fn asked(&self, request: reqwest::RequestBuilder) -> anyhow::Result<String> {
        let answer = request.send().await.context("the sandbox does not answer")?;
        let (status, body) = (answer.status(), answer.text().await?);
        if !status.is_success() {
            bail!("the sandbox answers {status}: {body}");
        }
        Ok(body)
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<T> {
        let body = self.asked(self.http.get(format!("{}{path}", self.base))).await?;
        Ok(serde_json::from_str(&body)?)
    }

    async fn post(&self, path: &str, body: &Value) -> anyhow::Result<()> {
        self.asked(self.http.post(format!("{}{path}", self.base)).json(body)).await.map(|_| ())
    }

    /// Makes a phone.
    ///
    /// # Errors
    /// When the sandbox refuses or is gone.
    pub(super) async fn make_phone(&self, number: &str) -> anyhow::Result<()> {
        self.post("/v1/phones", &json!({"number": number})).await
    }

    /// Lets a phone scan a code.
    ///
    /// # Errors
    /// When the pairing does not come about.
    pub(super) async fn scan(&self, number: &str, qr: &str) -> anyhow::Result<()> {
        self.post(&format!("/v1/phones/{number}/scan"), &json!({"qr": qr})).await
    }

    /// Waits until exactly so many devices are live.
    ///
    /// # Errors
    /// When they are not in time.
    pub(super) async fn wait_live(&self, devices: usize, within: Duration) -> anyhow::Result<Live> {
        let wait = within.min(LONGEST_WAIT).as_millis();
        self.get(&format!("/v1/live?devices={devices}&wait_ms={wait}")).await
    }

    /// What is live now.
    ///
    /// # Errors
    /// When the sandbox is gone.
    pub(super) async fn live(&self) -> anyhow::Result<Live> {
        self.get("/v1/live").await
    }

    /// Starts the peak of connections in the making anew.
    ///
    /// # Errors
    /// When the sandbox is gone.
    pub(super) async fn forget_peak(&self) -> anyhow::Result<()> {
        self.asked(self.http.delete(format!("{}/v1/live/peak", self.base))).await.map(|_| ())
    }

    /// From now on [`Self::logins`] counts anew.
    ///
    /// # Errors
    /// When the sandbox is gone.
    pub(super) async fn mark_logins(&self) -> anyhow::Result<()> {
        self.asked(self.http.post(format!("{}/v1/logins/mark", self.base))).await.map(|_| ())
    }

    /// Devices that have logged in since the mark, as the network counted.
    ///
    /// # Errors
    /// When the sandbox is gone.
    pub(super) async fn logins(&self) -> anyhow::Result<Vec<Logins>> {
        self.get("/v1/logins").await
    }

    /// What every phone has shown of the texts that begin so.
    ///
    /// # Errors
    /// When the sandbox is gone.
    pub(super) async fn tally(&self, prefix: &str) -> anyhow::Result<Vec<PhoneTally>> {
        self.get(&format!("/v1/tally?prefix={prefix}")).await
    }

    /// Lets a phone type one text.
    ///
    /// # Errors
    /// When the sandbox refuses or is gone.
    pub(super) async fn write(&self, number: &str, to: &str, text: &str) -> anyhow::Result<()> {
        self.post(&format!("/v1/phones/{number}/messages"), &json!({"to": to, "text": text})).await
    }

    /// Lets a phone type many texts.
    ///
    /// # Errors
    /// When the sandbox refuses or is gone.
    pub(super) async fn burst(&self, number: &str, to: &str, prefix: &str, count: u32) -> anyhow::Result<()> {
        self.post(&format!("/v1/phones/{number}/burst"), &json!({"to": to, "prefix": prefix, "count": count})).await
    }

    /// From now on no message is acknowledged or delivered.
    ///
    /// # Errors
    /// When the sandbox is gone.
    pub(super) async fn swallow_everything(&self) -> anyhow::Result<()> {
        let fault = json!({"kind": "swallow_acks", "count": u32::MAX, "deliver": false});
        self.post("/v1/faults", &json!({"scope": {}, "fault": fault})).await
    }
}
