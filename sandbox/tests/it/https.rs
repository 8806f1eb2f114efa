//! As much of HTTP over TLS as the media host's tests need. The only certificate it trusts is the network's own.

use anyhow::{Context, Result};
use async_trait::async_trait;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use wasup_sandbox::Network;
use whatsapp_rust::http::{HttpClient, HttpRequest, HttpResponse};

/// One connection for each request.
#[derive(Clone)]
pub(crate) struct Https(Arc<ClientConfig>);

/// An answer with its head.
pub(crate) struct Answered {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Https {
    pub(crate) fn trusting(network: &Network) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(network.media_certificate().as_bytes()).unwrap()).unwrap();
        let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Self(Arc::new(config))
    }

    pub(crate) async fn ask(&self, request: &HttpRequest) -> Result<Answered> {
        let rest = request.url.strip_prefix("https://").context("not https")?;
        let (authority, path) = rest.split_at(rest.find('/').context("no path")?);
        let stream = TcpStream::connect(authority).await?;
        let name = ServerName::try_from(authority.split(':').next().context("no host")?.to_owned())?;
        let mut stream = TlsConnector::from(self.0.clone()).connect(name, stream).await?;
        let mut head = format!("{} {path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n", request.method);
        for (name, value) in &request.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        let body = request.body.as_deref().unwrap_or_default();
        head.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
        stream.write_all(head.as_bytes()).await?;
        // A server that has seen enough answers before it has read everything.
        let _cut = stream.write_all(body).await;
        let mut answer = Vec::new();
        // One that closes without a farewell has still said what it said.
        let _farewell = stream.read_to_end(&mut answer).await;
        let end = answer.windows(4).position(|four| four == b"\r\n\r\n").context("no answer")?;
        let head = String::from_utf8(answer[..end].to_vec())?.to_lowercase();
        let status = head.split(' ').nth(1).context("no status")?.parse()?;
        let body = answer[end + 4..].to_vec();
        let said = head.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next()?.parse().ok());
        anyhow::ensure!(said.is_none_or(|said: usize| said == body.len()), "the answer broke off");
        Ok(Answered { status, head, body })
    }
}

#[async_trait]
impl HttpClient for Https {
    async fn execute(&self, request: HttpRequest) -> Result<HttpResponse> {
        let answered = self.ask(&request).await?;
        Ok(HttpResponse { status_code: answered.status, body: answered.body })
    }
}
