//! The use cases around messages.

mod acts;
mod feed;
mod status;

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::time::{Instant, timeout};
use wasup_store::id::{AccountId, MessageId};
use wasup_store::records::{
    AccountRecord, Content, Lane, MessageContext, MessageRecord, MessageSecret, MessageState, Participant,
};
use wasup_store::repo::send::{self, AcceptError, NewSend};
use wasup_store::repo::{account, message, message_list};
use wasup_store::{Durability, Store, StoreError, Watermark, WriteTx};

pub use acts::{ActError, TakenBack, target_of};
pub use feed::FeedPage;
pub use status::{AUDIENCE_MAX, AudienceError};
pub use wasup_store::repo::message_list::{MessageFilter, MessagePage, MessagePlace};
pub use wasup_store::repo::send::Accepted;

use crate::context::Context;
use crate::meters::Refusal;
use crate::principal::{Principal, sees};

/// What a caller should wait when an outbox is full.
const FULL_RETRY_AFTER: Duration = Duration::from_secs(5);
/// The longest time between two looks at a message that is waited for, should a wake-up be lost.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// A send as it is asked for.
#[derive(Debug, Clone)]
pub struct SendCommand {
    /// The account that sends.
    pub account: AccountId,
    /// Where it goes.
    pub chat: Participant,
    /// What it says.
    pub content: Content,
    /// What surrounds that.
    pub context: Option<Box<MessageContext>>,
    /// The lane it waits in.
    pub lane: Lane,
    /// The caller's own id. Without an idempotency key it is one.
    pub client_message_id: Option<String>,
    /// The request's key.
    pub idempotency: Option<Idempotency>,
}

/// What makes a repeated request one with the first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idempotency {
    /// The caller's key, of any length.
    pub key: String,
    /// SHA-256 of the request's canonical body.
    pub body_sha256: [u8; 32],
}

/// Why a send was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// There is no such account.
    #[error("no such account")]
    AccountNotFound,
    /// There is no such message.
    #[error("no such message")]
    MessageNotFound,
    /// The key was used with another body.
    #[error("the idempotency key was used with another request")]
    IdempotencyKeyReused,
    /// Too many messages wait already.
    #[error("the account's outbox is full")]
    OutboxFull {
        /// When to ask again.
        retry_after: Duration,
    },
    /// The disk is nearly full.
    #[error("free space is below the floor")]
    SpaceLow,
    /// The store failed.
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for SendError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::SpaceLow { .. } => Self::SpaceLow,
            other => Self::Store(other),
        }
    }
}

impl From<AcceptError> for SendError {
    fn from(error: AcceptError) -> Self {
        match error {
            AcceptError::NoAccount => Self::AccountNotFound,
            AcceptError::KeyReused => Self::IdempotencyKeyReused,
            AcceptError::OutboxFull => Self::OutboxFull { retry_after: FULL_RETRY_AFTER },
            AcceptError::Store(error) => error.into(),
        }
    }
}

/// Why messages can't be shown.
#[derive(Debug, thiserror::Error)]
pub enum MessageError {
    /// There is no such message.
    #[error("no such message")]
    NotFound,
    /// There is no such account.
    #[error("no such account")]
    AccountNotFound,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The use cases around messages. Clones are the same.
#[derive(Clone)]
pub struct Messages {
    ctx: Arc<Context>,
    accepted: Arc<AtomicU32>,
}

impl std::fmt::Debug for Messages {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Messages").finish_non_exhaustive()
    }
}

impl Messages {
    pub(crate) fn new(ctx: Arc<Context>) -> Self {
        Self { ctx, accepted: Arc::default() }
    }

    /// The random part of a message's key. Its upper half counts, so that messages accepted one after the other within
    /// a millisecond also leave in that order.
    fn next_rand(&self) -> u64 {
        let count = self.accepted.fetch_add(1, Ordering::Relaxed);
        u64::from(count) << 32 | u64::from(rand::random::<u32>())
    }

