//! `[history]`: what is kept of the history that phones send.

use serde::{Deserialize, Serialize};
use wasup_sessions::link::HistoryBounds;

use super::check::Checks;
use super::units::{Size, Span};

/// What is kept of the history that phones send. Keys and limits: `config/default.toml`.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct HistoryConfig {
    /// Whether any is kept.
    pub keep: bool,
    /// Messages of so many days.
    pub days: u32,
    /// So many chats of an account.
    pub chats: u64,
    /// So many messages of a chat.
    pub messages_per_chat: usize,
    /// So many bytes of what an account's messages say.
    pub bytes: Size,
    /// The largest piece, packed.
    pub piece_bytes: Size,
    /// Pieces that are being imported at once.
    pub at_once: usize,
    /// How long an announced piece is waited for.
    pub patience: Span,
}

impl HistoryConfig {
    pub(super) fn check(&self, checks: &mut Checks) {
        checks.between("history.days", self.days, 1, 36_500);
        checks.between("history.chats", self.chats, 1, 10_000_000);
        checks.between("history.messages_per_chat", self.messages_per_chat, 1, 1_000_000);
        checks.between("history.at_once", self.at_once, 1, 64);
        checks.between("history.patience", self.patience, Span::secs(1), Span::secs(86_400));
    }

    /// For the links.
    #[must_use]
    pub fn bounds(&self) -> HistoryBounds {
        HistoryBounds {
            keep: self.keep,
            days: self.days,
            chats: self.chats,
            messages_per_chat: self.messages_per_chat,
            bytes: self.bytes.0,
            piece_bytes: usize::try_from(self.piece_bytes.0).unwrap_or(usize::MAX),
            at_once: self.at_once,
            patience: self.patience.0,
        }
    }
}
