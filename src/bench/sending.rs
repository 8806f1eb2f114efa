//! Handing over a run's messages: at a fixed pace that no answer moves, as fast as possible, or typed by phones.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use indicatif::ProgressBar;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::figures::Times;
use super::options::{MessagesOptions, Writers};
use super::pace::Pace;
use super::players::{Player, strangers};
use super::settling;
use super::stage::Stage;
use super::wire::Callers;

/// Requests under way at most, however late the answers are: the API takes 1024 connections.
const UNDER_WAY: usize = 512;

/// Texts of one request to the sandbox: it must end before the request's time does.
const BURST: u32 = 500;

const WORDS: [&str; 12] =
    ["good", "morning", "is", "the", "order", "ready", "thank", "you", "see", "then", "tomorrow", "please"];

/// Who sends what to whom.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    prefix: String,
    players: Arc<[Player]>,
    each: u32,
    seed: u64,
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Letter {
    pub(super) from: String,
    pub(super) to: String,
    pub(super) text: String,
    pub(super) key: String,
}

/// What was handed over.
#[derive(Default)]
pub(super) struct Sent {
    /// Messages accepted.
    pub(super) accepted: u64,
    /// From the first to the last.
    pub(super) took: Duration,
    /// From when each request was due to its answer.
    pub(super) requests: Times,
}

impl Plan {
    pub(super) fn new(options: &MessagesOptions, players: &[Player], seed: u64) -> Self {
        Self { prefix: format!("run-{seed:x}-"), players: players.into(), each: options.messages, seed }
    }

    /// For a run that ends by time.
    pub(super) fn endless(players: &[Player], seed: u64) -> Self {
        Self { prefix: format!("run-{seed:x}-"), players: players.into(), each: u32::MAX, seed }
    }

    /// What every text of the run begins with.
    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// How many messages.
    pub(super) fn total(&self) -> u64 {
        u64::from(self.each) * self.players.len() as u64
    }

    /// How many go to each number.
    pub(super) fn for_each_phone(&self) -> impl Iterator<Item = (&str, u64)> {
        self.players.iter().map(|player| (player.number.as_str(), u64::from(self.each)))
    }

    /// The n-th: the accounts take turns, and each writes to the next one.
    pub(super) fn letter(&self, n: u64) -> Letter {
        let count = self.players.len();
        let turn = usize::try_from(n).unwrap_or(usize::MAX) % count;
        let mut rng = StdRng::seed_from_u64(self.seed.wrapping_mul(0x9E37_79B9).wrapping_add(n));
        let mut text = format!("{}{n}", self.prefix);
        for _ in 0..rng.random_range(4..12) {
            text.push(' ');
            text.push_str(WORDS.choose(&mut rng).copied().unwrap_or_default());
        }
        Letter {
            from: self.players[turn].account.clone(),
            to: self.players[(turn + 1) % count].number.clone(),
            text,
            key: format!("{}{n}", self.prefix),
        }
    }
}

/// Sends one message from each account and waits for it.
pub(super) async fn warm_up(stage: &Stage, plan: &Plan) -> anyhow::Result<()> {
    let warm = Plan { prefix: format!("warm-{:x}-", plan.seed), each: 1, ..plan.clone() };
    for n in 0..warm.total() {
        hand_over(&stage.callers, &warm.letter(n)).await?;
    }
    settling::all_told(stage, warm.total(), &ProgressBar::hidden()).await;
    ensure!(stage.receiver.received() as u64 >= warm.total(), "some are missing");
    Ok(())
}

async fn hand_over(callers: &Callers, letter: &Letter) -> anyhow::Result<()> {
    let status = callers.send_text(&letter.from, &letter.to, &letter.text, &letter.key).await?;
    ensure!(status == 202, "the API answers {status} to a send");
    Ok(())
}

/// Hands everything over.
pub(super) async fn send(
    stage: &Stage,
    plan: &Plan,
    options: &MessagesOptions,
    bar: &ProgressBar,
) -> anyhow::Result<Sent> {
    let begun = Instant::now();
    let requests = match (options.by, options.rate) {
        (Writers::Phones, _) => type_all(stage, plan).await?,
        (Writers::Api, Some(rate)) => at_pace(stage, plan, Pace::per_second(rate)).await?,
        (Writers::Api, None) => flat_out(stage, plan, options.concurrency, bar).await?,
    };
    Ok(Sent { accepted: plan.total(), took: begun.elapsed(), requests })
}

