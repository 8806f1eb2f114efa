//! A chat.

use serde::Serialize;
use utoipa::ToSchema;
use wasup_store::id::{AccountId, AccountNo, ChatId};
use wasup_store::jid::JidKind;
use wasup_store::records::{ChatEvent, ChatSettings};
use wasup_store::repo::chat_list::ChatLine;

use super::{MessageView, PersonView, Time};

/// What a chat is with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChatKind {
    /// One human.
    Contact,
    /// A group.
    Group,
    /// A channel.
    Channel,
    /// The status feed.
    Status,
    /// Anything else.
    Other,
}

impl From<JidKind> for ChatKind {
    fn from(kind: JidKind) -> Self {
        match kind {
            JidKind::Phone | JidKind::Lid => Self::Contact,
            JidKind::Group => Self::Group,
            JidKind::Newsletter => Self::Channel,
            JidKind::Broadcast => Self::Status,
            JidKind::Other => Self::Other,
        }
    }
}

/// A chat.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ChatView {
    /// Its id here, which stays when more addresses become known.
    #[schema(examples("chat_0000000g00001"))]
    pub id: String,
    /// What it is with.
    pub kind: ChatKind,
    /// Its addresses.
    #[serde(flatten)]
    pub with: PersonView,
    /// What the account's address book calls the human, or the group's subject.
    pub name: Option<String>,
    /// The name that the human shows.
    pub push_name: Option<String>,
    /// Messages that are not read.
    pub unread: u64,
    /// What is set for it.
    #[serde(flatten)]
    pub settings: SettingsView,
    /// Its newest message; in the list of a day, the newest of that day.
    pub last_message: Option<MessageView>,
    /// With `date`: how many messages it has on that day, at most 100000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub messages: Option<u64>,
}

/// What is set for a chat.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SettingsView {
    /// It is put away.
    pub archived: bool,
    /// Since when it stands above the others.
    pub pinned_at: Option<Time>,
    /// It is silent now or was until `muted_until`.
    pub muted: bool,
    /// Until when it is silent; `null` while `muted` is for ever.
    pub muted_until: Option<Time>,
    /// It is marked as unread although nothing in it need be.
    pub marked_unread: bool,
}

impl From<ChatSettings> for SettingsView {
    fn from(settings: ChatSettings) -> Self {
        let until = settings.muted_until_ms;
        Self {
            archived: settings.archived,
            pinned_at: settings.pinned_ms.map(Time::from_ms),
            muted: until.is_some(),
            muted_until: until.filter(|until| *until != u64::MAX).map(Time::from_ms),
            marked_unread: settings.marked_unread,
        }
    }
}

impl ChatView {
    /// A chat of this account.
    #[must_use]
    pub fn new(account: &AccountId, id: ChatId, line: &ChatLine) -> Self {
        let ChatLine { record, unread, last, in_day, .. } = line;
        Self {
            id: id.to_string(),
            kind: record.participant.jid.kind().into(),
            with: PersonView::from(&record.participant),
            name: record.name.clone(),
            push_name: record.push_name.clone(),
            unread: *unread,
            settings: record.settings.into(),
            last_message: last.as_ref().map(|(id, record)| MessageView::new(account, *id, record)),
            messages: *in_day,
        }
    }
}

/// What `chat.updated` tells.
#[derive(Serialize)]
pub(super) struct ChatData<'a> {
    id: String,
    kind: ChatKind,
    #[serde(flatten)]
    with: PersonView,
    name: Option<&'a str>,
    unread: u64,
    #[serde(flatten)]
    settings: SettingsView,
    deleted: bool,
}

impl<'a> ChatData<'a> {
    pub(super) fn new(no: AccountNo, event: &'a ChatEvent) -> Self {
        Self {
            id: ChatId { account: no, chat: event.chat_no }.to_string(),
            kind: event.chat.jid.kind().into(),
            with: PersonView::from(&event.chat),
            name: event.name.as_deref(),
            unread: event.unread,
            settings: event.settings.into(),
            deleted: event.deleted,
        }
    }
}