    /// Accepts a send: it is on disk when this answers, and ends in sent, rejected or failed.
    ///
    /// # Errors
    /// [`SendError`]; nothing is kept of a refused one.
    pub async fn send(&self, principal: &Principal, command: SendCommand) -> Result<Accepted, SendError> {
        let kind = command.content.kind();
        let answer = self.accept(principal, command).await;
        let meters = &self.ctx.meters;
        match &answer {
            Ok(accepted) if !accepted.replayed => meters.accepted.count(kind),
            Err(SendError::OutboxFull { .. }) => meters.refusals.count(Refusal::Outbox),
            Err(SendError::SpaceLow) => meters.refusals.count(Refusal::Space),
            _ => {}
        }
        answer
    }

    /// The first answer to a request, where it is a repeat; `None` for a new one. For whoever would do much before it is
    /// accepted: that looks again.
    ///
    /// # Errors
    /// [`SendError::IdempotencyKeyReused`] where the key was used with another body.
    pub async fn replayed(
        &self,
        principal: &Principal,
        id: &AccountId,
        request: &Idempotency,
    ) -> Result<Option<Accepted>, SendError> {
        let now_ms = self.ctx.store.now_ms();
        let request = send::Idempotency::new(&request.key, request.body_sha256, now_ms);
        // Durable, because the answer must still be true after a power cut.
        let found = self.ctx.store.read_durable(|tx| {
            let owner = account::get(tx, id)?.filter(|record| sees(principal, record));
            let owner = owner.ok_or(SendError::AccountNotFound)?;
            Ok::<_, SendError>(send::replayed(tx, owner.no, &request, now_ms)?)
        });
        found.await
    }

    async fn accept(&self, principal: &Principal, command: SendCommand) -> Result<Accepted, SendError> {
        let settings = &self.ctx.settings.send;
        settings.free_space_floor.admit()?;
        let id = command.account.clone();
        let found = self.ctx.store.read(|tx| account::get(tx, &id)).await?;
        let owner = found.filter(|record| sees(principal, record)).ok_or(SendError::AccountNotFound)?;
        let now_ms = self.ctx.store.now_ms();
        let ttl_ms = u64::try_from(settings.idempotency_ttl.as_millis()).unwrap_or(u64::MAX);
        let idempotency = idempotency(&command)
            .map(|request| send::Idempotency::new(&request.key, request.body_sha256, now_ms.saturating_add(ttl_ms)));
        let secret = secret(&self.ctx.store, &command.content).await?;
        let new = NewSend {
            no: owner.no,
            chat: command.chat,
            content: command.content,
            context: command.context,
            secret,
            lane: command.lane,
            provider_id: provider_id(rand::random()),
            rand: self.next_rand(),
            now_ms,
            client_message_id: command.client_message_id,
            idempotency,
            outbox_max: settings.outbox_max,
            run: None,
        };
        let (store, mark) = (&self.ctx.store, Watermark::default());
        let job = move |tx: &mut WriteTx<'_>| send::accept(tx, &new).map_err(SendError::from);
        let accepted = store.write_by(principal, Durability::Under(&mark), job).await;
        if accepted.is_ok() {
            // It may be on its way while the disk is still at work: the frame that carries it waits for this commit, too.
            self.ctx.nudges.outbox(owner.no);
        }
        store.until_durable(&mark).await?;
        accepted
    }

    /// Waits until a message is settled or held, at most `timeout`; answers with what is true then.
    ///
    /// # Errors
    /// [`SendError::MessageNotFound`] for an unknown message.
    pub async fn wait_settled(&self, id: MessageId, patience: Duration) -> Result<MessageRecord, SendError> {
        let deadline = Instant::now() + patience;
        let mut waiter = self.ctx.settled.wait_for(id);
        loop {
            // Durable, because the answer must still be true after a power cut.
            let found = self.ctx.store.read_durable(|tx| message::get(tx, id).map_err(SendError::from)).await?;
            let record = found.ok_or(SendError::MessageNotFound)?;
            let left = deadline.saturating_duration_since(Instant::now());
            // A held one waits for longer than any caller.
            if record.state.is_settled() || record.state == MessageState::Held || left.is_zero() {
                return Ok(record);
            }
            let _ = timeout(left.min(LOOK_AGAIN), waiter.woken()).await;
        }
    }

