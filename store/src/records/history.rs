//! Pieces of the history that a phone sends when a device is linked, or is asked for.

use serde::{Deserialize, Serialize};

/// What a piece is a part of, in the network's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HistoryKind {
    /// The newest messages of each chat, first of all.
    InitialBootstrap,
    /// The statuses of the last day.
    InitialStatus,
    /// Everything, where a fresh link asked for it.
    Full,
    /// What is not long ago.
    Recent,
    /// The names that people show.
    PushName,
    /// What no chat needs.
    NonBlocking,
    /// Older messages that were asked for.
    OnDemand,
    /// Something that this version does not know.
    Other,
}

impl HistoryKind {
    /// Every kind.
    pub const ALL: [Self; 8] = [
        Self::InitialBootstrap,
        Self::InitialStatus,
        Self::Full,
        Self::Recent,
        Self::PushName,
        Self::NonBlocking,
        Self::OnDemand,
        Self::Other,
    ];

    /// The network's number of it.
    #[must_use]
    pub const fn of_number(number: i32) -> Self {
        match number {
            0 => Self::InitialBootstrap,
            1 => Self::InitialStatus,
            2 => Self::Full,
            3 => Self::Recent,
            4 => Self::PushName,
            5 => Self::NonBlocking,
            6 => Self::OnDemand,
            _ => Self::Other,
        }
    }

    /// The word used in the API and in events.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InitialBootstrap => "initial_bootstrap",
            Self::InitialStatus => "initial_status",
            Self::Full => "full",
            Self::Recent => "recent",
            Self::PushName => "push_name",
            Self::NonBlocking => "non_blocking",
            Self::OnDemand => "on_demand",
            Self::Other => "other",
        }
    }
}

/// Row of `history`: a piece that is on disk, whole, and how far it is imported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryChunk {
    /// What it is a part of.
    pub kind: HistoryKind,
    /// Which part.
    #[serde(default)]
    pub order: Option<u32>,
    /// How much of all the phone has sent by then, in percent.
    #[serde(default)]
    pub progress: Option<u32>,
    /// Its bytes when unpacked.
    pub size: u64,
    /// Rows that hold it.
    pub rows: u32,
    /// Chats of it that are imported.
    #[serde(default)]
    pub chats_done: u32,
    /// Messages of the next chat that are through, where it is imported in part.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub passed: u64,
    /// What became of its messages so far.
    #[serde(default)]
    pub tally: HistoryTally,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
const fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// What became of messages of the history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct HistoryTally {
    /// Chats that had messages to import.
    pub chats: u64,
    /// Messages that are in the store because of it.
    pub messages: u64,
    /// Bytes of what they say.
    pub bytes: u64,
    /// Messages that were there already.
    pub known: u64,
    /// Messages left out: beyond the configured bounds, or nothing for a human.
    pub left_out: u64,
}

impl HistoryTally {
    /// Both together.
    #[must_use]
    pub const fn plus(self, more: Self) -> Self {
        Self {
            chats: self.chats + more.chats,
            messages: self.messages + more.messages,
            bytes: self.bytes + more.bytes,
            known: self.known + more.known,
            left_out: self.left_out + more.left_out,
        }
    }
}

/// `history.synced`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryEvent {
    /// What the piece was a part of.
    pub kind: HistoryKind,
    /// Which part.
    #[serde(default)]
    pub order: Option<u32>,
    /// How much of all the phone has sent by then, in percent.
    #[serde(default)]
    pub progress: Option<u32>,
    /// It was announced and never arrived, or can't be read: what it held is missing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub lost: bool,
    /// What became of its messages.
    #[serde(default)]
    pub tally: HistoryTally,
}
