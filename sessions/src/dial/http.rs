//! HTTP of the link: media and the version page. One pool of connections for all accounts that go the same way.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::CONTENT_LENGTH;
use reqwest::{Body, Client, Method, RequestBuilder, Url, redirect};
use tokio::runtime::Handle;
use tokio_util::io::ReaderStream;
use wacore::net::{HttpClient, HttpRequest, HttpResponse, StreamingHttpResponse, UploadBody};

use super::body::{Incoming, spool};
use super::budget::Budget;
use super::proxy::Proxy;
use super::reach::{Reach, ReachError, literal};
use super::version_page::{self, VersionPage};
use crate::media::transfer_limit;
use crate::ports::LinkError;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);
const REDIRECTS: usize = 3;
/// Largest body that is answered whole.
const WHOLE_BODY_MAX: usize = 16 * 1024 * 1024;

/// What all clients of a process have in common.
pub(crate) struct Shared {
    tls: rustls::ClientConfig,
    reach: Reach,
    budget: Budget,
    spool: PathBuf,
}

impl Shared {
    /// Under the rule of where clients may connect to. Uploads are kept in `spool` while they go out.
    pub(crate) fn new(reach: Reach, spool: PathBuf, budget: Budget) -> Result<Self, LinkError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = super::trust::client(provider).map_err(|error| broken(&error))?;
        Ok(Self { tls, reach, budget, spool })
    }

    pub(crate) fn reach(&self) -> Reach {
        self.reach
    }
}

fn broken(error: &dyn std::fmt::Display) -> LinkError {
    LinkError::Protocol(format!("no HTTP client: {error}"))
}

/// Connections that links share which go the same way.
pub(crate) struct HttpPool {
    client: Client,
    /// Without a limit for the answer: it begins to wait with the first byte of the request.
    uploads: Client,
    proxied: bool,
    reach: Reach,
    budget: Budget,
    version: VersionPage,
    spool: PathBuf,
}

impl HttpPool {
    /// A pool of connections, through a proxy if there is one.
    pub(crate) fn new(shared: &Shared, proxy: Option<&Proxy>) -> Result<Self, LinkError> {
        let reach = shared.reach;
        let client = Self::client(shared, proxy, Some(REQUEST_TIMEOUT))?;
        let uploads = Self::client(shared, proxy, None)?;
        let (budget, spool) = (shared.budget.clone(), shared.spool.clone());
        let version = VersionPage::default();
        Ok(Self { client, uploads, proxied: proxy.is_some(), reach, budget, version, spool })
    }

    fn client(shared: &Shared, proxy: Option<&Proxy>, patience: Option<Duration>) -> Result<Client, LinkError> {
        let reach = shared.reach;
        let client = Client::builder()
            .tls_backend_preconfigured(shared.tls.clone())
            // A proxy of the environment would be a way around the rule, and around the account's own.
            .no_proxy()
            .dns_resolver(Arc::new(Checked(reach)))
            .redirect(redirects(reach, proxy.is_some()))
            .connect_timeout(CONNECT_TIMEOUT)
            .tcp_nodelay(true)
            .pool_max_idle_per_host(4);
        let client = match proxy {
            Some(proxy) => client.proxy(proxy.for_http().map_err(|error| broken(&error.without_url()))?),
            None => client,
        };
        let client = match patience {
            Some(patience) => client.read_timeout(patience),
            None => client,
        };
        client.build().map_err(|error| broken(&error.without_url()))
    }

    async fn request(&self, request: &HttpRequest) -> anyhow::Result<RequestBuilder> {
        self.request_by(&self.client, request).await
    }

    async fn request_by(&self, client: &Client, request: &HttpRequest) -> anyhow::Result<RequestBuilder> {
        let url = Url::parse(&request.url)?;
        // A name is judged where it is resolved, which may be at the proxy; an address never gets there.
        if let Some(ip) = literal(&url) {
            self.reach.check(ip)?;
        } else if self.proxied && self.reach == Reach::LoopbackOnly {
            self.reach.resolve(&url).await?;
        }
        let method = Method::from_bytes(request.method.as_bytes())?;
        let builder = client.request(method, url);
        Ok(request.headers.iter().fold(builder, |builder, (name, value)| builder.header(name, value)))
    }

