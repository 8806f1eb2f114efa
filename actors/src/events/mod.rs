//! The use cases around the event log: reading on from a place in it, and following it live.

mod tail;

use std::sync::Arc;

use wasup_store::cursor::{EventCursor, NODE};
use wasup_store::id::{AccountId, AccountNo, Position};
use wasup_store::records::EventKind;
use wasup_store::repo::follow::Sight;
use wasup_store::repo::{account, retention, schema};
use wasup_store::{ReadTx, StoreError};

use crate::context::Context;
use crate::principal::{Principal, sees, sees_server};

pub use tail::{Batch, Tail};
pub use wasup_store::repo::follow::Bounds;

/// Which of the events that somebody may see they want to see.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// Only this account's.
    pub account: Option<AccountId>,
    /// Only these kinds; empty for all.
    pub kinds: Vec<EventKind>,
}

/// Where in the log to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begin {
    /// With the oldest event that is kept.
    Oldest,
    /// With the next one that happens.
    Latest,
    /// After what this cursor has seen.
    After(EventCursor),
}

/// Why the log can't be read from there.
#[derive(Debug, thiserror::Error)]
pub enum EventsError {
    /// There is no such account.
    #[error("no such account")]
    AccountNotFound,
    /// The cursor is of another life of the store, or what follows it was pruned.
    #[error("the place in the event log is gone")]
    CursorGone {
        /// From here on everything is kept.
        oldest: EventCursor,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The use cases around the event log. Clones are the same.
#[derive(Clone)]
pub struct Events {
    ctx: Arc<Context>,
}

impl std::fmt::Debug for Events {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Events").finish_non_exhaustive()
    }
}

impl Events {
    pub(crate) const fn new(ctx: Arc<Context>) -> Self {
        Self { ctx }
    }

    /// A reader at a place in the log, of what this principal may see there.
    ///
    /// # Errors
    /// [`EventsError::AccountNotFound`], or [`EventsError::CursorGone`] where the place does not exist any more, or
    /// never did.
    pub async fn tail(&self, principal: &Principal, filter: EventFilter, begin: Begin) -> Result<Tail, EventsError> {
        let store = &self.ctx.store;
        let account = match &filter.account {
            Some(id) => Some(self.owner(principal, id).await?),
            None => None,
        };
        let durable = store.durable_position();
        let newest = *durable.borrow();
        let read = |tx: &ReadTx<'_>| Ok::<_, StoreError>((schema::identity(tx)?.incarnation, retention::floor(tx)?));
        let (incarnation, floor) = store.read(read).await?;
        let at = match begin {
            Begin::Oldest => floor,
            Begin::Latest => newest,
            Begin::After(cursor) => {
                // One ahead of the log was given out by a store that had more than this one has.
                let ours = cursor.incarnation == incarnation && cursor.node == NODE && cursor.position <= newest;
                if !ours || cursor.position < floor {
                    return Err(EventsError::CursorGone { oldest: EventCursor::new(incarnation, floor) });
                }
                cursor.position
            }
        };
        let sight = Sight { tenant: principal.tenant, server: sees_server(principal), account, kinds: filter.kinds };
        let follows_oldest = begin == Begin::Oldest;
        Ok(Tail::new(store.clone(), durable, sight, incarnation, at, follows_oldest))
    }

    async fn owner(&self, principal: &Principal, id: &AccountId) -> Result<AccountNo, EventsError> {
        let owner = self.ctx.store.read(|tx| account::get(tx, id)).await?;
        owner.filter(|record| sees(principal, record)).map(|record| record.no).ok_or(EventsError::AccountNotFound)
    }

    /// How many positions of the log are kept, from the oldest to the newest on disk.
    ///
    /// # Errors
    /// [`StoreError`] when a row can't be read.
    pub async fn kept(&self) -> Result<u64, StoreError> {
        let Position(floor) = self.ctx.store.read(retention::floor).await?;
        Ok(self.ctx.store.durable_position().borrow().0.saturating_sub(floor))
    }
}
