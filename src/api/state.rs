//! What handlers reach: small handles, of which each takes one or two.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::FromRef;
use tokio_util::sync::CancellationToken;
use wasup_actors::{
    Accounts, Audit, Campaigns, Chats, Clock, DeliveryLog, Endpoints, Events, Groups, Jobs, Lists, Look, MessageFiles,
    Messages, People, Schedules, Stats, Templates,
};
use wasup_store::records::{CampaignPace, DelayRange};

use super::admin::Backups;
use super::stream::Streams;
use crate::declared::Reloader;
use crate::health::Health;
use crate::imports::Imports;
use crate::media::{Intake, MediaLinks};
use crate::metrics::HttpMeters;
use crate::telemetry::Logs;
use crate::webhook_http::Reach;

/// Everything that handlers reach.
#[derive(Clone)]
pub struct ApiState {
    /// Use cases around accounts.
    pub accounts: Accounts,
    /// Use cases around people.
    pub people: People,
    /// Use cases around groups.
    pub groups: Groups,
    /// Use cases around messages.
    pub messages: Messages,
    /// Use cases around jobs.
    pub jobs: Jobs,
    /// Use cases around schedules.
    pub schedules: Schedules,
    /// Use cases around campaigns.
    pub campaigns: Campaigns,
    /// Use cases around chats.
    pub chats: Chats,
    /// Use cases around webhook endpoints.
    pub endpoints: Endpoints,
    /// Use cases around lists of contacts.
    pub lists: Lists,
    /// Use cases around templates.
    pub templates: Templates,
    /// Files of contacts on their way into lists.
    pub imports: Imports,
    /// The event log, and live streams of it.
    pub streams: Streams,
    /// Who did what.
    pub audit: Audit,
    /// Use cases around deliveries.
    pub deliveries: DeliveryLog,
    /// Use cases around the machine's clock.
    pub clock: Clock,
    /// Use cases around numbers.
    pub stats: Stats,
    /// The supervision tree as it stands.
    pub look: Look,
    /// How the gateway is.
    pub health: Health,
    /// Makes backups.
    pub backups: Backups,
    /// The files of messages.
    pub files: MessageFiles,
    /// Takes files in, and keeps them.
    pub intake: Intake,
    /// Links to files.
    pub links: MediaLinks,
    /// Reads the accounts file again.
    pub reloader: Reloader,
    /// What of the config concerns requests.
    pub settings: Arc<Settings>,
    /// The log's level, where this process logs through us.
    pub logs: Option<Logs>,
    /// What requests are counted with.
    pub(crate) http: HttpMeters,
}

/// What of the config concerns requests.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Longest body, in bytes.
    pub body_max: usize,
    /// Longest time a long poll is held.
    pub long_poll_max: Duration,
    /// The installation's region.
    pub region: Option<String>,
    /// Longest text of a message, in characters.
    pub text_max: usize,
    /// Longest body of a request to send, which may hold a file, in bytes.
    pub message_body_max: usize,
    /// Longest body of a request with a job, in bytes.
    pub job_body_max: usize,
    /// Most items of a job.
    pub job_items_max: usize,
    /// The wait between two items where a job says none.
    pub job_delay: DelayRange,
    /// The pace of a campaign that says none.
    pub campaign_pace: CampaignPace,
    /// Where webhooks may go.
    pub reach: Reach,
    /// Ends long polls.
    pub ending: CancellationToken,
}

macro_rules! handles {
    ($($field:ident: $kind:ty),+ $(,)?) => {
        $(impl FromRef<ApiState> for $kind {
            fn from_ref(state: &ApiState) -> Self {
                state.$field.clone()
            }
        })+
    };
}

handles!(
    accounts: Accounts,
    people: People,
    groups: Groups,
    messages: Messages,
    jobs: Jobs,
    schedules: Schedules,
    campaigns: Campaigns,
    chats: Chats,
    endpoints: Endpoints,
    lists: Lists,
    imports: Imports,
    templates: Templates,
    streams: Streams,
    audit: Audit,
    deliveries: DeliveryLog,
    clock: Clock,
    stats: Stats,
    look: Look,
    health: Health,
    backups: Backups,
    files: MessageFiles,
    intake: Intake,
    links: MediaLinks,
    reloader: Reloader,
    settings: Arc<Settings>,
    logs: Option<Logs>,
);

/// What a send or a list of messages takes.
pub(super) type Writing = (Accounts, Messages, Arc<Settings>);

impl FromRef<ApiState> for Writing {
    fn from_ref(state: &ApiState) -> Self {
        (state.accounts.clone(), state.messages.clone(), Arc::clone(&state.settings))
    }
}

/// What a request about contacts of lists takes.
pub(super) type Listing = (Lists, Arc<Settings>);

impl FromRef<ApiState> for Listing {
    fn from_ref(state: &ApiState) -> Self {
        (state.lists.clone(), Arc::clone(&state.settings))
    }
}

/// What a look at a template takes.
pub(super) type Templating = (Templates, Lists, Arc<Settings>);

impl FromRef<ApiState> for Templating {
    fn from_ref(state: &ApiState) -> Self {
        (state.templates.clone(), state.lists.clone(), Arc::clone(&state.settings))
    }
}

/// What a file of contacts takes.
pub(super) type Importing = (Lists, Imports, Arc<Settings>);

impl FromRef<ApiState> for Importing {
    fn from_ref(state: &ApiState) -> Self {
        (state.lists.clone(), state.imports.clone(), Arc::clone(&state.settings))
    }
}

/// What a request about groups takes.
pub(super) type Grouping = (Accounts, Groups, Arc<Settings>);

impl FromRef<ApiState> for Grouping {
    fn from_ref(state: &ApiState) -> Self {
        (state.accounts.clone(), state.groups.clone(), Arc::clone(&state.settings))
    }
}

/// What a look at chats takes.
pub(super) type Chatting = (Accounts, Chats, Arc<Settings>);

impl FromRef<ApiState> for Chatting {
    fn from_ref(state: &ApiState) -> Self {
        (state.accounts.clone(), state.chats.clone(), Arc::clone(&state.settings))
    }
}

/// What a request about people takes.
pub(super) type Knowing = (Accounts, People, Arc<Settings>);

impl FromRef<ApiState> for Knowing {
    fn from_ref(state: &ApiState) -> Self {
        (state.accounts.clone(), state.people.clone(), Arc::clone(&state.settings))
    }
}

impl Settings {
    /// Waits for something at most until the server stops; `None` then.
    pub async fn until_ending<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            () = self.ending.cancelled() => None,
            done = work => Some(done),
        }
    }

    /// A wait that a caller asked for, within the limit. None is no wait.
    #[must_use]
    pub fn patience(&self, asked: Option<Duration>) -> Duration {
        asked.unwrap_or_default().min(self.long_poll_max)
    }
}

/// What a piece of the event log takes.
pub(super) type Following = (Events, Arc<Settings>);

impl FromRef<ApiState> for Following {
    fn from_ref(state: &ApiState) -> Self {
        (state.streams.events().clone(), Arc::clone(&state.settings))
    }
}
