//! What the account's other devices do to chats: they share it as app state (whatsapp-rust 0.7.0,
//! `features/chat_actions.rs`) and as receipts of their own.

use wacore::types::events::Event;
use wacore::types::presence::ReceiptType;
use wacore_binary::Jid;
use waproto::whatsapp::sync_action_value::SyncActionMessageRange;
use wasup_store::id::{ChatNo, MessageId, MessageKey, Millis};
use wasup_store::records::{ChatSettings, Participant};
use wasup_store::repo::clearing::{self, Clearing};
use wasup_store::repo::{chat_marks, chat_messages, forget, message};
use wasup_store::{StoreError, WriteTx};

use super::Clerk;
use crate::link::inbound::address;

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ChatNews {
    /// To which chat or human; `None` where messages are named by their ids alone.
    of: Option<Participant>,
    done: Done,
    /// It is a part of all there is, which comes with a fresh link: nobody is told of each.
    quiet: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Done {
    Archived(bool),
    Pinned(Option<Millis>),
    Muted(Option<Millis>),
    /// Up to a time, where that is known.
    Read(Option<Millis>),
    Unread,
    /// With all messages up to a time, where that is known.
    Cleared {
        until_ms: Option<Millis>,
        whole: bool,
    },
    Starred {
        id: String,
        starred: bool,
    },
    Forgotten {
        id: String,
    },
    Named(Option<String>),
    ReadMessages(Vec<String>),
}

/// The end of the second up to which a change holds.
fn until(range: Option<&SyncActionMessageRange>) -> Option<Millis> {
    let seconds = range?.last_message_timestamp.filter(|seconds| *seconds > 0)?;
    Some(u64::try_from(seconds).ok()?.saturating_mul(1_000).saturating_add(999))
}

fn news(jid: &Jid, done: Done, quiet: bool) -> Option<ChatNews> {
    Some(ChatNews { of: Some(address::participant(jid, None)?), done, quiet })
}

/// What an event tells of chats.
pub(super) fn of(event: &Event) -> Option<ChatNews> {
    match event {
        Event::ArchiveUpdate(told) => {
            news(&told.jid, Done::Archived(told.action.archived.unwrap_or_default()), told.from_full_sync)
        }
        Event::PinUpdate(told) => {
            let at = u64::try_from(told.timestamp.timestamp_millis()).unwrap_or_default();
            news(&told.jid, Done::Pinned(told.action.pinned.unwrap_or_default().then_some(at)), told.from_full_sync)
        }
        Event::MuteUpdate(told) => {
            // A mute without an end, or with a negative one, is for ever.
            let end = told.action.mute_end_timestamp.and_then(|end| u64::try_from(end).ok()).filter(|end| *end > 0);
            let muted = told.action.muted.unwrap_or_default();
            news(&told.jid, Done::Muted(muted.then_some(end.unwrap_or(u64::MAX))), told.from_full_sync)
        }
        Event::MarkChatAsReadUpdate(told) if told.action.read == Some(true) => {
            news(&told.jid, Done::Read(until(told.action.message_range.as_option())), told.from_full_sync)
        }
        Event::MarkChatAsReadUpdate(told) => news(&told.jid, Done::Unread, told.from_full_sync),
        Event::DeleteChatUpdate(told) => {
            let until_ms = until(told.action.message_range.as_option());
            news(&told.jid, Done::Cleared { until_ms, whole: true }, told.from_full_sync)
        }
        Event::ClearChatUpdate(told) => {
            let until_ms = until(told.action.message_range.as_option());
            news(&told.jid, Done::Cleared { until_ms, whole: false }, told.from_full_sync)
        }
        _ => of_message(event),
    }
}

/// What an event tells of single messages and of people.
fn of_message(event: &Event) -> Option<ChatNews> {
    match event {
        Event::StarUpdate(told) => {
            let (id, starred) = (told.message_id.clone(), told.action.starred.unwrap_or_default());
            news(&told.chat_jid, Done::Starred { id, starred }, told.from_full_sync)
        }
        Event::DeleteMessageForMeUpdate(told) => {
            news(&told.chat_jid, Done::Forgotten { id: told.message_id.clone() }, told.from_full_sync)
        }
        Event::ContactUpdate(told) => {
            let name = told.action.full_name.clone().or_else(|| told.action.first_name.clone());
            let mut news = news(&told.jid, Done::Named(name.filter(|name| !name.is_empty())), told.from_full_sync)?;
            // Both addresses of one human, where the phone tells the other one.
            let other: Option<Jid> = told.action.lid_jid.as_deref().and_then(|lid| lid.parse().ok());
            if let Some(other) = other {
                news.of = address::participant(&told.jid, Some(&other));
            }
            Some(news)
        }
        Event::Receipt(told) if told.r#type == ReceiptType::ReadSelf => {
            Some(ChatNews { of: None, done: Done::ReadMessages(told.message_ids.clone()), quiet: false })
        }
        _ => None,
    }
}

