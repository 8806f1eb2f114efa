//! Phones that type at a fixed pace, however long the network takes.

use std::sync::Arc;
use std::time::Instant;

use anyhow::Context as _;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::pace::Pace;
use super::players::{Player, strangers};
use super::stage::Stage;

/// Requests to the sandbox under way at most.
const UNDER_WAY: usize = 64;

/// Strangers, one for each account.
pub(super) struct Typists {
    pairs: Arc<[(String, Player)]>,
}

impl Typists {
    /// Makes their phones.
    ///
    /// # Errors
    /// When the sandbox refuses or is gone.
    pub(super) async fn make(stage: &Stage) -> anyhow::Result<Self> {
        let numbers = strangers(stage.players.len());
        for number in &numbers {
            stage.sandbox.control().make_phone(number).await?;
        }
        Ok(Self { pairs: numbers.into_iter().zip(stage.players.iter().cloned()).collect() })
    }

    /// Types so many messages to the accounts in turn, each of which begins with the prefix.
    ///
    /// # Errors
    /// When the sandbox refuses or is gone.
    pub(super) async fn write(&self, stage: &Stage, prefix: &str, count: u64, pace: Pace) -> anyhow::Result<()> {
        let (begun, places) = (Instant::now(), Arc::new(Semaphore::new(UNDER_WAY)));
        let (mut under_way, mut next) = (JoinSet::new(), 0);
        while next < count {
            let due = pace.due_by(begun.elapsed()).min(count);
            for n in next..due {
                let (control, pairs) = (stage.sandbox.control().clone(), Arc::clone(&self.pairs));
                let (text, places) = (format!("{prefix}{n}"), Arc::clone(&places));
                let at = usize::try_from(n).unwrap_or(usize::MAX) % pairs.len();
                under_way.spawn(async move {
                    let _place = places.acquire_owned().await?;
                    let (number, player) = &pairs[at];
                    control.write(number, &player.number, &text).await
                });
            }
            next = due;
            while let Some(done) = under_way.try_join_next() {
                done.context("a phone's task panicked")??;
            }
            tokio::time::sleep_until((begun + pace.due(next)).into()).await;
        }
        while let Some(done) = under_way.join_next().await {
            done.context("a phone's task panicked")??;
        }
        Ok(())
    }
}
