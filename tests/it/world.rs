//! A gateway over a store in a temporary folder, and a client of its API.

use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder, Response};
use secrecy::ExposeSecret as _;
use serde_json::Value;
use tokio::net::TcpListener;
use wasup::config::{Config, Sources};
use wasup::gateway::{Extras, Gateway};

/// Longest wait for anything in these tests.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A running gateway.
pub(crate) struct World {
    pub(crate) gateway: Gateway,
    pub(crate) base: String,
    pub(crate) key: String,
    pub(crate) client: Client,
    pub(crate) folder: tempfile::TempDir,
}

/// A config over a folder.
pub(crate) fn config(folder: &Path, extra: &[(&str, &str)]) -> Config {
    let data = folder.join("data").display().to_string();
    let base = [
        ("WASUP__DATA__DIR", data.as_str()),
        ("WASUP__DATA__CACHE", "8 MiB"),
        ("WASUP__DATA__FREE_SPACE_FLOOR", "0 B"),
        ("WASUP__SERVER__DRAIN_DELAY", "0s"),
    ];
    let env = base.iter().chain(extra).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Config::load(&Sources { file: None, env }).unwrap().config
}

/// A client without proxies. TLS has its provider once it was asked for.
pub(crate) fn client() -> Client {
    // Another test of this process may have been first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().no_proxy().timeout(PATIENCE).build().unwrap()
}

/// A file with a key, which only its owner may read.
pub(crate) fn key_file(folder: &Path, name: &str) -> PathBuf {
    let path = folder.join(name);
    let file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).unwrap();
    let key = format!("{:032x}{:032x}", rand::random::<u128>(), rand::random::<u128>());
    std::io::Write::write_all(&mut &file, key.as_bytes()).unwrap();
    path
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::with(&[]).await
    }

    pub(crate) async fn with(extra: &[(&str, &str)]) -> Self {
        Self::over(tempfile::tempdir().unwrap(), extra).await
    }

    /// A gateway over a folder that may have been used before.
    pub(crate) async fn over(folder: tempfile::TempDir, extra: &[(&str, &str)]) -> Self {
        let client = client();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let gateway = Gateway::start(&config(folder.path(), extra), listener, Extras::default()).await.unwrap();
        let base = format!("http://{}", gateway.address);
        let key = gateway.api_key.key.expose_secret().to_owned();
        Self { gateway, base, key, client, folder }
    }

    /// Stops the gateway and starts another one over the same folder.
    pub(crate) async fn restart(self, extra: &[(&str, &str)]) -> Self {
        let Self { gateway, folder, .. } = self;
        assert_eq!(gateway.stop().await.late, Vec::<String>::new());
        Self::over(folder, extra).await
    }

    /// A request with the key.
    pub(crate) fn ask(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.base)).bearer_auth(&self.key)
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, Value) {
        answer(self.ask(Method::GET, path).send().await.unwrap()).await
    }

    pub(crate) async fn delete(&self, path: &str) -> (u16, Value) {
        answer(self.ask(Method::DELETE, path).send().await.unwrap()).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        answer(self.ask(Method::POST, path).json(body).send().await.unwrap()).await
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> (u16, Value) {
        answer(self.ask(Method::PUT, path).json(body).send().await.unwrap()).await
    }

    pub(crate) async fn patch(&self, path: &str, body: &Value) -> (u16, Value) {
        answer(self.ask(Method::PATCH, path).json(body).send().await.unwrap()).await
    }

    /// Asks until the answer is as wanted.
    pub(crate) async fn until(&self, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let end = tokio::time::Instant::now() + PATIENCE;
        loop {
            let (_, body) = self.get(path).await;
            if wanted(&body) {
                return body;
            }
            assert!(tokio::time::Instant::now() < end, "{path} stayed {body}");
            tokio::task::yield_now().await;
        }
    }

    /// An account that nobody starts.
    pub(crate) async fn account(&self, id: &str) {
        let (status, body) = self.post("/v1/accounts", &serde_json::json!({"id": id, "start": false})).await;
        assert_eq!(status, 201, "{body}");
    }
}

/// Status and JSON of an answer; null where it has no body.
pub(crate) async fn answer(response: Response) -> (u16, Value) {
    let status = response.status().as_u16();
    let bytes = response.bytes().await.unwrap();
    (status, if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).unwrap() })
}
