//! What the network is told of chats: receipts, typing, and the state that the account's devices share.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use wacore_binary::Jid;
use wasup_store::jid::JidKind;
use wasup_store::records::Participant;
use whatsapp_rust::Client;
use whatsapp_rust::features::{AppStateError, ChatStateType, SyncActionMessageRange, message_key, message_range};

use super::inbound::address;
use super::whatsapp::WhatsAppLink;
use crate::ports::{AskError, ChatCalls, ChatChange, Link as _, NamedMessage, Typing};

/// Which typing of which chat is shown at present: an older one's end is not told.
pub(super) type Shown = Arc<Mutex<HashMap<String, u64>>>;

fn failed(error: &dyn std::fmt::Display) -> AskError {
    // The library's texts may name who was asked about.
    let _ = error;
    AskError::Failed("the protocol library could not send it".into())
}

fn refused(error: &AppStateError) -> AskError {
    match error {
        AppStateError::InvalidRequest(_) => AskError::Invalid("the network has no such change".into()),
        other => failed(other),
    }
}

fn address_of(chat: &Participant) -> Result<Jid, AskError> {
    address::destination(chat).ok_or_else(|| AskError::Invalid("the chat has no address".into()))
}

/// Seconds, as app state counts them.
fn seconds(ms: u64) -> i64 {
    i64::try_from(ms / 1_000).unwrap_or(i64::MAX)
}

fn range(chat: &Jid, newest: Option<&NamedMessage>) -> Option<SyncActionMessageRange> {
    let newest = newest?;
    let sender = newest.sender.as_ref().and_then(|sender| sender.jid.as_str().parse().ok());
    let key = message_key(newest.provider_id.as_str(), chat, newest.from_me, sender.as_ref());
    Some(message_range(seconds(newest.ts_ms), None, vec![(key, seconds(newest.ts_ms))]))
}

impl WhatsAppLink {
    async fn within<T>(&self, work: impl Future<Output = Result<T, AskError>>) -> Result<T, AskError> {
        if !self.is_connected() {
            return Err(AskError::NotConnected);
        }
        let stopping = self.tasks().stopping();
        tokio::select! {
            () = stopping.cancelled() => Err(AskError::NotConnected),
            done = tokio::time::timeout(self.query_timeout(), work) => done.unwrap_or(Err(AskError::TimedOut)),
        }
    }

    /// Ends what is shown in a chat after a time, unless something else is shown there by then.
    fn pause_after(&self, chat: Jid, lasts: Duration, turn: u64) {
        let (client, shown) = (Arc::clone(self.client()), Arc::clone(self.typing_shown()));
        self.tasks().spawn_task(async move {
            tokio::time::sleep(lasts).await;
            let mine = {
                let mut shown = shown.lock().unwrap_or_else(PoisonError::into_inner);
                let key = chat.to_string();
                let mine = shown.get(&key) == Some(&turn);
                mine && shown.remove(&key).is_some()
            };
            if mine && let Err(error) = Box::pin(client.chatstate().send(&chat, ChatStateType::Paused)).await {
                tracing::debug!(%error, "the end of typing was not told");
            }
        });
    }
}

/// Messages of one sender after the other, in order.
fn by_sender(messages: &[NamedMessage]) -> Vec<(Option<&Participant>, Vec<&str>)> {
    let mut groups: Vec<(Option<&Participant>, Vec<&str>)> = Vec::new();
    for message in messages {
        let sender = message.sender.as_ref();
        match groups.iter_mut().find(|(of, _)| *of == sender) {
            Some((_, ids)) => ids.push(&message.provider_id),
            None => groups.push((sender, vec![&message.provider_id])),
        }
    }
    groups
}

async fn apply(
    client: &Client,
    jid: &Jid,
    change: ChatChange,
    range: Option<SyncActionMessageRange>,
) -> Result<(), AppStateError> {
    let actions = client.chat_actions();
    match change {
        ChatChange::Archived(true) => actions.archive_chat(jid, range).await,
        ChatChange::Archived(false) => actions.unarchive_chat(jid, range).await,
        ChatChange::Pinned(true) => actions.pin_chat(jid).await,
        ChatChange::Pinned(false) => actions.unpin_chat(jid).await,
        ChatChange::Muted(Some(u64::MAX)) => actions.mute_chat(jid).await,
        ChatChange::Muted(Some(until)) => actions.mute_chat_until(jid, i64::try_from(until).unwrap_or(i64::MAX)).await,
        ChatChange::Muted(None) => actions.unmute_chat(jid).await,
        ChatChange::Read(read) => actions.mark_chat_as_read(jid, read, range).await,
        ChatChange::Deleted => actions.delete_chat(jid, true, range).await,
    }
}

#[async_trait]
impl ChatCalls for WhatsAppLink {
    async fn tell_read(&self, chat: &Participant, messages: &[NamedMessage]) -> Result<(), AskError> {
        let jid = address_of(chat)?;
        let in_group = chat.jid.kind() == JidKind::Group;
        self.within(async {
            for (sender, ids) in by_sender(messages) {
                // A receipt in a group goes to the address that the message came from.
                let sender: Option<Jid> = sender.filter(|_| in_group).and_then(|of| of.jid.as_str().parse().ok());
                let told = Box::pin(self.client().mark_as_read(&jid, sender.as_ref(), &ids)).await;
                told.map_err(|error| failed(&error))?;
            }
            Ok(())
        })
        .await
    }

    async fn typing(&self, chat: &Participant, what: Typing, lasts: Duration) -> Result<(), AskError> {
        let jid = address_of(chat)?;
        let state = match what {
            _ if lasts.is_zero() => ChatStateType::Paused,
            Typing::Text => ChatStateType::Composing,
            Typing::Voice => ChatStateType::Recording,
        };
        let turn = rand::random();
        if lasts.is_zero() {
            self.typing_shown().lock().unwrap_or_else(PoisonError::into_inner).remove(&jid.to_string());
        } else {
            self.typing_shown().lock().unwrap_or_else(PoisonError::into_inner).insert(jid.to_string(), turn);
        }
        self.within(async {
            Box::pin(self.client().chatstate().send(&jid, state)).await.map_err(|error| failed(&error))
        })
        .await?;
        if !lasts.is_zero() {
            self.pause_after(jid, lasts, turn);
        }
        Ok(())
    }

    async fn change(
        &self,
        chat: &Participant,
        change: ChatChange,
        newest: Option<&NamedMessage>,
    ) -> Result<(), AskError> {
        let jid = address_of(chat)?;
        let range = range(&jid, newest);
        self.within(async {
            Box::pin(apply(self.client(), &jid, change, range)).await.map_err(|error| refused(&error))
        })
        .await
    }

    async fn ask_older(&self, chat: &Participant, oldest: &NamedMessage, count: u32) -> Result<(), AskError> {
        let jid = address_of(chat)?;
        let at_ms = i64::try_from(oldest.ts_ms).unwrap_or(i64::MAX);
        let count = i32::try_from(count).unwrap_or(i32::MAX);
        self.within(async {
            let ask = self.client().fetch_message_history(&jid, &oldest.provider_id, oldest.from_me, at_ms, count);
            Box::pin(ask).await.map(|_| ()).map_err(|error| failed(&error))
        })
        .await
    }
}
