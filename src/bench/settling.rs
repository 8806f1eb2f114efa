//! Waiting until all has arrived that will, and counting what has not, or has twice.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use serde::Serialize;

use super::network::PhoneTally;
use super::sending::{Plan, Sent};
use super::stage::Stage;

/// How long nothing may arrive before what is missing counts as lost.
const PATIENCE: Duration = Duration::from_secs(30);

/// Time between two looks at the receiver: it is in this process and cheap to ask.
const LOOK: Duration = Duration::from_millis(20);

/// Time between two looks at the phones: they are counted one message at a time.
const PHONE_LOOK: Duration = Duration::from_millis(250);

/// What arrived not at all, and what more than once. A message can be missing, or doubled, at both places.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub(super) struct Outcome {
    /// At the virtual phones.
    lost_at_phones: u64,
    /// At the webhook receiver.
    lost_at_webhooks: u64,
    /// Shown twice by a phone.
    duplicated_at_phones: u64,
    /// Told under two webhook ids.
    duplicated_at_webhooks: u64,
    /// Requests to the receiver that repeated a webhook id: lawful after a time-out, and no duplicates.
    redelivered: u64,
}

impl Outcome {
    pub(super) const fn lost(&self) -> u64 {
        self.lost_at_phones + self.lost_at_webhooks
    }

    pub(super) const fn duplicated(&self) -> u64 {
        self.duplicated_at_phones + self.duplicated_at_webhooks
    }
}

/// Waits until so many messages were told to the receiver, or nothing was for too long.
pub(super) async fn all_told(stage: &Stage, expected: u64, bar: &ProgressBar) {
    let (mut seen, mut changed) = (stage.receiver.received() as u64, Instant::now());
    while seen < expected && changed.elapsed() < PATIENCE {
        tokio::time::sleep(LOOK).await;
        let now = stage.receiver.received() as u64;
        if now > seen {
            (seen, changed) = (now, Instant::now());
            bar.set_position(seen);
        }
    }
}

/// Waits and counts.
pub(super) async fn settle(stage: &Stage, plan: &Plan, sent: &Sent, bar: &ProgressBar) -> anyhow::Result<Outcome> {
    // The receiver has one of the warm-up from each account.
    let warm = stage.players.len() as u64;
    bar.set_message("received");
    all_told(stage, warm + sent.accepted, bar).await;
    let tallies = phones_settled(stage, plan).await?;
    let (lost_at_phones, duplicated_at_phones) = compare(plan.for_each_phone(), &tallies);
    let (messages, repeats) = stage.receiver.duplicates_and_repeats();
    Ok(Outcome {
        lost_at_phones,
        lost_at_webhooks: (warm + sent.accepted).saturating_sub(stage.receiver.received() as u64),
        duplicated_at_phones,
        duplicated_at_webhooks: messages,
        redelivered: repeats,
    })
}

async fn phones_settled(stage: &Stage, plan: &Plan) -> anyhow::Result<Vec<PhoneTally>> {
    let (mut seen, mut changed) = (0, Instant::now());
    loop {
        let tallies = stage.sandbox.control().tally(plan.prefix()).await?;
        let now: u64 = tallies.iter().map(|tally| tally.distinct).sum();
        if now >= plan.total() || changed.elapsed() >= PATIENCE {
            return Ok(tallies);
        }
        if now > seen {
            (seen, changed) = (now, Instant::now());
        }
        tokio::time::sleep(PHONE_LOOK).await;
    }
}

/// What the phones lack, and what they show too often.
fn compare<'a>(expected: impl Iterator<Item = (&'a str, u64)>, tallies: &[PhoneTally]) -> (u64, u64) {
    let by_number: HashMap<&str, &PhoneTally> = tallies.iter().map(|tally| (tally.number.as_str(), tally)).collect();
    let (mut lost, mut duplicated) = (0, 0);
    for (number, expected) in expected {
        let (shown, distinct) = by_number.get(number).map_or((0, 0), |tally| (tally.shown, tally.distinct));
        lost += expected.saturating_sub(distinct);
        duplicated += shown - distinct.min(shown);
    }
    (lost, duplicated)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_phone_lacks_is_lost_and_what_it_shows_twice_is_doubled() {
        let tally = |number: &str, shown, distinct| PhoneTally { number: number.into(), shown, distinct };
        let tallies = [tally("1", 5, 5), tally("2", 6, 4)];
        let expected = [("1", 5), ("2", 5), ("3", 5)];
        assert_eq!(compare(expected.into_iter(), &tallies), (6, 2));
    }
}
