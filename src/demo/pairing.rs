//! Linking the accounts: each phone scans the code that the API shows for its account.

use std::time::Duration;

use anyhow::Context as _;
use tokio::task::JoinSet;

use super::cast::Player;
use super::client::ApiClient;

/// Longest wait for a code or for a link.
const PATIENCE: Duration = Duration::from_secs(60);

/// Links all players at the same time; answers how many are linked and connected.
///
/// # Errors
/// When a phone's scan is refused or the server does not answer.
pub(super) async fn link_all(
    api: &ApiClient,
    network: &wasup_sandbox::Network,
    players: &[Player],
) -> anyhow::Result<usize> {
    let mut links = JoinSet::new();
    for player in players {
        let (api, network, player) = (api.clone(), network.clone(), player.clone());
        links.spawn(async move { link(&api, &network, &player).await });
    }
    let mut linked = 0;
    while let Some(done) = links.join_next().await {
        done.context("a pairing task failed")??;
        linked += 1;
    }
    Ok(linked)
}

async fn link(api: &ApiClient, network: &wasup_sandbox::Network, player: &Player) -> anyhow::Result<()> {
    let code = api.qr(&player.account, Duration::from_secs(30)).await?;
    let code = code.with_context(|| format!("the account {} shows no code", player.account))?;
    player.phone.scan(&code).await.with_context(|| format!("the phone of {} can't link", player.account))?;
    network
        .wait_connected(player.number(), PATIENCE)
        .await
        .with_context(|| format!("the account {} does not connect", player.account))
}
