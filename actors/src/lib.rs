//! What runs: the supervision tree, one actor an account, the webhook dispatcher. The only crate that knows `ractor`;
//! none of its types stands in a public signature.
//!
//! Three rules carry it. The store is the truth and a message between actors only a nudge. An outage is not a crash:
//! actors end only by [`Crash`](supervision), which broken invariants and corrupt rows alone convert into. Policy is
//! pure: time and randomness come in as parameters.

pub mod supervision;
pub mod webhook;

mod account;
mod accounts;
mod alarm;
mod audit;
mod campaigns;
mod chats;
mod clock;
mod context;
mod deliveries;
mod door;
mod endpoints;
mod events;
mod files;
mod groups;
mod importing;
mod indexing;
mod janitor;
mod jobs;
mod lists;
mod look;
mod messages;
mod meters;
mod numbers;
mod people;
mod principal;
mod root;
mod scheduler;
mod schedules;
mod seen;
mod settings;
mod settled;
mod stats;
mod templates;
mod tray;
mod tree;

#[cfg(test)]
mod tests;

#[cfg(any(test, feature = "fault-injection"))]
#[doc(hidden)]
pub use accounts::Fault;
pub use accounts::{
    ASKS_MAX, AccountError, Accounts, DeclaredAccount, Effect, Effects, NewAccount, Outcome, PairingCodeAnswer,
    PhaseCounts, QrAnswer, Setting,
};
pub use audit::Audit;
pub use campaigns::{
    CAMPAIGN_LISTS_MAX, CampaignCommand, CampaignError, CampaignSeen, CampaignStats, CampaignWish, Campaigns,
    CampaignsOverview, RecipientSeen, RecipientsOf, SENDERS_MAX, SenderNow, SenderSeen,
};
pub use chats::{
    ChatError, ChatMark, ChatName, ChatPageQuery, ChatTotals, Chats, ChatsFound, ChatsQuery, HistoryLook, MessageName,
    Older, Persistence, Receipts,
};
pub use clock::{Clock, ClockStanding};
pub use context::{Ports, QrListener};
pub use deliveries::{Deliveries, DeliveryError, DeliveryLog, Listed, ReplayWish, Shown};
pub use door::Nudges;
pub use endpoints::{
    ChatbotSender, ChatbotSpec, Declared, Endpoint, EndpointChange, EndpointError, EndpointQuery, EndpointSpec,
    Endpoints, HEADER_BYTES_MAX, HEADERS_MAX, HeaderChange, NewEndpoint, PolicyChange, RETIRED_MAX, Rotation, Tested,
};
pub use events::{Batch, Begin, Bounds, EventFilter, Events, EventsError, Tail};
pub use files::{AutoFetch, FileError, FilePorts, FileSource, MessageFiles};
pub use groups::{
    GroupError, GroupLink, GroupPreview, GroupSource, Groups, JoinAnswer, JoinRequest, MadeGroup, MemberOutcome,
    MemberVerb, NewGroup,
};
pub use importing::{IMPORTS_AT_ONCE, IMPORTS_MAX, ImportFiles, ImportPlace, Importing, TooManyImports};
pub use jobs::{JobCommand, JobError, JobItem, JobSeen, JobWish, Jobs};
pub use lists::{CONTACTS_AT_ONCE, ContactChange, LISTS_MAX, ListError, Lists};
pub use look::{AccountView, BranchView, Look, PermitsView, TreeView};
pub use messages::{
    AUDIENCE_MAX, Accepted, ActError, AudienceError, FeedPage, Idempotency, MessageError, MessageFilter, MessagePage,
    MessagePlace, Messages, SendCommand, SendError, TakenBack, target_of,
};
pub use meters::{
    AccountCounts, AttemptResult, DeliveryOutcome, Meters, PairingOutcome, PairingWay, PerAccount, PrunedRows, Refusal,
    ReplyOutcome, RestrictionChange, RowOutcome, ScheduleOutcome, SendOutcome,
};
pub use numbers::{NumberContact, NumberMapping};
pub use people::{
    Checked, Contact, ContactDetail, ContactName, ContactsFound, People, PeopleError, PersonInfo, PictureAt,
    PictureStream, Seen,
};
pub use principal::{Principal, Who};
pub use root::Branch;
pub use schedules::{
    BadTimes, Planned, RunSeen, ScheduleChange, ScheduleCommand, ScheduleError, ScheduleSeen, ScheduleSpec, Schedules,
    Times, civil_ms, zone,
};
pub use settings::{
    AccountsSettings, BreakerSettings, PaceSettings, RetentionSettings, SamePhone, SchedulesSettings, SendSettings,
    Settings, SupervisionSettings, WebhookSettings,
};
pub use stats::{ByType, Hours, Stats, StatsError, Way, by_type};
pub use supervision::{ChildPhase, Standing};
pub use templates::{BODY_MAX, BadTemplate, Compiled, RenderError, Rendered, TemplateError, Templates, render};
pub use tree::{Late, Prepared, ShutdownReport, StartError, Tree};
pub use webhook::{NewSecret, Policy};
