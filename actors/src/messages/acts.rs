//! What callers do to messages: another text, taken back, passed on, starred.

use wasup_sessions::ports::AskError;
use wasup_store::id::{AccountId, MessageId};
use wasup_store::jid::JidKind;
use wasup_store::records::{
    AccountRecord, Content, Direction, Lane, MarkKind, MarkRecord, MessageContext, MessageRecord, MessageState,
    Participant, Target,
};
use wasup_store::repo::cancel::{self, Cancel};
use wasup_store::repo::{account, mark, message};
use wasup_store::{Durability, StoreError, WriteTx};

use super::{Accepted, Idempotency, MessageError, Messages, SendCommand, SendError};
use crate::principal::{Principal, sees};

/// Why something can't be done to a message.
#[derive(Debug, thiserror::Error)]
pub enum ActError {
    /// There is no such message.
    #[error("no such message")]
    NotFound,
    /// The message is not of the kind, or does not stand so, that this can be done to it.
    #[error("{0}")]
    Refused(&'static str),
    /// It was not accepted.
    #[error(transparent)]
    Send(#[from] SendError),
    /// The network could not be asked.
    #[error(transparent)]
    Ask(#[from] AskError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<MessageError> for ActError {
    fn from(error: MessageError) -> Self {
        match error {
            MessageError::NotFound | MessageError::AccountNotFound => Self::NotFound,
            MessageError::Store(error) => Self::Store(error),
        }
    }
}

/// What became of the wish to take a message back.
#[derive(Debug, Clone)]
pub enum TakenBack {
    /// It never was on the wire and will never be.
    Cancelled(Box<MessageRecord>),
    /// It was taken back before.
    Already(Box<MessageRecord>),
    /// The network is asked to take it back by this message.
    Revoking(Box<Accepted>),
}

/// The message that an act is about, as the account that owns it sees it.
#[must_use]
pub fn target_of(id: MessageId, record: &MessageRecord) -> Target {
    Target {
        provider_id: record.provider_id.clone(),
        from_me: record.direction == Direction::Outbound,
        sender: record.sender.clone(),
        message: Some(id),
    }
}

/// Whether the network has it.
const fn is_there(state: MessageState) -> bool {
    matches!(state, MessageState::Sent | MessageState::Delivered | MessageState::Read | MessageState::Played)
}

/// Why a message can't have another text; `None` where it can.
fn not_editable(record: &MessageRecord) -> Option<&'static str> {
    match &record.content {
        _ if record.direction == Direction::Inbound => Some("only the account's own messages can be edited"),
        _ if record.chat.jid.kind() == JidKind::Broadcast => Some("a status can't be edited"),
        Content::Revoked => Some("the message was taken back"),
        content if content.reworded("x").is_none() => Some("only texts and the texts under files can be edited"),
        _ if !is_there(record.state) => Some("the network does not have the message yet, or never will"),
        _ => None,
    }
}

/// A status whose audience is not known.
fn is_foreign_status(record: &MessageRecord) -> bool {
    let audience = record.context.as_deref().and_then(|context| context.audience.as_ref());
    record.chat.jid.kind() == JidKind::Broadcast && audience.is_none()
}

/// Why a message can't be taken back; `None` where it can. In a group the network lets admins take back what others wrote.
fn not_revocable(record: &MessageRecord) -> Option<&'static str> {
    let group = record.chat.jid.kind() == JidKind::Group;
    match record.direction {
        _ if is_foreign_status(record) => Some("the status was posted elsewhere: who sees it is not known here"),
        _ if record.content.target().is_some() => Some("what was done to a message can't be taken back"),
        Direction::Inbound if !group => Some("only the account's own messages can be taken back"),
        _ if !is_there(record.state) => Some("the network never had the message"),
        _ => None,
    }
}

impl Messages {
    fn act(owner: &AccountRecord, chat: Participant, content: Content, request: Option<Idempotency>) -> SendCommand {
        SendCommand {
            account: owner.id.clone(),
            chat,
            content,
            context: None,
            lane: Lane::Interactive,
            client_message_id: None,
            idempotency: request,
        }
    }

