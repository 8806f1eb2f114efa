//! The ring: each account sends its messages to the next one.

use std::collections::HashSet;
use std::time::Duration;

use anyhow::Context as _;
use tokio::task::JoinSet;

use super::cast::Player;
use super::client::ApiClient;
use super::report::{Expected, Report, Sightings, tally};
use super::stage::Stage;

/// How long nothing may happen before what is missing counts as lost.
const PATIENCE: Duration = Duration::from_secs(120);

/// Sends a round of messages through the API and answers what has to arrive where.
///
/// # Errors
/// When a send is refused.
pub(super) async fn send_round(
    api: &ApiClient,
    players: &[Player],
    messages: u32,
    round: &str,
) -> anyhow::Result<Vec<Expected>> {
    let mut senders = JoinSet::new();
    for (from, to) in players.iter().zip(players.iter().cycle().skip(1)) {
        let (api, from, to, round) = (api.clone(), from.clone(), to.clone(), round.to_owned());
        senders.spawn(async move { send_all(&api, &from, &to, messages, &round).await });
    }
    let mut expected = Vec::new();
    while let Some(sent) = senders.join_next().await {
        expected.extend(sent.context("a sending task failed")??);
    }
    Ok(expected)
}

async fn send_all(
    api: &ApiClient,
    from: &Player,
    to: &Player,
    messages: u32,
    round: &str,
) -> anyhow::Result<Vec<Expected>> {
    let mut expected = Vec::new();
    for n in 1..=messages {
        let text = format!("{round}: message {n} from {} to {}", from.account, to.account);
        let key = text.replace([' ', ':'], "-");
        api.send(&from.account, to.number(), &text, &key).await?;
        let copy_to = Some(from.number().to_owned());
        expected.push(Expected { text, number: to.number().to_owned(), account: to.account.clone(), copy_to });
    }
    Ok(expected)
}

/// Waits until everything expected was shown by its phone and reported to the receiver, and every send of the gateway
/// is seen delivered; or until the patience ends.
pub(super) async fn settle(stage: &Stage, expected: &[Expected]) {
    for player in &stage.players {
        let want = expected.iter().filter(|message| message.is_shown_by(player.number())).count() as u64;
        let reached = |counts: &wasup_sandbox::PhoneCounts| counts.shown >= want;
        if player.phone.wait_for_counts(PATIENCE, reached).await.is_err() {
            return;
        }
    }
    let all = expected.len();
    stage.receiver.wait_until(PATIENCE, |receiver| receiver.count("message.received") >= all).await;
    let sends = expected.iter().filter(|message| message.copy_to.is_some()).count();
    stage.receiver.wait_until(PATIENCE, |receiver| receiver.delivered() >= sends).await;
}

/// Counts a run.
///
/// # Errors
/// When the server does not answer.
pub(super) async fn count(
    stage: &Stage,
    expected: &[Expected],
    paired: usize,
    elapsed: Duration,
) -> anyhow::Result<Report> {
    let (mut phones, mut receiver) = (Sightings::default(), Sightings::default());
    let mut report = Report {
        accounts: stage.players.len(),
        paired,
        sent: 0,
        delivered: 0,
        received: 0,
        webhooks_delivered: 0,
        lost: 0,
        duplicated: 0,
        elapsed_ms: u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
    };
    for player in &stage.players {
        for message in player.phone.inbox().iter().filter(|message| !message.from_me) {
            phones.note(player.number(), message.text.as_deref().unwrap_or_default());
        }
        let accepted = stage.network.accepted_from(player.number())?;
        // A message whose acknowledgement was lost is acknowledged again, under the same id.
        let sent: HashSet<_> = accepted.iter().filter(|accepted| accepted.device != 0).map(|one| &one.id).collect();
        report.sent += sent.len();
        for message in stage.api.messages(&player.account).await? {
            match (message.direction.as_str(), message.state.as_str()) {
                ("inbound", _) => report.received += 1,
                // What the account's phone wrote itself is outbound too, and was never put on the wire here.
                (_, "delivered" | "read" | "played") if message.tries > 0 => report.delivered += 1,
                _ => {}
            }
        }
    }
    for event in stage.receiver.events().into_values().filter(|event| event.kind == "message.received") {
        receiver.note(&event.account, event.data["text"].as_str().unwrap_or_default());
        report.webhooks_delivered += 1;
    }
    (report.lost, report.duplicated) = tally(expected, &phones, &receiver);
    Ok(report)
}
