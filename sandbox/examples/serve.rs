//! Runs a sandbox until it is interrupted: `cargo run -p wasup-sandbox --example serve`.
//!
//! Two optional arguments are the ports of the websocket and of the control API. The first line of
//! its output is one JSON object with the addresses.

use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use wasup_sandbox::{Config, SandboxConfig, serve};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let port = |index| std::env::args().nth(index).map_or(Ok(0), |text| text.parse());
    let address = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let sandbox = serve(SandboxConfig {
        network: Config { listen: address(port(1)?), trace_limit: 2_000, ..Config::default() },
        control_listen: address(port(2)?),
    })
    .await?;
    let about = serde_json::json!({
        "url": sandbox.network().url(),
        "control": sandbox.control_url(),
        "root_key": data_encoding::HEXLOWER.encode(&sandbox.network().root_key()),
    });
    writeln!(std::io::stdout(), "{about}")?;
    tokio::signal::ctrl_c().await?;
    sandbox.shutdown().await;
    Ok(())
}