    /// Gives one of the account's own messages another text, or another text under its file. The network does so for about
    /// fifteen minutes after it was written; later it refuses, or the receivers ignore it.
    ///
    /// # Errors
    /// [`ActError::Refused`] for messages that can't have another text.
    pub async fn edit(
        &self,
        principal: &Principal,
        id: MessageId,
        text: String,
        request: Option<Idempotency>,
    ) -> Result<(AccountRecord, Accepted), ActError> {
        let (owner, record) = self.get(principal, id).await?;
        if let Some(why) = not_editable(&record) {
            return Err(ActError::Refused(why));
        }
        let content = Content::Edit { target: target_of(id, &record), body: text };
        let accepted = self.send(principal, Self::act(&owner, record.chat, content, request)).await?;
        Ok((owner, accepted))
    }

    /// Takes a message back for everybody. One that still waits to be sent is cancelled instead.
    ///
    /// # Errors
    /// [`ActError::Refused`] for messages that can't be taken back, and for one that is on the wire at this moment.
    pub async fn take_back(
        &self,
        principal: &Principal,
        id: MessageId,
        request: Option<Idempotency>,
    ) -> Result<(AccountRecord, TakenBack), ActError> {
        let (owner, record) = self.get(principal, id).await?;
        let now_ms = self.ctx.store.now_ms();
        let job = move |tx: &mut WriteTx<'_>| cancel::cancel(tx, id, now_ms);
        let outcome = match record.state {
            MessageState::Queued | MessageState::Held => {
                self.ctx.store.write_by(principal, Durability::Durable, job).await?
            }
            MessageState::Sending => Cancel::OnTheWire,
            _ => Cancel::Settled(Box::new(record)),
        };
        let record = match outcome {
            Cancel::Done(record) => {
                self.ctx.settled.wake([id]);
                return Ok((owner, TakenBack::Cancelled(record)));
            }
            Cancel::OnTheWire => {
                return Err(ActError::Refused("the message is on the wire; try again when it is sent"));
            }
            Cancel::Unknown => return Err(ActError::NotFound),
            Cancel::Settled(record) => record,
        };
        if record.content == Content::Revoked || record.state == MessageState::Cancelled {
            return Ok((owner, TakenBack::Already(record)));
        }
        if let Some(why) = not_revocable(&record) {
            return Err(ActError::Refused(why));
        }
        let content = Content::Revoke { target: target_of(id, &record) };
        // A status is taken back from those who saw it.
        let audience = record.context.and_then(|context| context.audience);
        let context =
            audience.map(|audience| Box::new(MessageContext { audience: Some(audience), ..MessageContext::default() }));
        let command = SendCommand { context, ..Self::act(&owner, record.chat, content, request) };
        let accepted = self.send(principal, command).await?;
        Ok((owner, TakenBack::Revoking(Box::new(accepted))))
    }

    /// Passes a message on to another chat of the same account.
    ///
    /// # Errors
    /// [`ActError::Refused`] for messages that can't be passed on.
    pub async fn forward(
        &self,
        principal: &Principal,
        id: MessageId,
        to: Participant,
        request: Option<Idempotency>,
    ) -> Result<(AccountRecord, Accepted), ActError> {
        let (owner, record) = self.get(principal, id).await?;
        let mut content = record.content.clone();
        match &mut content {
            Content::Text { .. } | Content::Location(_) | Content::Contact { .. } => {}
            other => match other.media_mut() {
                Some(media) if media.remote.is_some() => {}
                _ => return Err(ActError::Refused("messages of this type can't be passed on")),
            },
        }
        let before = record.context.as_deref().map_or(0, |context| context.forwarded);
        if record.context.is_some_and(|context| context.view_once) {
            return Err(ActError::Refused("what is to be seen once can't be passed on"));
        }
        let context = MessageContext { forwarded: before.saturating_add(1), ..MessageContext::default() };
        let command = SendCommand { context: Some(Box::new(context)), ..Self::act(&owner, to, content, request) };
        let accepted = self.send(principal, command).await?;
        Ok((owner, accepted))
    }

