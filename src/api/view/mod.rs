//! What the API shows: shapes of its own, made from the store's records by pure functions.

mod account;
mod account_settings;
mod campaign;
mod chat;
mod chatbot;
mod content;
mod delivery;
mod endpoint;
mod event;
mod file;
mod group;
mod import;
mod job;
mod known;
mod list;
mod message;
mod page;
mod people;
mod persistence;
mod person;
mod retry;
mod schedule;
mod template;
mod time;
mod webhook;
mod words;

pub use account::{AccountView, IdentityView, StateView};
pub use account_settings::{GapView, HistoryView, PacingView, RestartView, RestrictionView};
pub use campaign::{CampaignStatsView, CampaignView, CampaignsOverviewView, RecipientView};
pub use chat::{ChatKind, ChatView};
pub use chatbot::{ChatbotSenderView, ChatbotView};
pub use content::{
    ChoiceView, ContactView, ContentView, EmojiView, LinkPreviewView, LocationView, PollView, QuotedView, TargetView,
};
pub use delivery::{AnswerView, AttemptView, DeliveryDetail, DeliveryView, ReplayView, ReplyView, RequestView};
pub use endpoint::{DeliveriesView, EndpointState, EndpointView, FilterView, RetiredSecretView, TestView};
pub use event::{EventBody, EventView};
pub use file::{MediaFileView, MediaView};
pub use group::{GroupMemberView, GroupSettingsView, GroupView};
pub use import::{ImportRowsView, ImportState, ImportView, RowProblemView};
pub use job::{JobItemView, JobView};
pub use known::KnownView;
pub use list::{ContactListView, ListedView, OptOutView, TagView};
pub use message::{MessageTimes, MessageView, ReactionView, ReasonView, VoteView};
pub use page::{Cursor, Page};
pub use persistence::{AllowedNumberView, KeepLimitsView, PersistenceView};
pub use person::PersonView;
pub use retry::{RetryInForceView, RetryView, StatusesView};
pub use schedule::{ScheduleRunView, ScheduleView};
pub use template::{TemplateMediaView, TemplateView};
pub use time::Time;
pub use webhook::{WebhookView, whsec};
