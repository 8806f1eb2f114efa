//! The media host's certificate: for loopback names, signed by itself. Clients that verify must be given it.

use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use std::sync::Arc;

/// A certificate and its key.
pub(crate) struct Certificate {
    pub(crate) pem: String,
    pub(crate) server: Arc<ServerConfig>,
}

impl Certificate {
    /// A fresh one for loopback.
    pub(crate) fn generate() -> anyhow::Result<Self> {
        let names = ["127.0.0.1", "::1", "localhost"].map(str::to_owned);
        let made = rcgen::generate_simple_self_signed(names)?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut server = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)?;
        server.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { pem: made.cert.pem(), server: Arc::new(server) })
    }
}
