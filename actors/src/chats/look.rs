//! Lists of chats and of their messages.

use std::time::Duration;

use tokio::time::Instant;
use wasup_store::StoreError;
use wasup_store::id::{AccountId, AccountNo, ChatId, ChatNo, MessageId, MessageKey};
use wasup_store::records::MessageRecord;
use wasup_store::repo::chat_list::{self, ChatFilter, ChatLine, ChatPlace};
use wasup_store::repo::chat_messages::{self, From};
use wasup_store::repo::{counters, message};

use super::marks::named;
use super::{ChatError, ChatName, Chats, MessageName, chat_no};
use crate::principal::Principal;

/// Most messages that the phone is asked for at once.
const OLDER_MAX: usize = 200;
/// Between two looks at a chat that older messages are to come to.
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// Chats looked at in one read, so that a write never waits long.
const LOOKS: usize = 256;

/// Which chats are asked for.
#[derive(Debug, Clone, Default)]
pub struct ChatsQuery {
    /// Which.
    pub filter: ChatFilter,
    /// Only those behind this place.
    pub after: Option<ChatPlace>,
    /// Leaves out so many of them first.
    pub skip: usize,
    /// At most so many.
    pub limit: usize,
}

/// All chats of an account, whatever was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChatTotals {
    /// Chats that have messages.
    pub chats: u64,
    /// Messages in them that are not read.
    pub unread: u64,
}

/// A piece of a list of chats.
#[derive(Debug, Clone)]
pub struct ChatsFound {
    /// The chats.
    pub lines: Vec<(ChatId, ChatLine)>,
    /// Where the next piece begins; `None` at the end.
    pub next: Option<ChatPlace>,
    /// All chats.
    pub totals: ChatTotals,
}

/// Which messages of a chat are asked for.
#[derive(Debug, Clone, Default)]
pub struct ChatPageQuery {
    /// The oldest first.
    pub oldest_first: bool,
    /// Only those behind this message, in that order.
    pub behind: Option<MessageName>,
    /// At most so many.
    pub limit: usize,
    /// Whether the phone is asked for older ones.
    pub older: Older,
    /// How long their coming is waited for.
    pub wait: Duration,
}

/// Whether the phone is asked for older messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Older {
    /// It is not.
    #[default]
    No,
    /// Where the store has fewer than are wanted, and somebody waits.
    WhereShort,
    /// In any case.
    Yes,
}

impl Chats {
    /// Lists an account's chats, the one with the newest message first.
    ///
    /// # Errors
    /// [`ChatError::AccountNotFound`] for an unknown account.
    pub async fn list(
        &self,
        principal: &Principal,
        id: &AccountId,
        query: &ChatsQuery,
    ) -> Result<ChatsFound, ChatError> {
        let owner = self.owner(principal, id).await?;
        let (no, store) = (owner.no, &self.ctx.store);
        let counted = store.read(|tx| counters::account(tx, no)).await?;
        let totals = ChatTotals { chats: counted.chats, unread: counted.unread };
        let (mut found, mut after, mut skip) = (Vec::new(), query.after, query.skip);
        // One more than is wanted: only then does anything follow.
        while found.len() <= query.limit {
            let wanted = skip + query.limit + 1 - found.len();
            let page = store.read(|tx| chat_list::page(tx, no, after, &query.filter, (wanted, LOOKS))).await?;
            let passed = skip.min(page.lines.len());
            skip -= passed;
            found.extend(page.lines.into_iter().skip(passed));
            after = page.next;
            if after.is_none() {
                break;
            }
            tokio::task::yield_now().await;
        }
        let more = found.len() > query.limit;
        found.truncate(query.limit);
        let next = found.last().filter(|_| more).map(|(place, _)| *place);
        let lines = found.into_iter().map(|(_, line)| (ChatId { account: no, chat: line.chat }, line)).collect();
        Ok(ChatsFound { lines, next, totals })
    }

