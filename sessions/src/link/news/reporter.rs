//! Takes news in, and asks for what they do not tell.

use std::sync::Arc;
use std::time::Duration;

use wasup_store::jid::Jid;
use whatsapp_rust::Client;

use super::super::groups::{every_group, one_group};
use super::super::runtime::LinkTasks;
use super::{Clerk, News, Newsroom};

/// The reporter of one link.
pub(crate) struct Reporter {
    pub(crate) client: Arc<Client>,
    pub(crate) room: Arc<Newsroom>,
    pub(crate) clerk: Arc<Clerk>,
    pub(crate) tasks: LinkTasks,
    /// Longest that a question may take.
    pub(crate) limit: Duration,
}

impl Reporter {
    /// Commits news. What has to be asked for is asked beside it.
    pub(crate) async fn take(&self, news: News) {
        match news {
            News::Chat(news) => self.clerk.take(news).await,
            News::History(piece) => self.clerk.keep(piece).await,
            News::Group(note) => {
                let group = note.group().clone();
                if self.room.take_group(*note).await {
                    self.look_up(group);
                }
            }
        }
    }

    /// Asks for all groups, once in the life of a store's account: from then on the network tells what changes.
    pub(crate) fn catch_up(&self) {
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
