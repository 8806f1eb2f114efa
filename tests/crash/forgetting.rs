//! SIGKILL while chats are deleted and messages are kept no longer: what was to go is gone, whole, and nothing else is.
//!
//! `WASUP_CRASH_FORGETTING_ROUNDS` sets the number of kills (`scripts/crash-gone` runs 50), `WASUP_SEED` repeats a run's moments.

use std::collections::BTreeSet;
use std::ops::Range;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use reqwest::Method;
use serde_json::{Value, json};
use wasup_sandbox::{HistoryPart, Phone, Setting};

use crate::asked::{ask, put, until};
use crate::from_env;
use crate::gateway::Gateway;
use crate::past::{self, phone_of};
use crate::rows::{at_rest, verify};
use crate::world::World;

/// Kills of the short run that belongs to `scripts/test`.
const ROUNDS: u64 = 4;
/// Messages of a chat that is deleted: more than one commit forgets.
const OF_CHAT: u64 = 300;
/// Chats that nobody deletes.
const OTHERS: u64 = 2;
/// Messages that the other account may keep fewer of with each round.
const FEWER: u64 = 400;
/// ... and so many in the end.
const KEPT: u64 = 150;

fn start(world: &World) -> Gateway {
    Gateway::start_with(world, |command| {
        command.env("WASUP__SEARCH__INDEX", "true");
        for bound in ["CHATS", "MESSAGES_PER_CHAT"] {
            command.env(format!("WASUP__HISTORY__{bound}"), "100000");
        }
    })
}

/// An account whose chats are deleted, one with each round: over the API, or on its phone.
struct Deleted<'a> {
    world: &'a World,
    account: &'a str,
    phone: &'a Phone,
    /// The number of its first message.
    first: u64,
    chats: u64,
}

impl<'a> Deleted<'a> {
    fn of(world: &'a World, nth: usize, first: u64, chats: u64) -> Self {
        let (account, phone) = &world.accounts[nth];
        Self { world, account, phone, first, chats }
    }

    fn messages(&self, chat: u64) -> Range<u64> {
        let begin = self.first + chat * OF_CHAT;
        begin..begin + OF_CHAT
    }

    async fn tell(&self) {
        let newest = self.messages(self.chats).start;
        let of = |chat: u64| past::chat(chat, self.messages(chat), newest);
        past::tell(self.phone, HistoryPart::InitialBootstrap, 1, (0..self.chats).map(of).collect());
        past::imported(self.world, self.account, self.chats * OF_CHAT).await;
    }

    /// Its phone deletes a chat, and here it has begun to go.
    async fn deleted_on_the_phone(&self, chat: u64) {
        self.phone.share(&format!("{}@s.whatsapp.net", phone_of(chat)), &Setting::Delete);
        self.begins_to_go(chat).await;
    }

    /// Somebody asks for a chat to be deleted, and it has begun to go.
    async fn deleted_over_the_api(&self, chat: u64) {
        let path = self.path(chat);
        let asked = async {
            // It may not be connected yet.
            while !matches!(ask(self.world, Method::DELETE, &path, None).await, Some((204, _))) {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::select! {
            () = asked => {}
            () = self.begins_to_go(chat) => {}
        }
    }

    /// Some of its messages are gone. Before that it is a matter of the protocol library and the network alone: a kill then may
    /// leave the library with app state that it can't go on with.
    async fn begins_to_go(&self, chat: u64) {
        let path = format!("{}/messages?limit=1000&source=store", self.path(chat));
        let fewer = |page: &Value| (page["data"].as_array().unwrap().len() as u64) < OF_CHAT;
        until(self.world, &path, "what was deleted begins to go", fewer).await;
    }

    /// The rest goes by itself: nobody has to ask again.
    async fn goes(&self, chat: u64) {
        let path = format!("{}/messages?limit=1000&source=store", self.path(chat));
        let none = |page: &Value| page["data"].as_array().unwrap().is_empty();
        until(self.world, &path, "what was deleted is gone", none).await;
    }

    fn path(&self, chat: u64) -> String {
        format!("/v1/accounts/{}/chats/{}", self.account, phone_of(chat))
    }

    fn stay(&self, gone: u64) -> BTreeSet<u64> {
        (self.messages(gone).start..self.messages(self.chats).start).collect()
    }
}

/// An account that may keep ever fewer messages.
struct Crowded<'a> {
    world: &'a World,
    account: &'a str,
    first: u64,
    messages: u64,
}

impl Crowded<'_> {
    async fn tell(&self) {
        let end = self.first + self.messages;
        // Two chats, one after the other in time.
        let middle = self.first + self.messages / 3;
        let chats = vec![past::chat(900_001, self.first..middle, end), past::chat(900_002, middle..end, end)];
        past::tell(&self.world.accounts[1].1, HistoryPart::InitialBootstrap, 1, chats);
        past::imported(self.world, self.account, self.messages).await;
    }

