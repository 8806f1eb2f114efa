//! Takes news in, and asks for what they do not tell.

use std::sync::Arc;
use std::time::Duration;

use wasup_store::jid::Jid;
use whatsapp_rust::Client;

use super::super::calls::Calls;
use super::super::groups::{every_group, one_group, other_address};
use super::super::inbound::address;
use super::super::presence::{Glimpse, Watching};
use super::super::runtime::LinkTasks;
use super::{Clerk, News, Newsroom, PresenceNote};

/// The reporter of one link.
pub(crate) struct Reporter {
    pub(crate) client: Arc<Client>,
    pub(crate) room: Arc<Newsroom>,
    pub(crate) clerk: Arc<Clerk>,
    pub(crate) tasks: LinkTasks,
    pub(crate) watching: Arc<Watching>,
    pub(crate) calls: Arc<Calls>,
    /// Longest that a question may take.
    pub(crate) limit: Duration,
}

impl Reporter {
    /// Commits news. What has to be asked for is asked beside it.
    pub(crate) async fn take(&self, news: News) {
        match news {
            News::Chat(news) => self.clerk.take(news).await,
            News::History(piece) => self.clerk.keep(piece).await,
            News::Glimpse(note) => self.glimpse(note).await,
            News::Call(note) => {
                if let Some(call) = self.calls.take(*note) {
                    self.room.tell_call(call).await;
                }
            }
            News::Group(note) => {
                let group = note.group().clone();
                if self.room.take_group(*note).await {
                    self.look_up(group);
                }
            }
        }
    }

    /// Somebody was seen: told where somebody watches them.
    async fn glimpse(&self, note: PresenceNote) {
        let other = other_address(&self.client, &note.who).await;
        let Some(who) = address::participant(&note.who, other.as_ref()) else { return };
        let group = note.group.as_ref().and_then(|group| address::participant(group, None));
        let glimpse = Glimpse { who, group, state: note.state, last_seen_ms: note.last_seen_ms };
        if let Some(seen) = self.watching.take(&glimpse, self.room.store.now_ms()) {
            self.room.tell_presence(seen).await;
        }
    }

    /// A connection was lost: how people were seen over it does not hold.
    pub(crate) fn disconnected(&self) {
        self.watching.forget(self.room.store.now_ms());
    }

    /// A connection was made, over which the library has shown the account as there.
    pub(crate) fn connected(&self) {
        if self.watching.own() == Some(false) {
            let (client, limit) = (Arc::clone(&self.client), self.limit);
            self.tasks.spawn_task(async move {
                if !matches!(
                    tokio::time::timeout(limit, Box::pin(client.presence().set_unavailable())).await,
                    Ok(Ok(()))
                ) {
                    tracing::debug!("the account could not be shown as not there");
                }
            });
        }
        self.catch_up();
    }

    /// Asks for all groups, once in the life of a store's account: from then on the network tells what changes.
    fn catch_up(&self) {
        let (client, room, limit) = (Arc::clone(&self.client), Arc::clone(&self.room), self.limit);
        self.tasks.spawn_task(async move {
            if room.knows_all_groups().await {
                return;
            }
            match tokio::time::timeout(limit, Box::pin(every_group(&client))).await {
                Ok(Ok(groups)) => room.take_whole(groups, true).await,
                Ok(Err(error)) => tracing::debug!(%error, "the account's groups were not told"),
                Err(_) => tracing::debug!("the account's groups were not told in time"),
            }
        });
    }

    fn look_up(&self, group: Jid) {
        let (client, room, limit) = (Arc::clone(&self.client), Arc::clone(&self.room), self.limit);
        let Ok(jid) = group.as_str().parse() else { return };
        self.tasks.spawn_task(async move {
            if let Ok(Ok(Some(group))) = tokio::time::timeout(limit, Box::pin(one_group(&client, jid))).await {
                room.take_whole(vec![group], false).await;
            }
        });
    }
}
