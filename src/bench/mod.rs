//! `wasup bench`: what the gateway can do on this machine, as figures that others can take again.
//!
//! The sandbox runs as a process of its own, so that the figures are the gateway's. What drives the gateway (callers,
//! webhook receiver) shares its process but not its threads, so that each side's processor time can be told.

mod accounts;
mod api;
mod chats;
mod child;
mod commits;
mod effort;
mod figures;
mod house;
mod import;
mod kills;
mod messages;
mod network;
mod options;
mod pace;
mod players;
mod received;
mod receiver;
mod report;
mod sending;
mod settling;
mod stage;
mod store;
mod subscribers;
mod surroundings;
mod trail;
mod typing;
mod webhooks;
mod wire;

pub use effort::LOAD_THREAD;
pub use options::Bench;

/// Runs a bench and prints its report; `true` when nothing was lost or duplicated.
///
/// # Errors
/// When a part can't start, or the gateway refuses something that it must be able to do.
pub async fn run(bench: &Bench) -> anyhow::Result<bool> {
    match bench {
        Bench::Messages(options) => Box::pin(messages::run(options)).await,
        Bench::Accounts(options) => Box::pin(accounts::run(options)).await,
        Bench::Store(options) => store::run(options).await,
        Bench::Webhooks(options) => Box::pin(webhooks::run(options)).await,
        Bench::Chats(options) => Box::pin(chats::run(options)).await,
        Bench::Import(options) => Box::pin(import::run(options)).await,
        Bench::Api(options) => Box::pin(api::run(options)).await,
    }
}
