//! The accounts of a run and the phones behind them.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use futures_util::{StreamExt as _, TryStreamExt as _};

use super::network::Control;
use super::options::Told;
use crate::demo::client::ApiClient;

/// Pairings at the same time.
const AT_ONCE: usize = 16;

/// An account and the number of its phone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Player {
    /// The account's id.
    pub account: String,
    /// The number.
    pub number: String,
}

/// So many of them, with numbers of a range that libphonenumber accepts; the network is loopback.
#[must_use]
pub(super) fn players(count: u16) -> Vec<Player> {
    let player = |n: u32| Player { account: format!("bench-{n:04}"), number: format!("62811{:07}", 1_000_000 + n) };
    (0..u32::from(count)).map(player).collect()
}

/// Numbers of humans without an account of the gateway.
#[must_use]
pub(super) fn strangers(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("62812{:07}", 1_000_000 + n)).collect()
}

/// Writes the accounts file.
///
/// # Errors
/// When it can't be written.
pub(super) fn declare(file: &Path, players: &[Player], webhook: Option<(&str, Told)>) -> anyhow::Result<()> {
    let mut text = String::new();
    for player in players {
        writeln!(text, "[[account]]\nid = \"{}\"", player.account)?;
        match webhook {
            Some((url, Told::All)) => writeln!(text, "webhook = {{ url = \"{url}\" }}")?,
            Some((url, Told::Received)) => {
                writeln!(text, "webhook = {{ url = \"{url}\", events = [\"message.received\"] }}")?;
            }
            None => {}
        }
    }
    std::fs::write(file, text).with_context(|| format!("can't write {}", file.display()))
}

/// Makes every account by the API, each when its turn comes to be linked: no account waits for its phone while others are
/// linked, so that many take no longer than they must.
///
/// # Errors
/// When one can't be made or linked.
pub(super) async fn make_and_link_all(api: &ApiClient, control: &Control, players: &[Player]) -> anyhow::Result<()> {
    let links = players.iter().map(|player| async {
        api.create_account(&player.account).await?;
        link(api, control, player).await
    });
    futures_util::stream::iter(links).buffer_unordered(AT_ONCE).try_collect::<Vec<()>>().await.map(drop)
}

/// Links every account to its phone.
///
/// # Errors
/// When one can't be linked.
pub(super) async fn link_all(api: &ApiClient, control: &Control, players: &[Player]) -> anyhow::Result<()> {
    let links = players.iter().map(|player| link(api, control, player));
    futures_util::stream::iter(links).buffer_unordered(AT_ONCE).try_collect::<Vec<()>>().await.map(drop)
}

async fn link(api: &ApiClient, control: &Control, player: &Player) -> anyhow::Result<()> {
    control.make_phone(&player.number).await?;
    let code = api.qr(&player.account, Duration::from_secs(30)).await?;
    let code = code.with_context(|| format!("the account {} shows no code", player.account))?;
    control.scan(&player.number, &code).await.with_context(|| format!("the phone of {} can't link", player.account))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::read_accounts;

    #[test]
    fn the_accounts_file_says_what_the_webhook_gets() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("accounts.toml");
        for (told, kinds) in [(Told::Received, 1), (Told::All, 0)] {
            declare(&file, &players(3), Some(("http://127.0.0.1:9/hook", told))).unwrap();
            let accounts = read_accounts(&file).unwrap().accounts;
            assert_eq!(accounts.len(), 3);
            assert!(
                accounts.iter().all(|one| one.webhook.as_ref().is_some_and(|hook| hook
                    .events
                    .iter()
                    .flatten()
                    .count()
                    == kinds))
            );
        }
        declare(&file, &players(2), None).unwrap();
        assert!(read_accounts(&file).unwrap().accounts.iter().all(|account| account.webhook.is_none()));
    }
}