    /// Puts a message among the account's starred ones, or takes it out: at the network, so that every device of the account
    /// shows it, and here.
    ///
    /// # Errors
    /// [`ActError::Ask`] where the account is not connected, or the network says no.
    pub async fn star(
        &self,
        principal: &Principal,
        id: MessageId,
        starred: bool,
    ) -> Result<(AccountRecord, MessageRecord), ActError> {
        let (owner, record) = self.get(principal, id).await?;
        if record.content.target().is_some() || record.content == Content::Revoked {
            return Err(ActError::Refused("there is nothing to star"));
        }
        let link = self.ctx.link(owner.no)?;
        link.star(&record.chat, &target_of(id, &record), starred).await?;
        let job = move |tx: &mut WriteTx<'_>| {
            message::star(tx, id, starred)?;
            tx.reading(|tx| message::get(tx, id))
        };
        let after = self.ctx.store.write_by(principal, Durability::Durable, job).await?;
        after.map(|record| (owner, record)).ok_or(ActError::NotFound)
    }

    /// The reactions to a message and the votes in it.
    ///
    /// # Errors
    /// [`MessageError`] when the store can't be read.
    pub async fn marks(&self, id: MessageId) -> Result<(Vec<MarkRecord>, Vec<MarkRecord>), MessageError> {
        let read = |tx: &wasup_store::ReadTx<'_>| {
            Ok::<_, StoreError>((mark::list(tx, id, MarkKind::Reaction)?, mark::list(tx, id, MarkKind::Vote)?))
        };
        Ok(self.ctx.store.read(read).await?)
    }

    /// The message of an account that a caller names by our id or by the network's.
    ///
    /// # Errors
    /// [`MessageError::NotFound`] where the account has none of that name.
    pub async fn named(
        &self,
        principal: &Principal,
        account: &AccountId,
        name: &str,
    ) -> Result<(MessageId, MessageRecord), MessageError> {
        let found = self.ctx.store.read(|tx| account::get(tx, account)).await?;
        let owner = found.filter(|record| sees(principal, record)).ok_or(MessageError::AccountNotFound)?;
        let read = |tx: &wasup_store::ReadTx<'_>| match name.parse::<MessageId>() {
            Ok(id) if id.account == owner.no => Ok(message::get(tx, id)?.map(|record| (id, record))),
            Ok(_) => Ok(None),
            Err(_) => message::named(tx, owner.no, name),
        };
        self.ctx.store.read(read).await?.ok_or(MessageError::NotFound)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasup_store::id::{AccountNo, ChatNo};
    use wasup_store::jid::Jid;
    use wasup_store::records::{Aftermath, StateTimes};

    fn sent() -> MessageRecord {
        MessageRecord {
            direction: Direction::Outbound,
            chat: Participant { jid: Jid::phone("628111"), phone: None, lid: None },
            chat_no: ChatNo(1),
            sender: None,
            sender_no: None,
            provider_id: "3EB0".into(),
            ts_ms: 0,
            content: Content::text("x"),
            state: MessageState::Sent,
            times: StateTimes::default(),
            reason: None,
            lane: Lane::Interactive,
            tries: 1,
            client_message_id: None,
            push_name: None,
            context: None,
            aftermath: Aftermath::default(),
            secret: None,
            fleeting: false,
            run: None,
        }
    }

    #[test]
    fn only_own_words_that_the_network_has_can_be_changed() {
        let sent = sent();
        assert_eq!(not_editable(&sent), None);
        assert_eq!(not_revocable(&sent), None);
        for other in [
            MessageRecord { direction: Direction::Inbound, ..sent.clone() },
            MessageRecord { content: Content::Revoked, ..sent.clone() },
            MessageRecord { content: Content::Contact { cards: Vec::new() }, ..sent.clone() },
            MessageRecord { state: MessageState::Queued, ..sent.clone() },
            MessageRecord { state: MessageState::Failed, ..sent.clone() },
        ] {
            assert!(not_editable(&other).is_some(), "{other:?}");
        }
        assert!(not_revocable(&MessageRecord { direction: Direction::Inbound, ..sent.clone() }).is_some());
        assert!(not_revocable(&MessageRecord { state: MessageState::Failed, ..sent.clone() }).is_some());
        let group = Participant { jid: "1@g.us".parse().unwrap(), phone: None, lid: None };
        let theirs =
            MessageRecord { direction: Direction::Inbound, chat: group, state: MessageState::Delivered, ..sent };
        assert_eq!(not_revocable(&theirs), None, "an admin may");
        let id = MessageId { account: AccountNo(1), key: wasup_store::id::MessageKey::new(1, 2) };
        let target = target_of(id, &theirs);
        assert_eq!((target.message, target.from_me), (Some(id), false));
    }
}
