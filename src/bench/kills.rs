//! Actors of accounts are broken at random: what the other accounts notice of it, as the network's login counters tell.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use futures_util::future::try_join_all;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use serde::Serialize;

use super::figures::rounded;
use super::network::{Control, Logins};
use super::players::Player;
use crate::demo::client::ApiClient;

/// Longest time for the broken ones to be back.
const PATIENCE: Duration = Duration::from_secs(180);

/// Time between two looks at the network.
const LOOK: Duration = Duration::from_millis(50);

/// How long the network is watched once all are back: one that was dragged along would have lost its connection by then.
const WATCH: Duration = Duration::from_secs(2);

/// What was seen.
#[derive(Debug, Default, Serialize)]
pub(super) struct Kills {
    /// Actors that were broken.
    pub killed: usize,
    /// Of these, accounts that logged in again.
    pub back: usize,
    /// From the first kill until the last of them was.
    pub back_ms: f64,
    /// Most logins that one of them took.
    pub logins_max: u64,
    /// Accounts that nobody broke.
    pub others: usize,
    /// Of these, accounts that logged in again. Must be 0.
    pub others_reconnected: usize,
    /// Restarts that the gateway counted.
    pub restarts: u64,
    /// Devices that are live at the end.
    pub live: usize,
}

impl Kills {
    /// Whether the broken ones came back and nobody else noticed.
    pub(super) fn held(&self) -> bool {
        self.back == self.killed && self.others_reconnected == 0 && self.live == self.killed + self.others
    }
}

/// Breaks so many, drawn by the seed, all at once.
///
/// # Errors
/// When the gateway or the network does not answer, or the broken ones do not come back.
pub(super) async fn kill(
    api: &ApiClient,
    control: &Control,
    players: &[Player],
    count: usize,
    seed: u64,
) -> anyhow::Result<Kills> {
    let mut rng = StdRng::seed_from_u64(seed);
    let drawn: Vec<&Player> = players.sample(&mut rng, count).collect();
    let numbers: HashSet<&str> = drawn.iter().map(|player| player.number.as_str()).collect();
    control.mark_logins().await?;
    let begun = Instant::now();
    try_join_all(drawn.iter().map(|player| api.crash(&player.account))).await.context("an actor can't be broken")?;
    let back_ms = loop {
        let logins = control.logins().await?;
        let back = logins.iter().filter(|one| numbers.contains(one.number.as_str())).count();
        if back == numbers.len() && control.live().await?.devices == players.len() {
            break rounded(begun.elapsed().as_secs_f64() * 1e3);
        }
        if begun.elapsed() > PATIENCE {
            bail!("{back} of {} accounts whose actors were broken are back after {PATIENCE:?}", numbers.len());
        }
        tokio::time::sleep(LOOK).await;
    };
    tokio::time::sleep(WATCH).await;
    let logins = control.logins().await?;
    let live = control.live().await?.devices;
    let restarts = api.metric("wasup_account_restarts_total", "reason=\"crashed\"").await?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count of restarts in this run")]
    Ok(Kills { back_ms, live, restarts: restarts as u64, ..tally(&logins, &numbers, players.len()) })
}

fn tally(logins: &[Logins], killed: &HashSet<&str>, all: usize) -> Kills {
    let (ours, others): (Vec<&Logins>, Vec<&Logins>) =
        logins.iter().partition(|one| killed.contains(one.number.as_str()));
    Kills {
        killed: killed.len(),
        back: ours.len(),
        logins_max: ours.iter().map(|one| one.since_mark).max().unwrap_or(0),
        others: all - killed.len(),
        others_reconnected: others.len(),
        ..Kills::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_other_that_reconnects_breaks_the_promise() {
        let logins = |numbers: &[&str]| -> Vec<Logins> {
            numbers.iter().map(|number| Logins { number: (*number).to_owned(), since_mark: 1 }).collect()
        };
        let killed = HashSet::from(["1", "2"]);
        let good = Kills { live: 5, ..tally(&logins(&["1", "2"]), &killed, 5) };
        assert!(good.held() && good.others == 3 && good.logins_max == 1);
        assert!(!Kills { live: 4, ..tally(&logins(&["1", "2"]), &killed, 5) }.held());
        assert!(!Kills { live: 5, ..tally(&logins(&["1"]), &killed, 5) }.held());
        assert!(!Kills { live: 5, ..tally(&logins(&["1", "2", "3"]), &killed, 5) }.held());
    }
}
