//! What `wasup bench` can be told.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// What is measured.
#[derive(Debug, Clone, Subcommand)]
pub enum Bench {
    /// Messages from one account of the gateway to the next, through a sandbox in a process of its own.
    Messages(MessagesOptions),
    /// A restart with many linked accounts: time until all are connected, memory, and what the others notice of broken ones.
    Accounts(AccountsOptions),
    /// Durable commits of received messages, without network.
    Store(StoreOptions),
    /// Deliveries of received messages to more and more endpoints, and beside endpoints that never answer.
    Webhooks(WebhooksOptions),
    /// A chat of a million messages and a list of ten thousand chats, read page by page through the API.
    Chats(ChatsOptions),
    /// A file of a million contacts that comes into a list, and the list's pages, tags and export after it.
    Import(ImportOptions),
    /// Sends accepted over HTTP, with linked accounts whose network never acknowledges.
    Api(ApiOptions),
}

/// What every bench can be told.
#[derive(Debug, Clone, Args)]
pub struct Common {
    /// Prints one JSON object on standard output, and no progress.
    #[arg(long)]
    pub json: bool,
    /// Makes the run's texts, keys and numbers; drawn, and printed, when absent.
    #[arg(long)]
    pub seed: Option<u64>,
    /// Folder for the store, which must be empty or absent and is kept; without it a temporary one.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
}

impl Common {
    /// The seed, drawn where none was given.
    #[must_use]
    pub fn seed(&self) -> u64 {
        // At most 32 bits, so that it is short to type again.
        self.seed.unwrap_or_else(|| u64::from(rand::random::<u32>()))
    }
}

/// Who writes the messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Writers {
    /// The accounts of the gateway, through its API.
    Api,
    /// Virtual phones of strangers: only the receiving side is measured.
    Phones,
}

/// Which events go to the webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Told {
    /// Received messages.
    Received,
    /// All: each message is then told about five times.
    All,
}

/// Options of `wasup bench messages`.
#[derive(Debug, Clone, Args)]
pub struct MessagesOptions {
    /// How many accounts; each sends to the next one.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u16).range(2..=1000))]
    pub accounts: u16,
    /// How many messages each account sends.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub messages: u32,
    /// Messages a second over all accounts, at times that no answer moves; without it as fast as possible.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub rate: Option<u32>,
    /// Requests at the same time, where no rate is set.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=512))]
    pub concurrency: u16,
    /// Who writes.
    #[arg(long, value_enum, default_value_t = Writers::Api, conflicts_with_all = ["rate", "concurrency"])]
    pub by: Writers,
    /// Which events go to the webhook.
    #[arg(long, value_enum, default_value_t = Told::Received)]
    pub webhook: Told,
    /// What every bench can be told.
    #[command(flatten)]
    pub common: Common,
}

/// Options of `wasup bench accounts`.
#[derive(Debug, Clone, Args)]
pub struct AccountsOptions {
    /// How many accounts.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u16).range(1..=2000))]
    pub accounts: u16,
    /// Seconds between the last connection and the reading of the memory.
    #[arg(long, default_value_t = 3)]
    pub settle: u64,
    /// Account actors that are broken at random once all are connected; without it a tenth of the accounts.
    #[arg(long, value_parser = clap::value_parser!(u16).range(0..=2000))]
    pub kill: Option<u16>,
    /// What every bench can be told.
    #[command(flatten)]
    pub common: Common,
}

/// Options of `wasup bench store`.
#[derive(Debug, Clone, Args)]
pub struct StoreOptions {
    /// Numbers of writers, one run each.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 16, 256])]
    pub writers: Vec<u16>,
    /// Seconds of one run.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub seconds: u64,
    /// What every bench can be told.
    #[command(flatten)]
    pub common: Common,
}

/// Options of `wasup bench api`.
#[derive(Debug, Clone, Args)]
pub struct ApiOptions {
    /// How many accounts the sends are spread over.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(2..=1000))]
    pub accounts: u16,
    /// Connections, each with one request at a time.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub concurrency: u16,
    /// Seconds of the run.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub seconds: u64,
    /// What every bench can be told.
    #[command(flatten)]
    pub common: Common,
}

/// Options of `wasup bench chats`.
#[derive(Debug, Clone, Args)]
pub struct ChatsOptions {
    /// Messages of the one large chat.
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(100..=100_000_000))]
    pub messages: u64,
    /// Chats of the list, each with three messages.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(10..=1_000_000))]
    pub chats: u64,
    /// Items of a page: a walk through everything for each size.
    #[arg(long, value_delimiter = ',', default_values_t = [50, 1_000], value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub pages: Vec<u16>,
    /// Pages that begin at a message at random, by our id and by the network's.
    #[arg(long, default_value_t = 1_000)]
    pub jumps: u32,
    /// What every bench can be told.
    #[command(flatten)]
    pub common: Common,
}

/// Options of `wasup bench import`.
#[derive(Debug, Clone, Args)]
pub struct ImportOptions {
    /// Contacts of the file, in no order.
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(100..=9_000_000))]
    pub contacts: u64,
    /// Pages of each kind that are read from the list.
    #[arg(long, default_value_t = 500)]
    pub looks: u32,
    /// What every bench can be told.
    #[command(flatten)]
    pub common: Common,
}

/// Options of `wasup bench webhooks`.
#[derive(Debug, Clone, Args)]
pub struct WebhooksOptions {
    /// Numbers of endpoints, one run each, in rising order; before them a run without any. Default: 1,10,100, and with
    /// `--dead` as many as make 100 with the dead ones.
    #[arg(long, value_delimiter = ',', value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub endpoints: Vec<u16>,
    /// Accounts that the endpoints are spread over in turn; each message is delivered to all endpoints of its account. An
    /// account can only have so many.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub accounts: u16,
    /// Messages a second that phones write, over all accounts, at times that nothing moves.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub rate: u32,
    /// Seconds of one run.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub seconds: u64,
    /// Endpoints that take connections and never answer: with them the last run is made once more.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u16).range(0..=100))]
    pub dead: u16,
    /// Seconds until an attempt at a dead endpoint is given up. Twice that and a little, and its breaker opens.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=120))]
    pub dead_timeout: u8,
    /// What every bench can be told.
    #[command(flatten)]
    pub common: Common,
}

impl WebhooksOptions {
    /// The numbers of endpoints, in rising order.
    #[must_use]
    pub(super) fn counts(&self) -> Vec<u16> {
        let mut counts = match (self.endpoints.is_empty(), self.dead) {
            (false, _) => self.endpoints.clone(),
            (true, 0) => vec![1, 10, 100],
            (true, dead) => vec![100_u16.saturating_sub(dead).max(1)],
        };
        counts.sort_unstable();
        counts.dedup();
        counts
    }
}
