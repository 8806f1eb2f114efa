//! News from the network that are no messages: what becomes of groups and chats, and history. They are acknowledged before they are seen here,
//! so they are not gated: what a crash loses, the next question makes good.

mod chats;
mod clerk;
mod groups;
mod presence;
mod reporter;

use std::sync::Arc;

use wacore::types::events::Event;
use wasup_store::records::{CallEvent, PresenceEvent};
use wasup_store::repo::wa::WaScope;
use wasup_store::repo::{group, people_news};
use wasup_store::{Durability, Store, StoreError, Watermark, WriteTx};

use super::calls::{self, CallNote};
use super::history::Arrived;
use super::inbound::inbox::Committed;
use crate::trouble::Trouble;

pub(crate) use chats::ChatNews;
pub(crate) use clerk::Clerk;
pub(crate) use groups::GroupNote;
pub(crate) use presence::PresenceNote;
pub(super) use reporter::Reporter;

/// Something that happened.
pub(crate) enum News {
    /// In a group.
    Group(Box<GroupNote>),
    /// To a chat, a message or a contact, on another of the account's devices.
    Chat(ChatNews),
    /// Somebody was seen.
    Glimpse(PresenceNote),
    /// Somebody calls, or does no more.
    Call(Box<CallNote>),
    /// A piece of the history that the phone sends.
    History(Arrived),
}

impl News {
    /// What an event of the library is news of.
    pub(super) fn of(event: &Event) -> Option<Self> {
        match event {
            Event::GroupUpdate(update) => groups::of(update).map(|note| Self::Group(Box::new(note))),
            Event::PictureUpdate(update) => groups::of_picture(update).map(|note| Self::Group(Box::new(note))),
            Event::Presence(told) => Some(Self::Glimpse(presence::of(told))),
            Event::ChatPresence(told) => Some(Self::Glimpse(presence::of_typing(told))),
            Event::IncomingCall(call) => calls::of(call).map(|note| Self::Call(Box::new(note))),
            Event::MissedCall(call) => calls::missed(call).map(|note| Self::Call(Box::new(note))),
            Event::HistorySync(sync) => Some(Self::History(Arrived::of(sync))),
            other => chats::of(other).map(Self::Chat),
        }
    }
}

/// Where an account's news are committed.
pub(crate) struct Newsroom {
    pub(crate) store: Store,
    pub(crate) scope: WaScope,
    pub(crate) committed: Committed,
    pub(crate) trouble: Arc<Trouble>,
    pub(crate) mark: Watermark,
}

impl Newsroom {
    /// Commits what happened in a group. Answers whether the group has to be asked for, because the account did not
    /// know it.
    pub(super) async fn take_group(&self, note: GroupNote) -> bool {
        let (no, epoch, now_ms) = (self.scope.no, self.scope.epoch, self.store.now_ms());
        let news = note.0;
        let job = move |tx: &mut WriteTx<'_>| group::take(tx, no, Some(epoch), std::slice::from_ref(&news), now_ms);
        self.commit(job).await.is_some_and(|unknown| !unknown.is_empty())
    }

    /// Commits a group, or all of them, as the network tells them whole.
    pub(super) async fn take_whole(&self, groups: Vec<wasup_store::records::GroupRecord>, all: bool) {
        let (no, epoch, now_ms) = (self.scope.no, self.scope.epoch, self.store.now_ms());
        let job = move |tx: &mut WriteTx<'_>| {
            if all {
                return group::take_all(tx, no, Some(epoch), &groups, now_ms);
            }
            let news: Vec<_> = groups.iter().map(|group| groups::whole(group, now_ms)).collect();
            group::take(tx, no, Some(epoch), &news, now_ms).map(drop)
        };
        self.commit(job).await;
    }

    /// Tells of a call.
    pub(in crate::link) async fn tell_call(&self, call: CallEvent) {
        let (no, epoch, now_ms) = (self.scope.no, self.scope.epoch, self.store.now_ms());
        self.commit(move |tx: &mut WriteTx<'_>| people_news::call(tx, (no, epoch), &call, now_ms)).await;
    }

    /// Tells how somebody is seen. Nobody waits for the disk: what a crash loses of it is old by then.
    pub(super) async fn tell_presence(&self, seen: PresenceEvent) {
        let (no, epoch, now_ms) = (self.scope.no, self.scope.epoch, self.store.now_ms());
        let job = move |tx: &mut WriteTx<'_>| people_news::presence(tx, (no, epoch), &seen, now_ms);
        match self.store.write(Durability::Relaxed, job).await {
            Ok(()) => (self.committed)(no),
            Err(error) => self.trouble.report(&error),
        }
    }

    /// Whether the account's groups were ever told all at once.
    pub(super) async fn knows_all_groups(&self) -> bool {
        let no = self.scope.no;
        self.store.read(|tx| group::all_told(tx, no)).await.is_ok_and(|told| told.is_some())
    }

    async fn commit<T, F>(&self, job: F) -> Option<T>
    where
        T: Send + 'static,
        F: Fn(&mut WriteTx<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        let commits = Watermark::default();
        match self.store.write(Durability::Under(&commits), job).await {
            Ok(done) => {
                self.mark.include(&commits);
                (self.committed)(self.scope.no);
                Some(done)
            }
            Err(error) => {
                self.trouble.report(&error);
                None
            }
        }
    }
}
