//! The running tree as the composition root holds it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ractor::rpc::CallResult;
use ractor::{Actor, ActorRef};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use wasup_store::id::AccountNo;
use wasup_store::repo::account;

use crate::accounts::{Accounts, SupervisorMsg};
use crate::audit::Audit;
use crate::campaigns::Campaigns;
use crate::chats::Chats;
use crate::clock::Clock;
use crate::context::{Context, Ports};
use crate::deliveries::DeliveryLog;
use crate::door::Nudges;
use crate::endpoints::Endpoints;
use crate::events::Events;
use crate::files::MessageFiles;
use crate::groups::Groups;
use crate::importing::Importing;
use crate::jobs::Jobs;
use crate::lists::Lists;
use crate::look::Look;
use crate::messages::Messages;
use crate::people::People;
use crate::root::{Root, RootArgs, RootMsg};
use crate::schedules::Schedules;
use crate::stats::Stats;
use crate::supervision::StopReason;
use crate::templates::Templates;
use crate::webhook::DispatcherMsg;

/// How long the branches may take to come up; they only read the store.
const START_PATIENCE: Duration = Duration::from_secs(60);
/// Share of the time left that the accounts may take to stop; the webhooks get the same of the rest.
const STOP_SHARE: f64 = 0.7;

/// Why the tree does not stand.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The root did not start.
    #[error("the root supervisor did not start: {0}")]
    Root(String),
    /// A branch did not start; the log says which and why.
    #[error("a branch of the supervision tree did not start")]
    Branch,
}

/// Who was not done in time at the stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Late {
    /// An account's actor or link, by the account's id.
    Account(String),
    /// Deliveries that were on their way. They are made again, with the same ids.
    Webhooks,
    /// The root supervisor.
    Root,
}

impl fmt::Display for Late {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(id) => write!(f, "account {id}"),
            Self::Webhooks => f.write_str("webhooks"),
            Self::Root => f.write_str("root"),
        }
    }
}

/// How the stop went.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ShutdownReport {
    /// Who was not done in time; nobody at best.
    pub late: Vec<Late>,
}

/// A tree whose store can be asked and written, before any of its actors runs.
pub struct Prepared {
    ctx: Arc<Context>,
}

impl fmt::Debug for Prepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prepared").finish_non_exhaustive()
    }
}

impl Prepared {
    /// A tree over these ports.
    #[must_use]
    pub fn new(ports: Ports) -> Self {
        Self { ctx: Arc::new(Context::new(ports)) }
    }

    /// The use cases around accounts. What asks for an actor is answered [`crate::AccountError::Busy`] here.
    #[must_use]
    pub fn accounts(&self) -> Accounts {
        Accounts::new(Arc::clone(&self.ctx))
    }

    /// The use cases around webhook endpoints.
    #[must_use]
    pub fn endpoints(&self) -> Endpoints {
        Endpoints::new(Arc::clone(&self.ctx))
    }

    /// Starts the tree, and with it every account that is wanted to run.
    ///
    /// # Errors
    /// [`StartError`] when a supervisor does not come up; an account that does not is started again later.
    pub async fn start(self) -> Result<Tree, StartError> {
        Tree::over(self.ctx).await
    }
}

/// The running supervision tree.
pub struct Tree {
    /// The use cases around accounts.
    pub accounts: Accounts,
    /// The use cases around people.
    pub people: People,
    /// The use cases around groups.
    pub groups: Groups,
    /// The use cases around messages.
    pub messages: Messages,
    /// The use cases around jobs.
    pub jobs: Jobs,
    /// The use cases around schedules.
    pub schedules: Schedules,
    /// The use cases around campaigns.
    pub campaigns: Campaigns,
    /// The use cases around chats.
    pub chats: Chats,
    /// The use cases around webhook endpoints.
    pub endpoints: Endpoints,
    /// The use cases around lists of contacts.
    pub lists: Lists,
    /// The imports of files into lists.
    pub importing: Importing,
    /// The use cases around templates.
    pub templates: Templates,
    /// The use cases around the event log.
    pub events: Events,
    /// Who did what.
    pub audit: Audit,
    /// The use cases around deliveries.
    pub deliveries: DeliveryLog,
    /// The use cases around the machine's clock.
    pub clock: Clock,
    /// The files of messages.
    pub files: MessageFiles,
    /// The use cases around numbers.
    pub stats: Stats,
    /// A look at the tree itself.
    pub look: Look,
    /// The wake-ups the tree was started with.
    pub nudges: Nudges,
    ctx: Arc<Context>,
    pub(crate) root: ActorRef<RootMsg>,
    gave_up: watch::Receiver<bool>,
}

