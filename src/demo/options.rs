//! What `wasup demo` can be told.

use std::path::PathBuf;

use clap::Args;

/// Options of `wasup demo`.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// Runs once as a script: each account sends its messages to the next one, then a report, then the end. The exit
    /// code is 0 only when nothing was lost or duplicated.
    #[arg(long)]
    pub once: bool,
    /// Prints the report as one JSON object on standard output (with --once).
    #[arg(long, requires = "once")]
    pub json: bool,
    /// How many accounts; without it the ones of config/accounts.example.toml.
    #[arg(long, value_parser = clap::value_parser!(u16).range(2..=1000))]
    pub accounts: Option<u16>,
    /// How many messages each account sends to the next one in the first round.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub messages: u32,
    /// Writes what must not be in the log of the run into this file, for a test (with --once).
    #[arg(long, hide = true, requires = "once", value_name = "FILE")]
    pub confidential: Option<PathBuf>,
    /// Port of the HTTP API; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    pub port: u16,
}