async fn at_pace(stage: &Stage, plan: &Plan, pace: Pace) -> anyhow::Result<Times> {
    let (begun, places) = (Instant::now(), Arc::new(Semaphore::new(UNDER_WAY)));
    let (mut times, mut under_way, mut next) = (Times::default(), JoinSet::new(), 0);
    while next < plan.total() {
        let due = pace.due_by(begun.elapsed()).min(plan.total());
        for n in next..due {
            let (callers, plan, places) = (Arc::clone(&stage.callers), plan.clone(), Arc::clone(&places));
            under_way.spawn(async move {
                // A wait for a place counts: the request was due.
                let _place = places.acquire_owned().await?;
                hand_over(&callers, &plan.letter(n)).await?;
                anyhow::Ok((begun + pace.due(n)).elapsed())
            });
        }
        next = due;
        while let Some(done) = under_way.try_join_next() {
            times.note(done.context("a caller panicked")??);
        }
        tokio::time::sleep_until((begun + pace.due(next)).into()).await;
    }
    while let Some(done) = under_way.join_next().await {
        times.note(done.context("a caller panicked")??);
    }
    Ok(times)
}

async fn flat_out(stage: &Stage, plan: &Plan, concurrency: u16, bar: &ProgressBar) -> anyhow::Result<Times> {
    let next = Arc::new(AtomicU64::new(0));
    let mut callers = JoinSet::new();
    for _ in 0..concurrency {
        let (stage_callers, plan, next, bar) =
            (Arc::clone(&stage.callers), plan.clone(), Arc::clone(&next), bar.clone());
        callers.spawn(async move {
            let mut times = Times::default();
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                if n >= plan.total() {
                    return anyhow::Ok(times);
                }
                let begun = Instant::now();
                hand_over(&stage_callers, &plan.letter(n)).await?;
                times.note(begun.elapsed());
                bar.set_message(format!("accepted {}", n + 1));
            }
        });
    }
    let mut times = Times::default();
    while let Some(done) = callers.join_next().await {
        times.absorb(&done.context("a caller panicked")??);
    }
    Ok(times)
}

/// A stranger for each account types to it.
async fn type_all(stage: &Stage, plan: &Plan) -> anyhow::Result<Times> {
    let mut typing = JoinSet::new();
    for (n, (stranger, player)) in strangers(plan.players.len()).into_iter().zip(plan.players.iter()).enumerate() {
        let (control, to) = (stage.sandbox.control().clone(), player.number.clone());
        let (prefix, each) = (plan.prefix.clone(), plan.each);
        typing.spawn(async move {
            control.make_phone(&stranger).await?;
            for begin in (0..each).step_by(BURST as usize) {
                let count = BURST.min(each - begin);
                control.burst(&stranger, &to, &format!("{prefix}{n}-{begin}-"), count).await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(done) = typing.join_next().await {
        done.context("a phone's task panicked")??;
    }
    Ok(Times::default())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::super::players::players;
    use super::*;

    fn plan(seed: u64) -> Plan {
        Plan { prefix: "run-".into(), players: players(3).into(), each: 4, seed }
    }

    #[test]
    fn a_seed_makes_the_same_letters_and_no_two_alike() {
        let letters = |seed| (0..plan(seed).total()).map(|n| plan(seed).letter(n)).collect::<Vec<_>>();
        assert_eq!(letters(7), letters(7));
        assert_ne!(letters(7), letters(8));
        let texts: HashSet<String> = letters(7).into_iter().map(|letter| letter.text).collect();
        assert_eq!(texts.len(), 12);
    }

    #[test]
    fn every_phone_gets_as_many_as_the_plan_says() {
        let plan = plan(1);
        for (number, expected) in plan.for_each_phone() {
            let to = (0..plan.total()).filter(|n| plan.letter(*n).to == number).count();
            assert_eq!(to as u64, expected, "{number}");
        }
        let letter = plan.letter(2);
        assert_eq!((letter.from.as_str(), letter.to.as_str()), ("bench-0002", "628111000000"));
    }
}
