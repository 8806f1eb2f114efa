//! How a child ended. The framework tells it by free text and by error; the one place that reads both is here.

use ractor::{ActorProcessingErr, SpawnErr};

use super::Crash;

/// Why a child stopped although nothing was broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StopReason {
    /// An operator asked for it.
    Requested,
    /// The accounts file holds the account no more.
    Undeclared,
    /// The process is being stopped.
    Shutdown,
    /// The account was deleted.
    Deleted,
    /// The link ended for good: logged out, replaced, banned, outdated.
    LinkEnded,
    /// Nobody scanned a QR code.
    QrExpired,
    /// Another incarnation owns the account.
    TakenOver,
    /// An operator had it logged out.
    LogOut,
    /// An operator had it started anew.
    Restarted,
    /// An operator gave the pairing up.
    PairingCancelled,
    /// Another account is linked to the same phone, and only one may be.
    SamePhone,
    /// It has nothing more to do.
    Done,
}

impl StopReason {
    const ALL: [Self; 12] = [
        Self::Requested,
        Self::Undeclared,
        Self::Shutdown,
        Self::Deleted,
        Self::LinkEnded,
        Self::QrExpired,
        Self::TakenOver,
        Self::LogOut,
        Self::Restarted,
        Self::PairingCancelled,
        Self::SamePhone,
        Self::Done,
    ];

    /// The word that travels through the framework and stands in logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Undeclared => "undeclared",
            Self::Shutdown => "shutdown",
            Self::Deleted => "deleted",
            Self::LinkEnded => "link_ended",
            Self::QrExpired => "qr_expired",
            Self::TakenOver => "taken_over",
            Self::LogOut => "log_out",
            Self::Restarted => "restarted",
            Self::PairingCancelled => "pairing_cancelled",
            Self::SamePhone => "same_phone",
            Self::Done => "done",
        }
    }

    fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == word)
    }
}

/// What broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CrashKind {
    /// A panic, a broken invariant, a corrupt row.
    Crashed,
    /// The link's task ended although nobody asked it to, or never came up.
    LinkEnded,
    /// It did not answer its supervisor.
    Stuck,
    /// It could not even start.
    NotStarted,
    /// Its link could not be opened.
    LinkRefused,
}

impl CrashKind {
    /// Every kind.
    pub const ALL: [Self; 5] = [Self::Crashed, Self::LinkEnded, Self::Stuck, Self::NotStarted, Self::LinkRefused];

    /// The word used in metrics and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Crashed => "crashed",
            Self::LinkEnded => "link_ended",
            Self::Stuck => "stuck",
            Self::NotStarted => "not_started",
            Self::LinkRefused => "link_refused",
        }
    }
}

/// How a child ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// By its own or somebody's decision.
    Stopped(StopReason),
    /// It broke.
    Crashed(CrashKind),
}

impl Exit {
    /// From the text of a termination. A kill or a cancelled task that this table's owner did not order is a crash,
    /// and so is a stop without one of our words.
    pub(crate) fn terminated(reason: Option<&str>) -> Self {
        reason.and_then(StopReason::from_word).map_or(Self::Crashed(CrashKind::Crashed), Self::Stopped)
    }

    /// From the error of a failure: a panic or a [`Crash`].
    pub(crate) fn failed(error: &ActorProcessingErr) -> Self {
        Self::Crashed(error.downcast_ref::<Crash>().map_or(CrashKind::Crashed, Crash::kind))
    }
}

/// What broke, for the log. Only our own words: what a panic says could hold anything.
pub(crate) fn cause(error: &ActorProcessingErr) -> Option<String> {
    let crash = error.downcast_ref::<Crash>()?;
    let source = std::error::Error::source(crash).map(|source| format!(": {source}"));
    Some(format!("{crash}{}", source.unwrap_or_default()))
}

/// Why an actor did not start, for the log.
pub(crate) fn not_started(error: &SpawnErr) -> Option<String> {
    match error {
        SpawnErr::StartupFailed(error) => cause(error),
        other => Some(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_come_back_as_they_went() {
        for reason in StopReason::ALL {
            assert_eq!(Exit::terminated(Some(reason.as_str())), Exit::Stopped(reason));
        }
    }

    #[test]
    fn what_we_did_not_order_is_a_crash() {
        for text in [None, Some("killed"), Some("Drained"), Some("actor_task_cancelled"), Some("")] {
            assert_eq!(Exit::terminated(text), Exit::Crashed(CrashKind::Crashed), "{text:?}");
        }
    }

    #[test]
    fn a_crash_keeps_its_kind() {
        assert_eq!(Exit::failed(&"a panic".into()), Exit::Crashed(CrashKind::Crashed));
        let error: ActorProcessingErr = Box::new(Crash::LinkEnded);
        assert_eq!(Exit::failed(&error), Exit::Crashed(CrashKind::LinkEnded));
    }
}
