//! The command line: what can be asked of the binary, and how each command ends.

mod backup;
#[cfg(feature = "sandbox")]
mod bench;
mod config_check;
#[cfg(feature = "sandbox")]
mod demo;
mod exit;
mod failure;
mod healthcheck;
mod serve;
mod signals;
mod verify;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::config::{Config, Loaded, Sources};

pub use exit::{Exit, Failure};

/// A supervisor for many WhatsApp accounts: one binary, nothing acknowledged lost or doubled.
#[derive(Debug, Parser)]
#[command(name = "wasup", version, about)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Where the config is.
#[derive(Debug, Clone, Args)]
pub struct ConfigArgs {
    /// Config file; without it `./wasup.toml`, else `/etc/wasup/config.toml`, where present.
    #[arg(long, short, value_name = "FILE", env = "WASUP_CONFIG")]
    pub config: Option<PathBuf>,
}

impl ConfigArgs {
    fn load(&self) -> Result<Loaded, Failure> {
        Config::load(&Sources::of_process(self.config.as_deref())).map_err(Failure::from)
    }
}

/// What the binary can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Runs the server until it is told to stop (SIGTERM or SIGINT; a second one stops it at once).
    Serve(ConfigArgs),
    /// Looks at the config.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Asks a running server on this machine whether it is ready: exit code 0 when it is.
    Healthcheck(healthcheck::HealthcheckArgs),
    /// Looks at every row of a stopped store: exit code 0 when all is right, 73 when something is not.
    Verify(verify::VerifyArgs),
    /// Writes a consistent copy of the store into data.backups: through the running server, or of a stopped store.
    Backup(backup::BackupArgs),
    /// Makes a store of a backup, as a new life: accounts come back stopped and send nothing before they are released.
    Restore(backup::RestoreArgs),
    /// Copies a stopped store without the room that deleted rows left, and keeps the old one beside it.
    Compact(backup::CompactArgs),
    /// Shows the main job on this machine: a sandbox network, the server, a webhook receiver, accounts that talk.
    #[cfg(feature = "sandbox")]
    Demo(crate::demo::Options),
    /// Runs a WhatsApp network on loopback with virtual phones, for tests of your own.
    #[cfg(feature = "sandbox")]
    Sandbox(demo::SandboxArgs),
    /// Measures the gateway on this machine. Exit code 1 when a message was lost or doubled.
    #[cfg(feature = "sandbox")]
    #[command(subcommand)]
    Bench(crate::bench::Bench),
}

/// What can be done with the config.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Checks it and prints what is in force, secrets masked.
    Check(ConfigArgs),
}

/// Reads the command line and does what it says.
#[must_use]
pub fn run() -> Exit {
    // One provider of cryptography for every TLS connection; without it the first HTTP client would panic.
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        return Failure { exit: Exit::Unexpected, what: "TLS is set up twice".into(), hint: "this is a bug" }.report();
    }
    let outcome = match Cli::parse().command {
        Command::Serve(args) => serve::run(&args),
        Command::Config(ConfigCommand::Check(args)) => config_check::run(&args),
        Command::Healthcheck(args) => healthcheck::run(&args),
        Command::Verify(args) => verify::run(&args),
        Command::Backup(args) => backup::run_backup(args),
        Command::Restore(args) => backup::run_restore(&args),
        Command::Compact(args) => backup::run_compact(&args),
        #[cfg(feature = "sandbox")]
        Command::Demo(options) => demo::run(&options),
        #[cfg(feature = "sandbox")]
        Command::Sandbox(args) => demo::run_sandbox(&args),
        #[cfg(feature = "sandbox")]
        Command::Bench(what) => bench::run(&what),
    };
    outcome.unwrap_or_else(|failure| failure.report())
}