    /// Asks for a file, and answers when its head is there.
    pub(super) async fn open(&self, url: &str) -> anyhow::Result<reqwest::Response> {
        let builder = self.request(&HttpRequest::get(url)).await?;
        Ok(tokio::time::timeout(REQUEST_TIMEOUT, builder.send()).await??)
    }

    async fn fetch(&self, request: HttpRequest) -> anyhow::Result<HttpResponse> {
        let mut builder = self.request(&request).await?.timeout(REQUEST_TIMEOUT);
        if let Some(body) = request.body {
            builder = builder.body(body);
        }
        whole(builder.send().await?).await
    }
}

async fn whole(mut response: reqwest::Response) -> anyhow::Result<HttpResponse> {
    let status_code = response.status().as_u16();
    let mut body = Vec::new();
    while let Some(piece) = response.chunk().await? {
        anyhow::ensure!(body.len() + piece.len() <= WHOLE_BODY_MAX, "an answer of more than {WHOLE_BODY_MAX} bytes");
        body.extend_from_slice(&piece);
    }
    Ok(HttpResponse { status_code, body })
}

fn redirects(reach: Reach, proxied: bool) -> redirect::Policy {
    redirect::Policy::custom(move |attempt| {
        if attempt.previous().len() > REDIRECTS {
            return attempt.stop();
        }
        match literal(attempt.url()).map(|ip| reach.check(ip)) {
            Some(Err(error)) => attempt.error(error),
            // Nobody here would see where a proxy finds the name.
            None if proxied && reach == Reach::LoopbackOnly => attempt.error(ReachError::NotLoopback),
            _ => attempt.follow(),
        }
    })
}

/// Resolves names under the rule.
struct Checked(Reach);

impl Resolve for Checked {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = self.0;
        Box::pin(async move {
            let found = reach.lookup(name.as_str(), 0).await?;
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// The library's HTTP client over the pool.
pub(crate) struct LinkHttp {
    pool: Arc<HttpPool>,
    failed: Box<dyn Fn() + Send + Sync>,
}

impl LinkHttp {
    /// `failed` hears when the version page can't be had, without which no connect goes on.
    pub(crate) fn new(pool: Arc<HttpPool>, failed: Box<dyn Fn() + Send + Sync>) -> Self {
        Self { pool, failed }
    }
}

#[async_trait]
impl HttpClient for LinkHttp {
    async fn execute(&self, request: HttpRequest) -> anyhow::Result<HttpResponse> {
        if version_page::is_asked_for(&request.method, &request.url) {
            let page = self.pool.version.get(|| self.pool.fetch(request)).await;
            if page.is_err() {
                (self.failed)();
            }
            return page;
        }
        self.pool.fetch(request).await
    }

    fn supports_streaming(&self) -> bool {
        true
    }

    fn execute_streaming(&self, request: HttpRequest) -> anyhow::Result<StreamingHttpResponse> {
        let on = Handle::try_current()?;
        let share = self.pool.budget.transfer(&on)?;
        let response = on.block_on(async {
            let builder = self.pool.request(&request).await?;
            anyhow::Ok(tokio::time::timeout(REQUEST_TIMEOUT, builder.send()).await??)
        })?;
        let status_code = response.status().as_u16();
        Ok(StreamingHttpResponse { status_code, body: Box::new(Incoming::new(response, on, share)) })
    }

    fn supports_upload_streaming(&self) -> bool {
        true
    }

    fn execute_upload(
        &self,
        request: HttpRequest,
        mut body: UploadBody,
        content_length: u64,
    ) -> anyhow::Result<HttpResponse> {
        let on = Handle::try_current()?;
        let _transfer = self.pool.budget.transfer(&on)?;
        let _room = self.pool.budget.upload(&on, content_length)?;
        let file = spool(&self.pool.spool, &mut body, content_length, rand::random())?;
        on.block_on(async {
            let pieces = ReaderStream::new(tokio::fs::File::from_std(file));
            // The network refuses bodies of unknown length.
            let builder = self.pool.request_by(&self.pool.uploads, &request).await?;
            let builder = builder.header(CONTENT_LENGTH, content_length).timeout(transfer_limit(content_length));
            whole(builder.body(Body::wrap_stream(pieces)).send().await?).await
        })
    }
}

#[cfg(test)]
#[path = "http_tests.rs"]
mod tests;