    /// The place of a chat in the list.
    ///
    /// # Errors
    /// [`ChatError::ChatNotFound`] where it has none.
    pub async fn place(&self, principal: &Principal, id: &AccountId, name: &ChatName) -> Result<ChatPlace, ChatError> {
        let owner = self.owner(principal, id).await?;
        let place = |tx: &wasup_store::ReadTx<'_>| match chat_no(tx, &owner, name)? {
            Some(chat) => chat_list::place(tx, owner.no, chat),
            None => Ok(None),
        };
        self.ctx.store.read(place).await?.ok_or(ChatError::ChatNotFound)
    }

    /// One chat.
    ///
    /// # Errors
    /// [`ChatError::ChatNotFound`] for an unknown one.
    pub async fn get(
        &self,
        principal: &Principal,
        id: &AccountId,
        name: &ChatName,
    ) -> Result<(ChatId, ChatLine), ChatError> {
        let owner = self.owner(principal, id).await?;
        let line = |tx: &wasup_store::ReadTx<'_>| match chat_no(tx, &owner, name)? {
            Some(chat) => chat_list::one(tx, owner.no, chat),
            None => Ok(None),
        };
        let line = self.ctx.store.read(line).await?.ok_or(ChatError::ChatNotFound)?;
        Ok((ChatId { account: owner.no, chat: line.chat }, line))
    }

    /// A piece of a chat's messages.
    ///
    /// # Errors
    /// [`ChatError::ChatNotFound`], [`ChatError::MessageNotFound`] where the message to begin behind is none of it.
    pub async fn messages(
        &self,
        principal: &Principal,
        id: &AccountId,
        name: &ChatName,
        query: &ChatPageQuery,
    ) -> Result<Vec<(MessageId, MessageRecord)>, ChatError> {
        let owner = self.owner(principal, id).await?;
        let no = owner.no;
        let chat = self.ctx.store.read(|tx| chat_no(tx, &owner, name)).await?.ok_or(ChatError::ChatNotFound)?;
        let behind: Option<MessageKey> = match &query.behind {
            None => None,
            Some(MessageName::Id(id)) if id.account == no => Some(id.key),
            Some(MessageName::Id(_)) => return Err(ChatError::MessageNotFound),
            Some(MessageName::ProviderId(id)) => {
                let key = self.ctx.store.read(|tx| chat_messages::by_provider_id(tx, no, chat, id)).await?;
                Some(key.ok_or(ChatError::MessageNotFound)?)
            }
        };
        let from = if query.oldest_first { From::After(behind) } else { From::Before(behind) };
        let page = self.ctx.store.read(|tx| chat_messages::page(tx, no, chat, from, query.limit)).await?;
        let short = page.len() < query.limit && !query.oldest_first;
        match query.older {
            Older::No => return Ok(page),
            Older::WhereShort if !short || query.wait.is_zero() => return Ok(page),
            Older::WhereShort => match self.ask_older(no, chat, None, query.limit).await {
                // Whoever asks for what there is gets it, whether or not the phone can be asked.
                Err(ChatError::Ask(_)) => return Ok(page),
                asked => asked?,
            },
            // From before the message that is named: so a gap in the middle can be filled, too.
            Older::Yes => {
                let before = behind.filter(|_| !query.oldest_first);
                self.ask_older(no, chat, before, query.limit).await?;
            }
        }
        self.until_more(no, (chat, from, query.limit), page, query.wait).await
    }

    /// Asks the phone for messages from before one of a chat, or before its oldest.
    async fn ask_older(
        &self,
        no: AccountNo,
        chat: ChatNo,
        before: Option<MessageKey>,
        limit: usize,
    ) -> Result<(), ChatError> {
        let oldest = self
            .ctx
            .store
            .read(|tx| match before {
                Some(key) => message::get(tx, MessageId { account: no, key }),
                None => {
                    let first = chat_messages::page(tx, no, chat, From::After(None), 1)?.pop();
                    Ok::<_, StoreError>(first.map(|(_, record)| record))
                }
            })
            .await?;
        let Some(oldest) = oldest else { return Ok(()) };
        let count = u32::try_from(limit.min(OLDER_MAX)).unwrap_or(u32::MAX);
        let link = self.ctx.link(no)?;
        Ok(link.chats().ask_older(&oldest.chat, &named(&oldest), count).await?)
    }

    /// The page as it is when older messages have come, or after a time as it is then.
    async fn until_more(
        &self,
        no: AccountNo,
        (chat, from, limit): (ChatNo, From, usize),
        before: Vec<(MessageId, MessageRecord)>,
        wait: Duration,
    ) -> Result<Vec<(MessageId, MessageRecord)>, ChatError> {
        // Both what is older than everything and what fills a gap in the page counts.
        let look = |tx: &wasup_store::ReadTx<'_>| {
            let first = chat_messages::page(tx, no, chat, From::After(None), 1)?.pop();
            let page = chat_messages::page(tx, no, chat, from, limit)?;
            Ok::<_, StoreError>((first.map(|(id, _)| id), page.into_iter().map(|(id, _)| id).collect::<Vec<_>>()))
        };
        let was = self.ctx.store.read(look).await?;
        let end = Instant::now() + wait;
        let mut grown = None;
        // A piece comes in several commits: it is through when nothing comes any more.
        loop {
            tokio::time::sleep(LOOK_AGAIN).await;
            let now = self.ctx.store.read(look).await?;
            if Instant::now() >= end || (now != was && grown.as_ref() == Some(&now)) {
                break;
            }
            grown = (now != was).then_some(now);
        }
        match grown {
            None => Ok(before),
            Some(_) => Ok(self.ctx.store.read(|tx| chat_messages::page(tx, no, chat, from, limit)).await?),
        }
    }
}
