//! What is done to a chat as a whole.

use std::time::Duration;

use wasup_sessions::ports::{AskError, ChatChange, NamedMessage, Typing};
use wasup_store::id::{AccountId, ChatId, ChatNo, MessageId, MessageKey, Millis};
use wasup_store::records::{AccountRecord, ChatSettings, Direction, MessageRecord, Participant};
use wasup_store::repo::chat_list::{self, ChatLine};
use wasup_store::repo::clearing::{self, Clearing};
use wasup_store::repo::{chat_marks, chat_messages, message};
use wasup_store::{Durability, ReadTx, StoreError, WriteTx};

use super::{ChatError, ChatName, Chats, MessageName, chat_no};
use crate::principal::Principal;

/// Most unread messages whose senders are told of one reading; the newest ones. Phones tell no more either.
const RECEIPTS_MAX: usize = 1_024;

/// Something that is set for a chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChatMark {
    /// Put away.
    Archived(bool),
    /// Above the others.
    Pinned(bool),
    /// Silent until a time; `u64::MAX` for ever.
    Muted(Option<Millis>),
    /// Marked as unread.
    Unread,
}

impl ChatMark {
    const fn change(self) -> ChatChange {
        match self {
            Self::Archived(archived) => ChatChange::Archived(archived),
            Self::Pinned(pinned) => ChatChange::Pinned(pinned),
            Self::Muted(until) => ChatChange::Muted(until),
            Self::Unread => ChatChange::Read(false),
        }
    }

    const fn set(self, settings: &mut ChatSettings, now_ms: Millis) {
        match self {
            Self::Archived(archived) => settings.archived = archived,
            Self::Pinned(false) => settings.pinned_ms = None,
            Self::Pinned(true) if settings.pinned_ms.is_none() => settings.pinned_ms = Some(now_ms),
            Self::Pinned(true) => {}
            Self::Muted(until) => settings.muted_until_ms = until,
            Self::Unread => settings.marked_unread = true,
        }
    }
}

/// What became of the receipts of a reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Receipts {
    /// They went out for so many messages.
    Sent(usize),
    /// There was nobody to tell.
    None,
    /// They were not asked for.
    NotWanted,
    /// They did not go out: the account is not connected, or the network did not take them.
    NotSent,
}

/// A message as the network names it.
pub(super) fn named(record: &MessageRecord) -> NamedMessage {
    NamedMessage {
        provider_id: record.provider_id.clone(),
        from_me: record.direction == Direction::Outbound,
        sender: record.sender.clone(),
        ts_ms: record.ts_ms,
    }
}

struct Found {
    owner: AccountRecord,
    chat: ChatNo,
    line: ChatLine,
}

