//! `wasup demo`: the main job on one machine. Sandbox, server and webhook receiver in one process, real sockets between.

pub mod client;
pub mod receiver;
pub mod report;

mod cast;
mod confidential;
mod live;
mod options;
mod pairing;
mod ring;
mod stage;

use std::io::Write as _;
use std::time::Instant;

pub use options::Options;
use report::Report;
use stage::Stage;

/// Runs the demo; `true` when nothing was lost or duplicated (a live one ends well when it is told to stop).
///
/// # Errors
/// When a part can't start or the server refuses something that a demo must be able to do.
pub async fn run(options: &Options) -> anyhow::Result<bool> {
    if options.once { once(options).await } else { live::run(options).await.map(|()| true) }
}

async fn once(options: &Options) -> anyhow::Result<bool> {
    let begun = Instant::now();
    let stage = Stage::set(options).await?;
    let paired = pairing::link_all(&stage.api, &stage.network, &stage.players).await?;
    let expected = ring::send_round(&stage.api, &stage.players, options.messages, "once").await?;
    ring::settle(&stage, &expected).await;
    let report = ring::count(&stage, &expected, paired, begun.elapsed()).await?;
    if let Some(path) = &options.confidential {
        confidential::write(path, &stage, &expected).await?;
    }
    stage.strike().await;
    print(&report, options.json)?;
    Ok(report.is_clean())
}

/// The report is what the command is for: it goes to standard output, everything else to standard error.
fn print(report: &Report, json: bool) -> anyhow::Result<()> {
    let text = if json { serde_json::to_string(report)? } else { live::lines(report) };
    writeln!(std::io::stdout(), "{text}")?;
    Ok(())
}