impl fmt::Debug for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tree").finish_non_exhaustive()
    }
}

impl Tree {
    /// Starts a tree over these ports, and with it every account that is wanted to run.
    ///
    /// # Errors
    /// As [`Prepared::start`].
    pub async fn start(ports: Ports) -> Result<Self, StartError> {
        Prepared::new(ports).start().await
    }

    async fn over(ctx: Arc<Context>) -> Result<Self, StartError> {
        let (told, gave_up) = watch::channel(false);
        let args = RootArgs { ctx: Arc::clone(&ctx), gave_up: told.clone() };
        let (root, ended) =
            Actor::spawn(None, Root, args).await.map_err(|error| StartError::Root(error.to_string()))?;
        // Nobody supervises the root: when it ends by itself, for whatever reason, the tree is gone.
        tokio::spawn(async move {
            let _ = ended.await;
            told.send_replace(true);
        });
        match root.call(RootMsg::Start, Some(START_PATIENCE)).await {
            Ok(CallResult::Success(true)) => {}
            _ => {
                root.stop(None);
                return Err(StartError::Branch);
            }
        }
        let accounts = Accounts::new(Arc::clone(&ctx));
        Ok(Self {
            look: Look::new(Arc::clone(&ctx), accounts.clone(), root.clone()),
            accounts,
            people: People::new(Arc::clone(&ctx)),
            groups: Groups::new(Arc::clone(&ctx)),
            messages: Messages::new(Arc::clone(&ctx)),
            jobs: Jobs::new(Arc::clone(&ctx)),
            schedules: Schedules::new(Arc::clone(&ctx)),
            campaigns: Campaigns::new(Arc::clone(&ctx)),
            chats: Chats::new(Arc::clone(&ctx)),
            endpoints: Endpoints::new(Arc::clone(&ctx)),
            lists: Lists::new(Arc::clone(&ctx)),
            importing: Importing::new(Arc::clone(&ctx)),
            templates: Templates::new(Arc::clone(&ctx)),
            events: Events::new(Arc::clone(&ctx)),
            audit: Audit::new(Arc::clone(&ctx)),
            deliveries: DeliveryLog::new(Arc::clone(&ctx)),
            clock: Clock::new(Arc::clone(&ctx)),
            files: MessageFiles::new(Arc::clone(&ctx)),
            stats: Stats::new(Arc::clone(&ctx)),
            nudges: ctx.nudges.clone(),
            ctx,
            root,
            gave_up,
        })
    }

    /// Resolves when the root supervisor spent its restarts, or is gone: the process ends with exit code 70.
    pub async fn gave_up(&self) {
        let mut gave_up = self.gave_up.clone();
        // The sender outlives the root; if it is gone all the same, so is the tree.
        let _ = gave_up.wait_for(|gave_up| *gave_up).await;
    }

    /// Stops the tree in order: accounts (sends in flight end, links close), deliveries on their way, the rest.
    pub async fn shutdown(self, deadline: Duration) -> ShutdownReport {
        let end = Instant::now() + deadline;
        let share = || end.saturating_duration_since(Instant::now()).mul_f64(STOP_SHARE);
        let mut report = ShutdownReport::default();
        let _ = self.root.cast(RootMsg::Closing);
        if let Some(supervisor) = self.ctx.nudges.doors.supervisor.inside() {
            // Late ones are named below, by what they still hold.
            let _ = supervisor.call(SupervisorMsg::Shutdown, Some(share())).await;
        }
        self.ctx.leases.tasks.close();
        if timeout(share() / 2, self.ctx.leases.tasks.wait()).await.is_err() {
            for no in self.ctx.leases.held() {
                report.late.push(Late::Account(self.name(no).await));
            }
        }
        if let Some(dispatcher) = self.ctx.nudges.doors.dispatcher.inside() {
            match dispatcher.call(DispatcherMsg::Drain, Some(share())).await {
                Ok(CallResult::Success(())) => {}
                _ => report.late.push(Late::Webhooks),
            }
        }
        let left = end.saturating_duration_since(Instant::now()).max(Duration::from_millis(100));
        if self.root.stop_and_wait(Some(StopReason::Shutdown.as_str().to_owned()), Some(left)).await.is_err() {
            report.late.push(Late::Root);
        }
        for late in &report.late {
            tracing::error!(%late, "not done in time at the stop");
        }
        report
    }

    async fn name(&self, no: AccountNo) -> String {
        let record = self.ctx.store.read(|tx| account::by_no(tx, no)).await.ok().flatten();
        record.map_or_else(|| format!("number {no}"), |record| record.id.to_string())
    }
}
