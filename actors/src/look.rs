//! A look at the running tree: what its supervisors know of their children. Cheap: a message to each supervisor, and one
//! page of the store's accounts.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use ractor::ActorRef;
use ractor::rpc::CallResult;
use wasup_store::id::{AccountId, Epoch};
use wasup_store::records::{AccountState, Desired};

use crate::account::BATCHES_WAITING;
use crate::accounts::{ASKS_MAX, AccountError, Accounts, SupervisorMsg};
use crate::context::Context;
use crate::principal::Principal;
use crate::root::{Branch, RootMsg};
use crate::supervision::Standing;

/// How long a supervisor may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// The branches of the tree, and how busy it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeView {
    /// Every branch, in the order in which they start.
    pub branches: Vec<BranchView>,
    /// Requests that wait for the accounts supervisor, and how many may.
    pub asks: PermitsView,
    /// Links that are open, or being opened or closed.
    pub links_held: usize,
}

/// A branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BranchView {
    /// Which.
    pub branch: Branch,
    /// How it stands.
    pub standing: Standing,
}

/// Permits of a mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PermitsView {
    /// In use.
    pub in_use: usize,
    /// At most.
    pub most: usize,
}

/// An account's place in the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountView {
    /// Which.
    pub id: AccountId,
    /// What it is doing.
    pub state: AccountState,
    /// What is wanted of it.
    pub desired: Desired,
    /// Its owner's incarnation.
    pub epoch: Epoch,
    /// How its actor stands.
    pub standing: Standing,
    /// Batches of its link's events that wait for its actor.
    pub batches: PermitsView,
    /// Whether its link is open, or being opened or closed.
    pub link_held: bool,
}

/// A look at the running tree. Clones are the same.
#[derive(Clone)]
pub struct Look {
    ctx: Arc<Context>,
    accounts: Accounts,
    root: ActorRef<RootMsg>,
}

impl std::fmt::Debug for Look {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Look").finish_non_exhaustive()
    }
}

impl Look {
    pub(crate) const fn new(ctx: Arc<Context>, accounts: Accounts, root: ActorRef<RootMsg>) -> Self {
        Self { ctx, accounts, root }
    }

    /// The branches of the tree.
    ///
    /// # Errors
    /// [`AccountError::Busy`] when the root does not answer.
    pub async fn branches(&self) -> Result<TreeView, AccountError> {
        let Ok(CallResult::Success(branches)) = self.root.call(RootMsg::Look, Some(PATIENCE)).await else {
            return Err(crate::accounts::BUSY);
        };
        let asks = PermitsView { in_use: self.accounts.asks_in_use(), most: ASKS_MAX };
        Ok(TreeView { branches, asks, links_held: self.ctx.leases.held().len() })
    }

    /// At most `limit` accounts after one, in the order of their ids.
    ///
    /// # Errors
    /// [`AccountError::Busy`] while the accounts supervisor does not answer.
    pub async fn accounts(
        &self,
        principal: &Principal,
        after: Option<&AccountId>,
        limit: usize,
    ) -> Result<Vec<AccountView>, AccountError> {
        let records = self.accounts.list(principal, after, limit).await?;
        let permit = self.accounts.admit()?;
        let supervisor = self.ctx.nudges.doors.supervisor.inside().ok_or(crate::accounts::BUSY)?;
        let of = records.iter().map(|record| record.no).collect();
        let asked = supervisor.call(|done| SupervisorMsg::Look { of, done, permit }, Some(PATIENCE)).await;
        let Ok(CallResult::Success(standings)) = asked else { return Err(crate::accounts::BUSY) };
        let view = |(record, standing): (wasup_store::records::AccountRecord, Standing)| {
            let door = self.ctx.nudges.doors.known(record.no);
            let in_use = door.map_or(0, |door| door.batches.load(Ordering::Relaxed));
            AccountView {
                batches: PermitsView { in_use, most: BATCHES_WAITING },
                link_held: self.ctx.leases.is_held(record.no),
                id: record.id,
                state: record.state,
                desired: record.desired,
                epoch: record.epoch,
                standing,
            }
        };
        Ok(records.into_iter().zip(standings).map(view).collect())
    }
}
