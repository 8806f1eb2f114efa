//! `/v1/tree`: the supervision tree as it stands at this moment.

use std::time::Duration;

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use wasup_actors::{AccountView as AccountInTree, Look, PermitsView as Permits, Standing};

use super::accounts::{PageQuery, bad_cursor, limit};
use super::extract::{Caller, Query};
use super::problem::{Problem, ProblemView};
use super::view::{Cursor, Page, StateView};
use crate::config::Span;

/// The supervision tree: its branches, and a piece of its accounts.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TreeView {
    /// Every branch, in the order in which they start.
    branches: Vec<BranchView>,
    /// Requests that wait for the accounts' supervisor, and how many may.
    supervisor_permits: PermitsView,
    /// Links that are open, or being opened or closed.
    links_held: usize,
    /// The accounts.
    data: Vec<InTreeView>,
    /// Give it as `cursor` to get the next accounts; `null` at the end.
    next_cursor: Option<String>,
}

/// A branch of the tree.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct BranchView {
    /// `janitor`, `webhooks`, `accounts`, `scheduler`, `campaigns`, `files` or `search`.
    #[schema(examples("accounts"))]
    branch: &'static str,
    /// How it stands with its supervisor.
    actor: StandingView,
}

/// An account's place in the tree.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct InTreeView {
    /// The account's id.
    id: String,
    /// What it is doing.
    state: StateView,
    /// What it is meant to do: `running` or `stopped`.
    #[schema(value_type = String, examples("running"))]
    desired: wasup_store::records::Desired,
    /// The incarnation that owns it: each start of its actor is the next one.
    epoch: u64,
    /// How its actor stands with its supervisor.
    actor: StandingView,
    /// Batches of its link's events that wait for its actor, and how many may.
    mailbox_permits: PermitsView,
    /// Whether its link is open, or being opened or closed.
    link_held: bool,
}

/// How an actor stands with its supervisor.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct StandingView {
    /// `idle`, `running`, `waiting` (to be started again), `stopping` or `quarantined`.
    #[schema(examples("running"))]
    phase: &'static str,
    /// Starts in this life of its supervisor.
    generation: u64,
    /// Restarts that count against its budget at present.
    restarts: u32,
    /// How many more there may be.
    budget_left: u32,
    /// When it is started again, while it waits for that.
    #[schema(examples("1s 200ms"))]
    restart_in: Option<String>,
    /// Asks for a sign of life in a row that it has not answered.
    misses: u32,
    /// How long it has been running.
    #[schema(examples("1h 30m"))]
    up: Option<String>,
}

/// Places of a mailbox.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PermitsView {
    /// In use.
    in_use: usize,
    /// At most.
    most: usize,
}

/// A span of time to the millisecond.
fn span(time: Duration) -> String {
    Span::millis(u64::try_from(time.as_millis()).unwrap_or(u64::MAX)).to_string()
}

impl From<Standing> for StandingView {
    fn from(standing: Standing) -> Self {
        Self {
            phase: standing.phase.as_str(),
            generation: standing.generation,
            restarts: standing.restarts,
            budget_left: standing.budget_left,
            restart_in: standing.restart_in.map(span),
            misses: standing.misses,
            up: standing.up.map(span),
        }
    }
}

impl From<Permits> for PermitsView {
    fn from(permits: Permits) -> Self {
        Self { in_use: permits.in_use, most: permits.most }
    }
}

impl From<&AccountInTree> for InTreeView {
    fn from(account: &AccountInTree) -> Self {
        Self {
            id: account.id.to_string(),
            state: StateView::from(&account.state),
            desired: account.desired,
            epoch: account.epoch.0,
            actor: account.standing.into(),
            mailbox_permits: account.batches.into(),
            link_held: account.link_held,
        }
    }
}

/// Shows the supervision tree as it stands at this moment, with a piece of its accounts in the order of their ids.
#[utoipa::path(get, path = "/v1/tree", tag = "server", operation_id = "getTree", params(PageQuery),
    responses((status = 200, body = TreeView), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn show(
    State(look): State<Look>,
    Caller(caller): Caller,
    Query(query): Query<PageQuery>,
) -> Result<axum::Json<TreeView>, Problem> {
    let limit = limit(query.limit)?;
    let after = match query.cursor.as_deref().map(Cursor::read) {
        None => None,
        Some(Some(Cursor::Account(id))) => Some(id),
        Some(_) => return Err(bad_cursor()),
    };
    let tree = look.branches().await?;
    let accounts = look.accounts(&caller, after.as_ref(), limit + 1).await?;
    let Page { data, next_cursor } =
        Page::of(accounts, limit, |account| Cursor::Account(account.id.clone()), |account| InTreeView::from(account));
    let branch =
        |branch: wasup_actors::BranchView| BranchView { branch: branch.branch.as_str(), actor: branch.standing.into() };
    Ok(axum::Json(TreeView {
        branches: tree.branches.into_iter().map(branch).collect(),
        supervisor_permits: tree.asks.into(),
        links_held: tree.links_held,
        data,
        next_cursor,
    }))
}