    /// A message and its account.
    ///
    /// # Errors
    /// [`MessageError::NotFound`] for an unknown message, or one of another tenant.
    pub async fn get(
        &self,
        principal: &Principal,
        id: MessageId,
    ) -> Result<(AccountRecord, MessageRecord), MessageError> {
        let read = |tx: &wasup_store::ReadTx<'_>| {
            let Some(owner) = account::by_no(tx, id.account)? else { return Ok(None) };
            Ok::<_, StoreError>(message::get(tx, id)?.map(|message| (owner, message)))
        };
        let found = self.ctx.store.read(read).await?;
        found.filter(|(owner, _)| sees(principal, owner)).ok_or(MessageError::NotFound)
    }

    /// A page of an account's messages.
    ///
    /// # Errors
    /// [`MessageError::AccountNotFound`] for an unknown account.
    pub async fn list(
        &self,
        principal: &Principal,
        id: &AccountId,
        filter: &MessageFilter,
        place: MessagePlace,
    ) -> Result<MessagePage, MessageError> {
        let owner = self.ctx.store.read(|tx| account::get(tx, id)).await?;
        let owner = owner.filter(|record| sees(principal, record)).ok_or(MessageError::AccountNotFound)?;
        Ok(self.ctx.store.read(|tx| message_list::page(tx, owner.no, filter, place)).await?)
    }
}

/// The secret that a message goes out with. A vote is sealed with its poll's, other acts need none.
pub(crate) async fn secret(store: &Store, content: &Content) -> Result<Option<MessageSecret>, StoreError> {
    match (content.target(), content) {
        (None, _) => Ok(Some(MessageSecret(rand::random()))),
        (Some(poll), Content::PollVote { .. }) => {
            let Some(poll) = poll.message else { return Ok(None) };
            Ok(store.read(|tx| message::get(tx, poll)).await?.and_then(|poll| poll.secret))
        }
        _ => Ok(None),
    }
}

/// The request's key, or the caller's own id in its place.
fn idempotency(command: &SendCommand) -> Option<Idempotency> {
    if command.idempotency.is_some() {
        return command.idempotency.clone();
    }
    let own = command.client_message_id.as_ref()?;
    let mut body = Sha256::new();
    body.update(command.chat.jid.as_str());
    body.update([0]);
    body.update(serde_json::to_vec(&command.content).unwrap_or_default());
    if let Some(context) = &command.context {
        body.update(serde_json::to_vec(context).unwrap_or_default());
    }
    Some(Idempotency { key: format!("client_message_id:{own}"), body_sha256: body.finalize().into() })
}

/// An id of the network's own form for a message of a linked device: `3EB0` and 18 hexadecimal digits.
pub(crate) fn provider_id(random: [u8; 9]) -> String {
    random.iter().fold(String::from("3EB0"), |mut id, byte| {
        let _ = write!(id, "{byte:02X}");
        id
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasup_store::jid::Jid;

    fn command(own: Option<&str>, key: Option<&str>, body: &str) -> SendCommand {
        SendCommand {
            account: "a".parse().unwrap(),
            chat: Participant { jid: Jid::phone("628111"), phone: None, lid: None },
            content: Content::text(body),
            context: None,
            lane: Lane::Interactive,
            client_message_id: own.map(Into::into),
            idempotency: key.map(|key| Idempotency { key: key.into(), body_sha256: [7; 32] }),
        }
    }

    #[test]
    fn ids_have_the_networks_form() {
        assert_eq!(provider_id([0, 1, 2, 3, 4, 5, 6, 7, 255]), "3EB00001020304050607FF");
    }

    #[test]
    fn the_callers_own_id_makes_repeats_one_unless_there_is_a_key() {
        assert_eq!(idempotency(&command(None, None, "x")), None);
        let first = idempotency(&command(Some("m1"), None, "x")).unwrap();
        assert_eq!(idempotency(&command(Some("m1"), None, "x")).unwrap(), first);
        assert_ne!(idempotency(&command(Some("m1"), None, "y")).unwrap().body_sha256, first.body_sha256);
        assert_ne!(idempotency(&command(Some("m2"), None, "x")).unwrap().key, first.key);
        assert_eq!(idempotency(&command(Some("m1"), Some("k"), "x")).unwrap().key, "k");
    }
}
