//! The records: what a row's value means. Our own words, never the protocol library's structs.
//!
//! Every record takes defaults for missing fields and skips unknown ones, so that neighbouring versions read each
//! other's rows. A snapshot of each record's bytes fails when its layout changes.

mod account;
mod account_settings;
mod attempt;
mod author;
mod campaign;
mod chat;
mod chatbot;
mod contact_import;
mod contact_list;
mod content;
mod counters;
mod delivery;
mod endpoint;
mod endpoint_filter;
mod endpoint_policy;
mod event;
mod group;
mod history;
mod hour_counts;
mod idempotency;
mod mark;
mod media;
mod media_file;
mod message;
mod message_context;
mod message_secret;
mod people;
mod persistence;
mod receipt;
mod run;
mod schedule;
mod template;
mod timeline;

pub use account::{AccountRecord, AccountState, Desired, Identity, Phase, Reason, UserAction};
pub use account_settings::{
    AccountSettings, AccountSource, HistorySettings, PacingSettings, ProxyAddress, RestartSettings, Restriction,
};
pub use attempt::{AnswerBody, Attempt, AttemptOutcome, Octets};
pub use author::{Act, AuditRecord, Author, Who};
pub use campaign::{
    CampaignCounts, CampaignEvent, CampaignPace, CampaignPlan, CampaignReason, CampaignRecord, CampaignState,
    CampaignText, CampaignTo, EarlierWho, Gathering, OnRestriction, QuietHours, QuietZone, ReplyRules, Rotation,
    WarmUp,
};
pub use chat::{ChatRecord, ChatSettings, PersonRecord};
pub use chatbot::BotSender;
pub use contact_import::{ImportEnd, ImportFormat, ImportPhase, ImportRecord, ImportTally, RowFault, RowProblem};
pub use contact_list::{
    CONTACT_NAME_CHARS, ContactList, FIELD_CHARS, FIELDS_MAX, ListedContact, OptOut, TAG_CHARS, TAGS_MAX, UnfitContact,
    VALUE_CHARS,
};
pub use content::{BadDegrees, ContactCard, Content, Degrees, LinkPreview, Location, Poll, Target};
pub use counters::{AccountCounters, EndpointCounters, GoneCounters, TenantCounters};
pub use delivery::{DeliveryRecord, DeliveryState, DiscardReason, NotSent, Reply};
pub use endpoint::{DeliveryOrder, EndpointRecord, FilesAs, Off, PayloadFormat, ReplyMode, RetiredSecret};
pub use endpoint_filter::EventFilter;
pub use endpoint_policy::{BadStatusRange, DeliveryPolicy, StatusRange, StatusRules};
pub use event::{
    AccountStateEvent, ChatEvent, ClockEvent, DiscardedEvent, EventData, EventKind, EventRecord, MergedEvent,
    MessageEvent, RestrictedEvent, StatusEvent,
};
pub use group::{
    GroupChange, GroupEvent, GroupMember, GroupMembersEvent, GroupRecord, GroupRole, GroupSettings, MembersAct,
};
pub use history::{HistoryChunk, HistoryEvent, HistoryKind, HistoryTally};
pub use hour_counts::HourCounts;
pub use idempotency::IdempotencyRecord;
pub use mark::{MarkKind, MarkRecord};
pub use media::{Media, RemoteMedia};
pub use media_file::{MediaFamily, MediaFileRecord, MediaTotals, UploadedMedia};
pub use message::{Direction, FailReason, Lane, MessageRecord, MessageState, Participant, StateTimes};
pub use message_context::{Aftermath, Audience, AudienceOf, MessageContext, Quoted};
pub use message_secret::{BadSecret, MessageSecret};
pub use people::{CallEvent, CallState, PresenceEvent, PresenceState};
pub use persistence::{AllowedNumber, KeepLimits, KeepPolicy, KeepRecord};
pub use receipt::EarlyReceipt;
pub use run::{
    DelayRange, ItemState, ItemTrouble, JobEvent, JobReason, JobRecord, JobState, Load, RunId, RunItem, RunRef,
    RunTally,
};
pub use schedule::{
    MissedPolicy, PlannedJob, RunOutcome, ScheduleEvent, SchedulePlan, ScheduleReason, ScheduleRecord, ScheduleRun,
    ScheduleState, ScheduleWhat, ScheduleWhen,
};
pub use template::{TemplateMedia, TemplateRecord};
pub use timeline::{TimelineRecord, Told};