impl Chats {
    async fn found(&self, principal: &Principal, id: &AccountId, name: &ChatName) -> Result<Found, ChatError> {
        let owner = self.owner(principal, id).await?;
        let found = |tx: &ReadTx<'_>| match chat_no(tx, &owner, name)? {
            Some(chat) => Ok::<_, StoreError>(chat_list::one(tx, owner.no, chat)?.map(|line| (line.chat, line))),
            None => Ok(None),
        };
        let (chat, line) = self.ctx.store.read(found).await?.ok_or(ChatError::ChatNotFound)?;
        Ok(Found { owner, chat, line })
    }

    /// Reads a chat up to a message, or whole. What is unread is on disk when this answers, whether or not the senders
    /// could be told.
    ///
    /// # Errors
    /// [`ChatError::ChatNotFound`], [`ChatError::MessageNotFound`].
    pub async fn read(
        &self,
        principal: &Principal,
        id: &AccountId,
        name: &ChatName,
        (upto, tell): (Option<&MessageName>, bool),
    ) -> Result<(ChatId, ChatLine, Receipts), ChatError> {
        let Found { owner, chat, line } = self.found(principal, id, name).await?;
        let no = owner.no;
        let upto = self.key_of(no, chat, upto).await?;
        let mut read = Vec::new();
        loop {
            let now_ms = self.ctx.store.now_ms();
            let job = move |tx: &mut WriteTx<'_>| chat_marks::read(tx, no, chat, upto, now_ms);
            let step = self.ctx.store.write_by(principal, Durability::Durable, job).await?;
            read.extend(step.read);
            if !step.more {
                break;
            }
        }
        self.ctx.nudges.deliveries();
        let receipts = match (tell, read.is_empty()) {
            (false, _) => Receipts::NotWanted,
            (true, true) => Receipts::None,
            (true, false) => self.tell_read(&owner, &line.record.participant, read).await?,
        };
        let line = self.ctx.store.read(|tx| chat_list::one(tx, no, chat)).await?.ok_or(ChatError::ChatNotFound)?;
        Ok((ChatId { account: no, chat }, line, receipts))
    }

    async fn key_of(
        &self,
        no: wasup_store::id::AccountNo,
        chat: ChatNo,
        name: Option<&MessageName>,
    ) -> Result<Option<MessageKey>, ChatError> {
        match name {
            None => Ok(None),
            Some(MessageName::Id(id)) if id.account == no => {
                let known = self.ctx.store.read(|tx| message::get(tx, *id)).await?;
                known.map(|_| Some(id.key)).ok_or(ChatError::MessageNotFound)
            }
            Some(MessageName::Id(_)) => Err(ChatError::MessageNotFound),
            Some(MessageName::ProviderId(id)) => {
                let key = self.ctx.store.read(|tx| chat_messages::by_provider_id(tx, no, chat, id)).await?;
                key.map(Some).ok_or(ChatError::MessageNotFound)
            }
        }
    }

    async fn tell_read(
        &self,
        owner: &AccountRecord,
        chat: &Participant,
        mut read: Vec<MessageId>,
    ) -> Result<Receipts, ChatError> {
        let Ok(link) = self.ctx.link(owner.no) else { return Ok(Receipts::NotSent) };
        read.sort_unstable();
        let newest = read.split_off(read.len().saturating_sub(RECEIPTS_MAX));
        let messages = self
            .ctx
            .store
            .read(|tx| {
                let records = newest.iter().map(|id| message::get(tx, *id)).collect::<Result<Vec<_>, StoreError>>()?;
                Ok::<_, StoreError>(records.iter().flatten().map(named).collect::<Vec<_>>())
            })
            .await?;
        Ok(match link.chats().tell_read(chat, &messages).await {
            Ok(()) => Receipts::Sent(messages.len()),
            Err(error) => {
                tracing::debug!(%error, "read receipts were not sent");
                Receipts::NotSent
            }
        })
    }

    /// Shows typing or recording in a chat, which the account need not have yet.
    ///
    /// # Errors
    /// [`ChatError::Ask`] where the network was not told.
    pub async fn typing(
        &self,
        principal: &Principal,
        id: &AccountId,
        name: &ChatName,
        (what, lasts): (Typing, Duration),
    ) -> Result<(), ChatError> {
        let owner = self.owner(principal, id).await?;
        let whom = match name {
            ChatName::Address(whom) => whom.clone(),
            ChatName::Id(_) => self.found(principal, id, name).await?.line.record.participant,
        };
        Ok(self.ctx.link(owner.no)?.chats().typing(&whom, what, lasts).await?)
    }

    /// Sets something for a chat on all of the account's devices. The network hears of it first: while it can't,
    /// nothing changes.
    ///
    /// # Errors
    /// [`ChatError::Ask`] where the network was not told.
    pub async fn mark(
        &self,
        principal: &Principal,
        id: &AccountId,
        name: &ChatName,
        mark: ChatMark,
    ) -> Result<(ChatId, ChatLine), ChatError> {
        let Found { owner, chat, line } = self.found(principal, id, name).await?;
        let no = owner.no;
        let newest = line.last.as_ref().map(|(_, record)| named(record));
        self.ctx.link(no)?.chats().change(&line.record.participant, mark.change(), newest.as_ref()).await?;
        let now_ms = self.ctx.store.now_ms();
        let job = move |tx: &mut WriteTx<'_>| {
            chat_marks::set(tx, no, chat, |settings| mark.set(settings, now_ms), Some(now_ms))
        };
        self.ctx.store.write_by(principal, Durability::Durable, job).await?;
        self.ctx.nudges.deliveries();
        let line = self.ctx.store.read(|tx| chat_list::one(tx, no, chat)).await?.ok_or(ChatError::ChatNotFound)?;
        Ok((ChatId { account: no, chat }, line))
    }

    /// Deletes a chat with its messages here and on the account's other devices. Sends that are not settled stay. Once the
    /// network was told and the first of them are gone, the rest goes whatever happens.
    ///
    /// # Errors
    /// [`ChatError::Ask`] where the network was not told; nothing is deleted then.
    pub async fn delete(&self, principal: &Principal, id: &AccountId, name: &ChatName) -> Result<u64, ChatError> {
        let Found { owner, chat, line } = self.found(principal, id, name).await?;
        let no = owner.no;
        let newest = line.last.as_ref().map(|(_, record)| named(record));
        let upto = line.last.as_ref().map(|(id, _)| id.key);
        match self.ctx.link(no)?.chats().change(&line.record.participant, ChatChange::Deleted, newest.as_ref()).await {
            Ok(()) => {}
            Err(AskError::NotFound) => {}
            Err(error) => return Err(error.into()),
        }
        let upto = upto.unwrap_or(MessageKey::new(0, 0));
        let (store, since_ms) = (&self.ctx.store, self.ctx.store.now_ms());
        let wanted = Clearing { no, chat, upto, whole: true, since_ms };
        let begin = move |tx: &mut WriteTx<'_>| clearing::begin(tx, &wanted);
        let mut cleared = store.write_by::<_, StoreError, _>(principal, Durability::Durable, begin).await?;
        let mut gone = cleared.gone;
        while let Some(after) = cleared.next {
            let now_ms = store.now_ms();
            let go_on = move |tx: &mut WriteTx<'_>| clearing::step(tx, &wanted, after, now_ms);
            cleared = store.write_by::<_, StoreError, _>(principal, Durability::Durable, go_on).await?;
            gone += cleared.gone;
        }
        self.ctx.nudges.deliveries();
        Ok(gone)
    }
}
