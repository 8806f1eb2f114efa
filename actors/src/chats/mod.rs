//! The use cases around chats: lists, pages of messages, and what is done to a chat as a whole.

mod history;
mod look;
mod marks;
mod persistence;

use std::sync::Arc;

use wasup_sessions::ports::AskError;
use wasup_store::id::{AccountId, ChatId, ChatNo, MessageId, Millis};
use wasup_store::records::{AccountRecord, Participant};
use wasup_store::repo::{account, chat_marks};
use wasup_store::{ReadTx, StoreError};

pub use history::HistoryLook;
pub use look::{ChatPageQuery, ChatTotals, ChatsFound, ChatsQuery, Older};
pub use marks::{ChatMark, Receipts};
pub use persistence::Persistence;

use crate::context::Context;
use crate::principal::{Principal, sees};

/// What a chat is named by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChatName {
    /// Our id.
    Id(ChatId),
    /// An address or a number.
    Address(Participant),
}

/// What a message of a chat is named by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MessageName {
    /// Our id.
    Id(MessageId),
    /// The network's.
    ProviderId(String),
}

/// Why something about chats can't be done.
#[derive(Debug, thiserror::Error)]
pub enum ChatError {
    /// There is no such account.
    #[error("no such account")]
    AccountNotFound,
    /// The account has no such chat.
    #[error("no such chat")]
    ChatNotFound,
    /// The chat has no such message.
    #[error("no such message")]
    MessageNotFound,
    /// The network could not be told or asked.
    #[error(transparent)]
    Ask(#[from] AskError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The use cases around chats. Clones are the same.
#[derive(Clone)]
pub struct Chats {
    ctx: Arc<Context>,
}

impl std::fmt::Debug for Chats {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Chats").finish_non_exhaustive()
    }
}

impl Chats {
    pub(crate) const fn new(ctx: Arc<Context>) -> Self {
        Self { ctx }
    }

    /// The store's time.
    #[must_use]
    pub fn now_ms(&self) -> Millis {
        self.ctx.store.now_ms()
    }

    async fn owner(&self, principal: &Principal, id: &AccountId) -> Result<AccountRecord, ChatError> {
        let owner = self.ctx.store.read(|tx| account::get(tx, id)).await?;
        owner.filter(|owner| sees(principal, owner)).ok_or(ChatError::AccountNotFound)
    }
}

/// The chat of an account by its name.
fn chat_no(tx: &ReadTx<'_>, owner: &AccountRecord, name: &ChatName) -> Result<Option<ChatNo>, StoreError> {
    match name {
        ChatName::Id(id) if id.account == owner.no => Ok(Some(id.chat)),
        ChatName::Id(_) => Ok(None),
        ChatName::Address(who) => chat_marks::find(tx, owner.no, who),
    }
}
