//! `wasup healthcheck`: for containers that hold nothing but the binary.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use clap::Args;

use super::{ConfigArgs, Exit, Failure};

/// Longest wait for the server's answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// What `wasup healthcheck` is told.
#[derive(Debug, Args)]
pub struct HealthcheckArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// Asks this address instead of the configured one, such as `http://127.0.0.1:8080/readyz`.
    #[arg(long)]
    url: Option<String>,
}

pub(super) fn run(args: &HealthcheckArgs) -> Result<Exit, Failure> {
    let url = match &args.url {
        Some(url) => url.clone(),
        None => format!("http://{}/readyz", own_address(args.config.load()?.config.server.listen)),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Exit::Unexpected, &error, "the system is out of resources"))?;
    runtime.block_on(ask(&url)).map_err(|error| Failure::new(Exit::Unexpected, &error, "is `wasup serve` running?"))
}

async fn ask(url: &str) -> Result<Exit, reqwest::Error> {
    let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build()?;
    client.get(url).send().await?.error_for_status()?;
    Ok(Exit::Ok)
}

/// Where to reach a server that listens on every address: on this machine.
pub(super) fn own_address(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_means_this_machine() {
        for (listen, asked) in [("0.0.0.0:80", "127.0.0.1:80"), ("[::]:80", "[::1]:80"), ("10.0.0.1:80", "10.0.0.1:80")]
        {
            assert_eq!(own_address(listen.parse().unwrap()).to_string(), asked);
        }
    }
}