    fn path(&self) -> String {
        format!("/v1/accounts/{}/persistence", self.account)
    }

    fn most(&self, round: u64, rounds: u64) -> u64 {
        KEPT + (rounds - round) * FEWER
    }

    async fn until(&self, most: u64) {
        let path = format!("/v1/accounts/{}/messages?limit=1000", self.account);
        let few = |page: &Value| page["data"].as_array().unwrap().len() as u64 == most;
        until(self.world, &path, "only so many are kept", few).await;
    }

    fn stay(&self, most: u64) -> BTreeSet<u64> {
        (self.first + self.messages - most..self.first + self.messages).collect()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_forgotten_is_gone_whole_after_any_kill_and_nothing_else_is() {
    let rounds = from_env("WASUP_CRASH_FORGETTING_ROUNDS", ROUNDS);
    let seed = from_env("WASUP_SEED", rand::random::<u64>());
    eprintln!("{rounds} rounds; WASUP_SEED={seed} repeats the moments");
    let (mut rng, world) = (StdRng::seed_from_u64(seed), World::without_webhooks().await);
    let mut gateway = start(&world);
    gateway.wait_ready(&world).await;
    world.link_all().await;
    let deleted = Deleted::of(&world, 0, 0, rounds + OTHERS);
    let elsewhere = Deleted::of(&world, 2, 2_000_000, rounds + OTHERS);
    let crowded =
        Crowded { world: &world, account: &world.accounts[1].0, first: 1_000_000, messages: KEPT + rounds * FEWER };
    tokio::join!(deleted.tell(), crowded.tell(), elsewhere.tell());
    for round in 1..=rounds {
        tokio::join!(deleted.deleted_over_the_api(round - 1), elsewhere.deleted_on_the_phone(round - 1));
        put(&world, &crowded.path(), &json!({"max_messages": crowded.most(round, rounds)})).await;
        tokio::time::sleep(Duration::from_millis(rng.random_range(0..150))).await;
        gateway.kill();
        verify(&world);
        gateway = start(&world);
        // Every other time it is killed while it begins to go on.
        if round % 2 == 0 {
            tokio::time::sleep(Duration::from_millis(rng.random_range(50..700))).await;
            gateway.kill();
            verify(&world);
            gateway = start(&world);
        }
        gateway.wait_ready(&world).await;
        deleted.goes(round - 1).await;
        elsewhere.goes(round - 1).await;
    }
    crowded.until(KEPT).await;
    let stays = [
        (deleted.account, deleted.stay(rounds)),
        (crowded.account, crowded.stay(KEPT)),
        (elsewhere.account, elsewhere.stay(rounds)),
    ];
    let stay: BTreeSet<u64> = stays.iter().flat_map(|(_, stay)| stay).copied().collect();
    let rows = at_rest(&world, gateway, &|| start(&world), &stay).await;
    let found = rows.words().await;
    let left: Vec<_> = found.iter().filter(|(n, _)| !stay.contains(n)).collect();
    assert!(left.is_empty(), "{} are left: {:?}", left.len(), left.iter().take(9).collect::<Vec<_>>());
    for (account, stay) in &stays {
        rows.hold(account, stay).await;
    }
    assert_eq!(world.network.violations(), []);
}
