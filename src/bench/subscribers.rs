//! The endpoints of a run, those that answer and those that never do.

use std::net::SocketAddr;

use anyhow::Context as _;
use serde_json::json;
use tokio::net::TcpListener;

use super::players::Player;
use super::receiver::EndpointNo;
use super::stage::Stage;

/// Endpoints, numbered from 0. The n-th is of the n-th account, and so on in turn.
#[derive(Debug, Default)]
pub(super) struct Subscribers {
    made: u16,
    accounts: u16,
}

impl Subscribers {
    /// None yet.
    #[must_use]
    pub(super) const fn of(accounts: u16) -> Self {
        Self { made: 0, accounts }
    }

    /// Makes more of them, until there are so many.
    ///
    /// # Errors
    /// When the gateway refuses one.
    pub(super) async fn grow(&mut self, stage: &Stage, until: u16) -> anyhow::Result<()> {
        for no in self.made..until {
            let player = &stage.players[usize::from(no % self.accounts)];
            subscribe(stage, player, &stage.receiver.url_of(no), None).await?;
        }
        self.made = self.made.max(until);
        Ok(())
    }

    /// Those of an account, by its place.
    pub(super) fn of_account(&self, place: u16) -> impl Iterator<Item = EndpointNo> {
        (place..self.made).step_by(usize::from(self.accounts))
    }

    /// How many there are.
    #[must_use]
    pub(super) const fn count(&self) -> u16 {
        self.made
    }
}

async fn subscribe(stage: &Stage, player: &Player, url: &str, timeout: Option<u8>) -> anyhow::Result<()> {
    let retry = timeout.map(|seconds| json!({"timeout": format!("{seconds}s")}));
    let endpoint = json!({"account": player.account, "url": url, "events": ["message.received"], "retry": retry});
    stage.api.create_endpoint(&endpoint).await.map(drop).context("the gateway refuses an endpoint")
}

/// Makes endpoints, spread over the accounts, at an address that takes connections and never answers.
///
/// # Errors
/// When no port can be had, or the gateway refuses one.
pub(super) async fn dead(stage: &Stage, count: u16, timeout: u8) -> anyhow::Result<()> {
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
    let url = format!("http://{}/dead", listener.local_addr()?);
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            held.push(stream);
        }
    });
    for (player, _) in stage.players.iter().cycle().zip(0..count) {
        subscribe(stage, player, &url, Some(timeout)).await?;
    }
    Ok(())
}
