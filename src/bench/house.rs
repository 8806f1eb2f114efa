//! A gateway without a network: for benches that ask the API about what stands in the store.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::Context as _;
use tokio::net::TcpListener;

use super::stage::Threads;
use super::wire::Callers;
use crate::config::{Config, Sources};
use crate::gateway::{Extras, Gateway};

/// A gateway whose accounts are not started, on threads of its own, and callers of its API.
pub(super) struct House {
    pub(super) gateway: Gateway,
    pub(super) callers: Callers,
    threads: Threads,
}

impl House {
    /// Opens one over a folder.
    ///
    /// # Errors
    /// When it does not start.
    pub(super) async fn open(folder: &Path) -> anyhow::Result<Self> {
        let set = |name: &str, value: String| (format!("WASUP__{name}"), value);
        let env = vec![
            set("DATA__DIR", folder.join("data").display().to_string()),
            set("DATA__FREE_SPACE_FLOOR", "16 MiB".into()),
            set("SERVER__DRAIN_DELAY", "0s".into()),
            set("QR__PRINT_IN_TERMINAL", "false".into()),
            set("LISTS__IMPORT_MAX", "64 GiB".into()),
        ];
        let config = Config::load(&Sources { file: None, env })?.config;
        let threads = Threads::start()?;
        let started = threads.run(async move {
            let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
            anyhow::Ok(Gateway::start(&config, listener, Extras::default()).await?)
        });
        let gateway = started.await.context("the gateway's start panicked")?.context("the gateway does not start")?;
        let key = gateway.api_key.key.clone();
        let callers = Callers::new(gateway.address, key);
        Ok(Self { gateway, callers, threads })
    }

    /// Stops it in order.
    ///
    /// # Errors
    /// When its end panicked.
    pub(super) async fn close(self) -> anyhow::Result<()> {
        let Self { gateway, threads, .. } = self;
        threads.run(gateway.stop()).await.context("the gateway's end panicked")?;
        Ok(())
    }
}
