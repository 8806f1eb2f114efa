//! What workers brought home, on its way into the store.

use rand::Rng;
use sha2::{Digest as _, Sha256};
use wasup_store::id::{EndpointId, MessageId, Millis};
use wasup_store::records::{
    AnswerBody, Attempt as AttemptRow, AttemptOutcome, DiscardReason, Lane, MessageSecret, NotSent, Octets, Participant,
};
use wasup_store::repo::delivery::{Finished, ReplyWish, Verdict};
use wasup_store::repo::send::NewSend;

use super::retry;
use super::worker::{Attempt, Attempted, ForChat};
use super::{Answered, WebhookAnswer};
use crate::context::Context;
use crate::messages::provider_id;

/// Most bytes that are kept of an answer. More may be read, and become a reply.
const ANSWER_KEPT: usize = 16 * 1_024;

/// When things happen in a settlement: by the store, and by the time that retries become due.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    pub(super) now_ms: Millis,
    pub(super) due_ms: Millis,
}

/// Judges an attempt.
pub(super) fn finished(ctx: &Context, attempted: &Attempted, times: Times, rng: &mut impl Rng) -> Finished {
    let answer = match &attempted.result {
        Attempt::Answered(answer) => Some(answer),
        Attempt::Lost | Attempt::Pruned => None,
    };
    let verdict = match &attempted.went {
        Some((_, policy)) => retry::decide(attempted.about.tries, answer, policy, times.due_ms, rng),
        None => Verdict::Discarded(DiscardReason::EventPruned),
    };
    let policy = attempted.went.as_ref().map(|(_, policy)| policy);
    // A clock that jumped ahead must not end anybody's time to recover.
    let disable_after = policy.and_then(|policy| policy.disable_after).filter(|_| ctx.time.is_trusted());
    let completed = verdict == Verdict::Completed;
    let reply = attempted.reply.as_ref().filter(|_| completed);
    Finished {
        id: attempted.about.id,
        attempt: row(attempted, retry::outcome(answer), answer),
        verdict,
        disable_after_ms: disable_after.map(super::claims::millis),
        reply: reply.map(|reply| wish(ctx, attempted.about.id.endpoint, reply, times.now_ms)),
    }
}

fn row(attempted: &Attempted, outcome: AttemptOutcome, answer: Option<&WebhookAnswer>) -> AttemptRow {
    let said = |answered: &Answered| {
        let body = answered.body.get(..ANSWER_KEPT).unwrap_or(&answered.body);
        let cut = answered.cut || body.len() < answered.body.len();
        AnswerBody { content_type: answered.content_type.clone(), body: Octets(body.to_vec()), cut, elsewhere: false }
    };
    let answer = match answer {
        Some(WebhookAnswer::Answered(answered)) if answered.content_type.is_some() || !answered.body.is_empty() => {
            Some(said(answered))
        }
        _ => None,
    };
    let url = attempted.went.as_ref().map(|(url, _)| url.clone());
    let plain = AttemptRow::new(attempted.at_ms, attempted.took_ms, outcome);
    AttemptRow { n: attempted.about.n, url, answer, ..plain }
}

fn wish(ctx: &Context, endpoint: EndpointId, answer: &ForChat, now_ms: Millis) -> ReplyWish {
    let content = match &answer.says {
        Ok(content) => content.clone(),
        Err(why) => return ReplyWish::Not(*why),
    };
    if ctx.settings.send.free_space_floor.admit().is_err() {
        return ReplyWish::Not(NotSent::SpaceLow);
    }
    let (provider_id, rand) = ids(endpoint, answer.to);
    ReplyWish::Send(Box::new(NewSend {
        no: answer.to.account,
        chat: Participant::clone(&answer.chat),
        content,
        context: None,
        secret: Some(MessageSecret(rand::random())),
        lane: Lane::Interactive,
        provider_id,
        rand,
        now_ms,
        client_message_id: None,
        idempotency: None,
        outbox_max: ctx.settings.send.outbox_max,
        run: None,
    }))
}

/// The network's id of a reply, and the random part of ours: of each endpoint one for each message, so that the same
/// reply is the same message wherever it comes from.
fn ids(endpoint: EndpointId, to: MessageId) -> (String, u64) {
    let mut hash = Sha256::new();
    hash.update(b"wasup reply");
    hash.update(endpoint.to_bytes());
    hash.update(to.to_bytes());
    let hash = hash.finalize();
    let mut random = [0; 9];
    random.copy_from_slice(&hash[..9]);
    let mut rand = [0; 8];
    rand.copy_from_slice(&hash[9..17]);
    (provider_id(random), u64::from_be_bytes(rand))
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasup_store::id::{AccountNo, MessageKey};

    #[test]
    fn a_reply_is_the_same_message_however_often_it_is_made() {
        let (endpoint, to) = (EndpointId::new(1, 2), MessageId { account: AccountNo(3), key: MessageKey::new(4, 5) });
        let first = ids(endpoint, to);
        assert_eq!(ids(endpoint, to), first);
        assert!(first.0.starts_with("3EB0") && first.0.len() == 22, "{}", first.0);
        assert_ne!(ids(EndpointId::new(1, 3), to).0, first.0, "two endpoints may both answer");
        assert_ne!(ids(endpoint, MessageId { account: AccountNo(4), ..to }).0, first.0);
    }
}
