//! `wasup bench chats`: how long a page of a very large chat takes, wherever it is, and a page of a long list of chats.
//!
//! The rows are written as an imported history is, by the same commits. They are read through the real API, with a store that
//! was opened again in between, so that nothing is warm.

mod fill;
mod walk;

use std::time::Instant;

use rand::SeedableRng as _;
use rand::rngs::StdRng;
use serde::Serialize;

use super::effort::Resident;
use super::figures::{each, rounded};
use super::house::House;
use super::options::ChatsOptions;
use super::report;
use super::stage::Folder;
use super::surroundings::Machine;
use walk::{Depth, Jump, Walk};

/// The account with the large chat, and the one with many chats.
const LARGE: &str = "large";
const MANY: &str = "many";

/// What a page may take at the median, in milliseconds.
const MEDIAN_MS: f64 = 20.0;

/// Pages of a tenth from which on its median is judged: fewer say more about the machine than about the store.
const ENOUGH: u64 = 100;

#[derive(Serialize)]
struct Figures {
    messages: u64,
    chats: u64,
    fill_s: f64,
    filled_per_s: f64,
    store_bytes: u64,
    open_s: f64,
    rss_bytes: u64,
    messages_by_depth: Vec<Depth>,
    chats_by_depth: Vec<Depth>,
    jumps: Vec<Jump>,
    deepest_to_shallowest: Vec<Ratio>,
    /// Every median is within what is promised; `null` where no tenth has enough pages.
    within_20_ms: Option<bool>,
    lost: u64,
}

/// How dear the deepest tenth is, beside the shallowest.
#[derive(Serialize)]
struct Ratio {
    of: &'static str,
    order: &'static str,
    page: u16,
    p50: f64,
}

pub(super) async fn run(options: &ChatsOptions) -> anyhow::Result<bool> {
    let (seed, machine) = (options.common.seed(), Machine::here());
    let mut rng = StdRng::seed_from_u64(seed);
    let folder = Folder::of(&options.common)?;
    let bar = report::progress("filled", options.messages + options.chats * fill::OF_EACH, &options.common);
    let begun = Instant::now();
    let house = House::open(folder.path()).await?;
    for id in [LARGE, MANY] {
        fill::account(house.gateway.store(), id).await?;
    }
    fill::one_chat(house.gateway.store(), LARGE, options.messages, &bar).await?;
    fill::many_chats(house.gateway.store(), MANY, options.chats, &bar).await?;
    let fill_s = begun.elapsed().as_secs_f64();
    let store_bytes = house.gateway.store().stats().disk_bytes;
    bar.finish_and_clear();
    house.close().await?;

    let begun = Instant::now();
    let house = House::open(folder.path()).await?;
    let open_s = begun.elapsed().as_secs_f64();
    let (mut messages_by_depth, mut chats_by_depth, mut lost) = (Vec::new(), Vec::new(), 0);
    for page in &options.pages {
        for oldest_first in [false, true] {
            let walk = Walk { callers: &house.callers, page: *page, oldest_first };
            let (depths, missing) = walk.messages(LARGE, options.messages).await?;
            (lost, messages_by_depth) = (lost + missing, [messages_by_depth, depths].concat());
        }
        let walk = Walk { callers: &house.callers, page: *page, oldest_first: false };
        let (depths, missing) = walk.chats(MANY, options.chats).await?;
        (lost, chats_by_depth) = (lost + missing, [chats_by_depth, depths].concat());
    }
    let jumps = walk::jumps(&house.callers, LARGE, (options.messages, options.jumps), &mut rng).await?;
    let rss_bytes = Resident::of(std::process::id()).rss_bytes;
    house.close().await?;

    let mut deepest_to_shallowest = ratios("messages", &messages_by_depth);
    deepest_to_shallowest.extend(ratios("chats", &chats_by_depth));
    let judged = messages_by_depth.iter().chain(&chats_by_depth).filter(|depth| depth.ms.count >= ENOUGH);
    let figures = Figures {
        messages: options.messages,
        chats: options.chats,
        fill_s: rounded(fill_s),
        filled_per_s: each((options.messages + options.chats * fill::OF_EACH) as f64, fill_s),
        store_bytes,
        open_s: rounded(open_s),
        rss_bytes,
        within_20_ms: judged.map(|depth| depth.ms.p50 <= MEDIAN_MS).reduce(|all, one| all && one),
        messages_by_depth,
        chats_by_depth,
        jumps,
        deepest_to_shallowest,
        lost,
    };
    report::print("chats", &figures, seed, &machine, &options.common)?;
    Ok(figures.lost == 0 && figures.within_20_ms != Some(false))
}

/// The last tenth of each walk beside its first.
fn ratios(of: &'static str, depths: &[Depth]) -> Vec<Ratio> {
    depths
        .chunks(walk::TENTHS)
        .filter_map(|walk| {
            let (first, last) = (walk.first()?, walk.last()?);
            let p50 = each(last.ms.p50, first.ms.p50);
            Some(Ratio { of, order: first.order, page: first.page, p50 })
        })
        .collect()
}
