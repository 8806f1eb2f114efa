//! Everything that can happen to accounts, in any order, under paused time over a real store: whatever comes, at most one
//! link of an account is open, a stop is final, every state says why, restarts keep to their budget, and no message is lost or
//! becomes another one.
//!
//! `WASUP_CHAOS_RUNS` sets how many runs are made, `WASUP_CHAOS_STEPS` how long each is; `scripts/chaos` makes a thousand. A run
//! that fails prints its seed and its steps; `WASUP_SEED` repeats the steps. What the actors draw themselves (jitter, gaps) is
//! drawn anew.

mod laws;
mod steps;
mod world;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use steps::Step;
use world::Chaos;

fn from_env<T: std::str::FromStr>(name: &str) -> Option<T> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

/// Prints what happened when a run fails.
struct Journal {
    seed: u64,
    steps: Vec<String>,
}

impl Drop for Journal {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let Self { seed, steps } = self;
            eprintln!("a run failed after {} steps; WASUP_SEED={seed} repeats it:", steps.len());
            for (n, step) in steps.iter().enumerate() {
                eprintln!("{n:4} {step}");
            }
        }
    }
}

async fn run(seed: u64, length: usize) {
    let mut journal = Journal { seed, steps: Vec::new() };
    let mut rng = StdRng::seed_from_u64(seed);
    let mut chaos = Chaos::new(rng.random_range(1..=4)).await;
    for _ in 0..length {
        let step = Step::draw(&mut rng, chaos.accounts.len());
        journal.steps.push(format!("{:>9.3} s  {step:?}", chaos.elapsed().as_secs_f64()));
        chaos.take(&step).await;
        chaos.settle().await;
        chaos.check().await;
    }
    journal.steps.push(format!("{:>9.3} s  everything is healed", chaos.elapsed().as_secs_f64()));
    chaos.heal().await;
    chaos.check_whole().await;
    chaos.end().await;
}

#[test]
fn whatever_happens_the_laws_hold() {
    let (runs, length) = (from_env("WASUP_CHAOS_RUNS").unwrap_or(4), from_env("WASUP_CHAOS_STEPS").unwrap_or(250));
    let seed: Option<u64> = from_env("WASUP_SEED");
    for _ in 0..seed.map_or(runs, |_| 1) {
        let seed = seed.unwrap_or_else(rand::random);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(run(seed, length));
    }
}
