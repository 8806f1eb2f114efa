//! The demo that keeps running: one QR to look at, addresses to open, and a line that says how it goes.

use std::io::Write as _;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use secrecy::ExposeSecret as _;
use tokio::time::MissedTickBehavior;
use wasup_sandbox::{Reply, Rules};

use super::options::Options;
use super::report::{Expected, Report};
use super::stage::Stage;
use super::{pairing, ring};
use crate::api::terminal;

/// Time between two lines of the summary.
const PACE: Duration = Duration::from_secs(5);

/// The report for people.
pub(super) fn lines(report: &Report) -> String {
    let Report { accounts, paired, sent, delivered, received, webhooks_delivered, lost, duplicated, elapsed_ms } =
        report;
    format!(
        "{paired} of {accounts} accounts linked · sent {sent} · delivered {delivered} · received {received} · \
         webhooks {webhooks_delivered} · lost {lost} · duplicated {duplicated} · {:.1} s",
        Duration::from_millis(*elapsed_ms).as_secs_f64()
    )
}

pub(super) async fn run(options: &Options) -> anyhow::Result<()> {
    let begun = Instant::now();
    let stage = Stage::set(options).await?;
    show_code(&stage).await?;
    let paired = pairing::link_all(&stage.api, &stage.network, &stage.players).await?;
    say(&format!("{paired} accounts linked. Every one sends {} messages to the next.", options.messages))?;
    let mut expected = ring::send_round(&stage.api, &stage.players, options.messages, "ring").await?;
    ring::settle(&stage, &expected).await;
    say(&lines(&ring::count(&stage, &expected, paired, begun.elapsed()).await?))?;
    say(&addresses(&stage))?;
    // One wait for the whole time: a signal that comes in the middle of a round must not be missed.
    tokio::select! {
        stopped = tokio::signal::ctrl_c() => stopped?,
        failed = talk_on(&stage, &mut expected, paired, begun) => failed?,
    }
    say("stopping")?;
    stage.strike().await;
    Ok(())
}

/// Talks until somebody stops it.
async fn talk_on(stage: &Stage, expected: &mut Vec<Expected>, paired: usize, begun: Instant) -> anyhow::Result<()> {
    let mut pace = tokio::time::interval(PACE);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    pace.tick().await;
    for round in 1.. {
        pace.tick().await;
        expected.extend(talk(stage, round).await?);
        ring::settle(stage, expected).await;
        say(&lines(&ring::count(stage, expected, paired, begun.elapsed()).await?))?;
    }
    Ok(())
}

/// One round of talk: around the ring, and from each phone to the account before it, which its own phone shows too.
async fn talk(stage: &Stage, round: u32) -> anyhow::Result<Vec<Expected>> {
    let mut expected = ring::send_round(&stage.api, &stage.players, 1, &format!("round {round}")).await?;
    for (from, to) in stage.players.iter().zip(stage.players.iter().cycle().skip(1)) {
        let text = format!("round {round}: the phone of {} says hello to {}", from.account, to.account);
        from.phone.send_text(to.number(), &text).await?;
        let (number, account) = (to.number().to_owned(), to.account.clone());
        expected.push(Expected { text, number, account, copy_to: None });
    }
    Ok(expected)
}

/// Draws the first account's code as `wasup serve` would, before its phone scans it.
async fn show_code(stage: &Stage) -> anyhow::Result<()> {
    let first = stage.players.first().context("a demo has accounts")?;
    for player in &stage.players {
        player.phone.set_rules(Rules { deliver: true, read: true, reply: Reply::None });
    }
    let code = stage.api.qr(&first.account, Duration::from_secs(30)).await?.context("no code is shown")?;
    say(&format!("The account {} waits for its phone. A virtual phone scans this code now:\n", first.account))?;
    say(&terminal(&code).context("the code does not fit a QR")?)
}

fn addresses(stage: &Stage) -> String {
    let (base, key) = (stage.api.base(), stage.gateway.api_key.key.expose_secret());
    format!(
        "\nIt keeps running; Ctrl-C stops it. To open:\n\
         \x20 API            {base}/v1/accounts\n\
         \x20 its contract   {base}/openapi.json\n\
         \x20 health         {base}/health\n\
         \x20 metrics        {base}/metrics\n\
         \x20 sandbox        {}\n\
         \x20 webhooks go to {}\n\
         with this key, which ends with the demo:\n\
         \x20 curl -H 'Authorization: Bearer {key}' {base}/v1/accounts\n",
        stage.sandbox.control_url(),
        stage.receiver.url(),
    )
}

fn say(text: &str) -> anyhow::Result<()> {
    writeln!(std::io::stdout(), "{text}")?;
    Ok(())
}
