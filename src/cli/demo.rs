//! `wasup demo` and `wasup sandbox`: only in builds with the feature `sandbox`.

use std::io::Write as _;
use std::net::SocketAddr;

use clap::Args;
use wasup_sandbox::{Config as NetworkConfig, SandboxConfig};

use super::{Exit, Failure, serve};
use crate::config::{Config, Sources};
use crate::demo;
use crate::telemetry::LogsEnd;

const HINT: &str = "The log above may say more; `wasup demo --help` shows what can be set.";

/// Options of `wasup sandbox`.
#[derive(Debug, Clone, Args)]
pub struct SandboxArgs {
    /// Where the network listens. Loopback only; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:7701")]
    listen: SocketAddr,
    /// Where its HTTP control API listens. Loopback only; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:7702")]
    control: SocketAddr,
    /// Tell new accounts that their chats are addressed by LID instead of by phone number.
    #[arg(long)]
    lid_migrated: bool,
}

/// The demo shows its own lines; of the log only what went wrong, unless the environment asks for more.
pub(super) fn start_logs() -> Result<LogsEnd, Failure> {
    let env: Vec<_> = std::env::vars().filter(|(name, _)| name.starts_with("WASUP__LOG__")).collect();
    let quiet = ("WASUP__LOG__LEVEL".to_owned(), "warn".to_owned());
    let env = if env.iter().any(|(name, _)| *name == quiet.0) { env } else { [env, vec![quiet]].concat() };
    let config = Config::load(&Sources { file: None, env }).map_err(Failure::from)?.config;
    Ok(serve::start_logs(&config)?.1)
}

pub(super) fn failed(error: &anyhow::Error) -> Failure {
    Failure { exit: Exit::Unexpected, what: format!("{error:#}"), hint: HINT }
}

pub(super) fn run(options: &demo::Options) -> Result<Exit, Failure> {
    let _end = start_logs()?;
    serve::banner();
    let clean = serve::runtime()?.block_on(demo::run(options)).map_err(|error| failed(&error))?;
    Ok(if clean { Exit::Ok } else { Exit::Unexpected })
}

pub(super) fn run_sandbox(args: &SandboxArgs) -> Result<Exit, Failure> {
    let _end = start_logs()?;
    let network = NetworkConfig { listen: args.listen, lid_migrated: args.lid_migrated, ..NetworkConfig::default() };
    let config = SandboxConfig { network, control_listen: args.control };
    let serving = async {
        let sandbox = wasup_sandbox::serve(config).await?;
        let text = format!("network {}\ncontrol {}", sandbox.network().url(), sandbox.control_url());
        writeln!(std::io::stdout(), "{text}")?;
        tokio::signal::ctrl_c().await?;
        sandbox.shutdown().await;
        anyhow::Ok(())
    };
    serve::runtime()?.block_on(serving).map_err(|error| failed(&error))?;
    Ok(Exit::Ok)
}