impl Clerk {
    /// Does to the account's chats what was done elsewhere.
    pub(super) async fn take_chat(&self, news: ChatNews) -> Result<(), StoreError> {
        let (no, now_ms) = (self.scope.no, self.store.now_ms());
        let told = (!news.quiet).then_some(now_ms);
        let Some(of) = news.of else {
            let Done::ReadMessages(ids) = news.done else { return Ok(()) };
            return self.read_messages(ids).await;
        };
        match news.done {
            Done::Archived(archived) => self.set(of, told, move |set| set.archived = archived).await,
            Done::Pinned(pinned_ms) => self.set(of, told, move |set| set.pinned_ms = pinned_ms).await,
            Done::Muted(until_ms) => self.set(of, told, move |set| set.muted_until_ms = until_ms).await,
            Done::Unread => self.set(of, told, |set| set.marked_unread = true).await,
            Done::Read(until_ms) => match self.chat(&of).await? {
                Some(chat) => self.read_chat(chat, until_ms.map(|until| MessageKey::new(until, u64::MAX))).await,
                None => Ok(()),
            },
            Done::Cleared { until_ms, whole } => self.clear(&of, until_ms, whole).await,
            Done::Starred { id, starred } => match self.message(&of, id).await? {
                Some(id) => self.write(move |tx| message::star(tx, id, starred).map(|_| ())).await,
                None => Ok(()),
            },
            Done::Forgotten { id } => match self.message(&of, id).await? {
                Some(id) => self.write(move |tx| forget::messages(tx, no, &[id]).map(|_| ())).await,
                None => Ok(()),
            },
            Done::Named(name) => {
                self.write(move |tx| {
                    chat_marks::name(tx, no, &of, name.as_deref(), (now_ms, told.is_some())).map(|_| ())
                })
                .await
            }
            Done::ReadMessages(_) => Ok(()),
        }
    }

    async fn chat(&self, of: &Participant) -> Result<Option<ChatNo>, StoreError> {
        self.store.read(|tx| chat_marks::find(tx, self.scope.no, of)).await
    }

    async fn message(&self, of: &Participant, provider_id: String) -> Result<Option<MessageId>, StoreError> {
        let no = self.scope.no;
        let Some(chat) = self.chat(of).await? else { return Ok(None) };
        let key = self.store.read(|tx| chat_messages::by_provider_id(tx, no, chat, &provider_id)).await?;
        Ok(key.map(|key| MessageId { account: no, key }))
    }

    /// Sets something for a chat. A chat without messages is made known by that: they may come yet.
    async fn set(
        &self,
        of: Participant,
        told: Option<Millis>,
        set: impl Fn(&mut ChatSettings) + Send + 'static,
    ) -> Result<(), StoreError> {
        let (no, now_ms) = (self.scope.no, self.store.now_ms());
        let job = move |tx: &mut WriteTx<'_>| {
            let chat = chat_marks::open(tx, no, &of, now_ms)?;
            chat_marks::set(tx, no, chat, &set, told).map(|_| ())
        };
        self.write(job).await
    }

    async fn read_chat(&self, chat: ChatNo, upto: Option<MessageKey>) -> Result<(), StoreError> {
        let (no, now_ms) = (self.scope.no, self.store.now_ms());
        while self.write(move |tx| chat_marks::read(tx, no, chat, upto, now_ms)).await?.more {}
        Ok(())
    }

    /// Whoever reads a message has read those before it.
    async fn read_messages(&self, ids: Vec<String>) -> Result<(), StoreError> {
        let no = self.scope.no;
        let read = self.store.read(|tx| chat_messages::newest_by_chat(tx, no, &ids)).await?;
        for (chat, upto) in read {
            self.read_chat(chat, Some(upto)).await?;
        }
        Ok(())
    }

    async fn clear(&self, of: &Participant, until_ms: Option<Millis>, whole: bool) -> Result<(), StoreError> {
        let no = self.scope.no;
        let Some(chat) = self.chat(of).await? else { return Ok(()) };
        let since_ms = self.store.now_ms();
        let upto = MessageKey::new(until_ms.unwrap_or(since_ms), u64::MAX);
        let wanted = Clearing { no, chat, upto, whole, since_ms };
        let mut cleared = self.write(move |tx| clearing::begin(tx, &wanted)).await?;
        while let Some(after) = cleared.next {
            let now_ms = self.store.now_ms();
            cleared = self.write(move |tx| clearing::step(tx, &wanted, after, now_ms)).await?;
        }
        Ok(())
    }
}
