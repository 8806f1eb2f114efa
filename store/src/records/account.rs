//! An account and the state it is in.

use serde::{Deserialize, Serialize};

use super::account_settings::{AccountSettings, AccountSource, Restriction};
use super::timeline::Told;
use crate::id::{AccountId, AccountNo, DEFAULT_TENANT, Epoch, LinkNo, Millis, TenantNo};
use crate::jid::Jid;

/// What the operator wants of the account, apart from what it is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Desired {
    /// To be connected.
    Running,
    /// To be left alone.
    #[default]
    Stopped,
}

/// What the account is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Nobody wants it to run.
    #[default]
    Stopped,
    /// A QR code (later: or a code) is shown and waits for a phone.
    Pairing,
    /// The first connection of this run is being made.
    Connecting,
    /// Connected: messages flow.
    Connected,
    /// The connection was lost and is being made again.
    Reconnecting,
    /// The actor broke and is started again at a known time.
    BackingOff,
    /// The actor broke too often; an operator has to release it.
    Quarantined,
    /// The phone removed the device.
    LoggedOut,
    /// Another client took over the same device.
    Replaced,
    /// The network banned the number, for a time or for good.
    Banned,
    /// The network wants a newer client.
    Outdated,
}

impl Phase {
    /// Every phase, for gauges that must show zeroes too.
    pub const ALL: [Self; 11] = [
        Self::Stopped,
        Self::Pairing,
        Self::Connecting,
        Self::Connected,
        Self::Reconnecting,
        Self::BackingOff,
        Self::Quarantined,
        Self::LoggedOut,
        Self::Replaced,
        Self::Banned,
        Self::Outdated,
    ];

    /// The word used in the API, in events and in metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stopped => "stopped",
            Self::Pairing => "pairing",
            Self::Connecting => "connecting",
            Self::Connected => "connected",
            Self::Reconnecting => "reconnecting",
            Self::BackingOff => "backing_off",
            Self::Quarantined => "quarantined",
            Self::LoggedOut => "logged_out",
            Self::Replaced => "replaced",
            Self::Banned => "banned",
            Self::Outdated => "outdated",
        }
    }
}

/// Why the account is in its phase: a stable code. New ones may come, none changes its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Nothing special: asked for by an operator or by the config.
    #[default]
    Requested,
    /// Not linked to a phone yet.
    NotLinked,
    /// The process died while a phone was linking; the phone may show a device that is none.
    PairingInterrupted,
    /// Every QR code of a round expired unscanned.
    QrExpired,
    /// The phone linked the device.
    Linked,
    /// The socket was closed or broke.
    ConnectionLost,
    /// The network asked for a new connection.
    StreamRestart,
    /// The network is unavailable for the moment.
    ServiceUnavailable,
    /// The network did not answer in time.
    TimedOut,
    /// The phone removed the device, or the network refused its login.
    DeviceRemoved,
    /// Another client logged in as the same device.
    StreamReplaced,
    /// A ban that ends by itself.
    TemporaryBan,
    /// A ban for good.
    PermanentBan,
    /// The network refused the client's version.
    ClientOutdated,
    /// The actor panicked or met a broken invariant.
    Crashed,
    /// The link's task ended although nobody asked it to.
    LinkEnded,
    /// The actor did not answer.
    Stuck,
    /// The restart budget is spent.
    RestartBudget,
    /// The process is being stopped.
    Shutdown,
    /// The network refused the login with a code that has no name here.
    Refused,
    /// The store came back from a backup: the account starts only when an operator says so.
    Restored,
    /// The pairing code was not entered in time.
    CodeExpired,
    /// The network gave no pairing code, or took it back.
    CodeRefused,
    /// The phone asks for a passkey before it links a device.
    PasskeyRequired,
    /// A human gave the pairing up.
    PairingCancelled,
    /// A phone began to link and did not finish in time.
    PairingTimedOut,
    /// The network asked for fewer requests (429).
    RateLimited,
    /// The network ended the stream with another code.
    StreamError,
    /// The network could not be reached.
    Unreachable,
    /// The account's proxy refused, or could not be reached.
    ProxyFailed,
    /// The network locked the account; the phone says what to do.
    AccountLocked,
    /// The link could not even be opened: a bad address, a forbidden one.
    LinkRefused,
    /// Another account here is linked to the same phone.
    SamePhone,
    /// The installation is stopped for this account by the accounts file, where it is no more.
    Undeclared,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 34] = [
        Self::Requested,
        Self::NotLinked,
        Self::PairingInterrupted,
        Self::QrExpired,
        Self::Linked,
        Self::ConnectionLost,
        Self::StreamRestart,
        Self::ServiceUnavailable,
        Self::TimedOut,
        Self::DeviceRemoved,
        Self::StreamReplaced,
        Self::TemporaryBan,
        Self::PermanentBan,
        Self::ClientOutdated,
        Self::Crashed,
        Self::LinkEnded,
        Self::Stuck,
        Self::RestartBudget,
        Self::Shutdown,
        Self::Refused,
        Self::Restored,
        Self::CodeExpired,
        Self::CodeRefused,
        Self::PasskeyRequired,
        Self::PairingCancelled,
        Self::PairingTimedOut,
        Self::RateLimited,
        Self::StreamError,
        Self::Unreachable,
        Self::ProxyFailed,
        Self::AccountLocked,
        Self::LinkRefused,
        Self::SamePhone,
        Self::Undeclared,
    ];

    /// The word used in the API, in events and in logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::NotLinked => "not_linked",
            Self::PairingInterrupted => "pairing_interrupted",
            Self::QrExpired => "qr_expired",
            Self::Linked => "linked",
            Self::ConnectionLost => "connection_lost",
            Self::StreamRestart => "stream_restart",
            Self::ServiceUnavailable => "service_unavailable",
            Self::TimedOut => "timed_out",
            Self::DeviceRemoved => "device_removed",
            Self::StreamReplaced => "stream_replaced",
            Self::TemporaryBan => "temporary_ban",
            Self::PermanentBan => "permanent_ban",
            Self::ClientOutdated => "client_outdated",
            Self::Crashed => "crashed",
            Self::LinkEnded => "link_ended",
            Self::Stuck => "stuck",
            Self::RestartBudget => "restart_budget",
            Self::Shutdown => "shutdown",
            Self::Refused => "refused",
            Self::Restored => "restored",
            Self::CodeExpired => "code_expired",
            Self::CodeRefused => "code_refused",
            Self::PasskeyRequired => "passkey_required",
            Self::PairingCancelled => "pairing_cancelled",
            Self::PairingTimedOut => "pairing_timed_out",
            Self::RateLimited => "rate_limited",
            Self::StreamError => "stream_error",
            Self::Unreachable => "unreachable",
            Self::ProxyFailed => "proxy_failed",
            Self::AccountLocked => "account_locked",
            Self::LinkRefused => "link_refused",
            Self::SamePhone => "same_phone",
            Self::Undeclared => "undeclared",
        }
    }
}

/// What a human has to do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UserAction {
    /// Nothing.
    #[default]
    None,
    /// Scan the QR code with the phone.
    ScanQr,
    /// Open WhatsApp on the phone (to remove a device, or to read what it says).
    OpenPhone,
    /// Wait; it goes on by itself.
    Wait,
    /// Release the account: from quarantine, or its outbox after a restore.
    Release,
    /// Enter the pairing code on the phone.
    EnterCode,
    /// Confirm with the passkey on the phone; wasup can't do that itself.
    ConfirmPasskey,
    /// Install a newer version of wasup.
    Update,
    /// Mend the account's proxy, or set another.
    CheckProxy,
}

impl UserAction {
    /// Every action.
    pub const ALL: [Self; 9] = [
        Self::None,
        Self::ScanQr,
        Self::OpenPhone,
        Self::Wait,
        Self::Release,
        Self::EnterCode,
        Self::ConfirmPasskey,
        Self::Update,
        Self::CheckProxy,
    ];

    /// The word used in the API, in events and in metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::ScanQr => "scan_qr",
            Self::OpenPhone => "open_phone",
            Self::Wait => "wait",
            Self::Release => "release",
            Self::EnterCode => "enter_code",
            Self::ConfirmPasskey => "confirm_passkey",
            Self::Update => "update",
            Self::CheckProxy => "check_proxy",
        }
    }
}

/// The account's state as everyone sees it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct AccountState {
    /// What it is doing.
    pub phase: Phase,
    /// Why.
    pub reason: Reason,
    /// Since when, in milliseconds since 1970.
    pub since_ms: Millis,
    /// When something happens by itself, where that is known.
    pub retry_at_ms: Option<Millis>,
    /// What a human has to do.
    pub user_action: UserAction,
}

/// Who the account is on the network, known once it is linked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Address by phone number.
    pub jid: Jid,
    /// Address by the network's own number.
    #[serde(default)]
    pub lid: Option<Jid>,
    /// The name the account shows to others.
    #[serde(default)]
    pub push_name: Option<String>,
}

/// Row of `account`: everything about an account that outlives the process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AccountRecord {
    /// The user's own id.
    pub id: AccountId,
    /// Its number in this store.
    pub no: AccountNo,
    /// Whose it is.
    #[serde(default = "default_tenant")]
    pub tenant: TenantNo,
    /// A name for humans; may change.
    #[serde(default)]
    pub name: String,
    /// Current owner's incarnation.
    #[serde(default)]
    pub epoch: Epoch,
    /// Current link.
    #[serde(default)]
    pub link: LinkNo,
    /// What the operator wants.
    #[serde(default)]
    pub desired: Desired,
    /// What it is doing.
    #[serde(default)]
    pub state: AccountState,
    /// Who it is, once linked.
    #[serde(default)]
    pub identity: Option<Identity>,
    /// Since when it is linked to its number; `None` where that was before anybody noted it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number_since_ms: Option<Millis>,
    /// Region for numbers in national form (`ID`, `DE`), before the installation's own.
    #[serde(default)]
    pub default_region: Option<String>,
    /// Whether it starts with the process.
    #[serde(default = "yes")]
    pub autostart: bool,
    /// The user's own notes, as a JSON object in text form.
    #[serde(default)]
    pub metadata: Option<String>,
    /// A remark of the user's for people to read.
    #[serde(default)]
    pub note: Option<String>,
    /// When it was created.
    #[serde(default)]
    pub created_ms: Millis,
    /// The account came back from a backup, and nothing is taken out of its outbox until an operator releases it.
    #[serde(default)]
    pub outbox_paused: bool,
    /// What is set for this account alone.
    #[serde(default)]
    pub settings: AccountSettings,
    /// Who made it.
    #[serde(default)]
    pub source: AccountSource,
    /// What the network forbids it to send at present.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restriction: Option<Restriction>,
    /// What listeners know of its state; `None` before the first event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told: Option<Told>,
    /// Its link is to be ended before anything else is done with it.
    #[serde(default, skip_serializing_if = "is_no")]
    pub leaving: bool,
}

const fn default_tenant() -> TenantNo {
    DEFAULT_TENANT
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks in this form")]
const fn is_no(it: &bool) -> bool {
    !*it
}

const fn yes() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use serde::de::IntoDeserializer as _;
    use serde::de::value::{Error, StrDeserializer};

    use super::*;

    #[test]
    fn words_are_the_ones_that_are_stored() {
        for reason in Reason::ALL {
            let word: StrDeserializer<'_, Error> = reason.as_str().into_deserializer();
            assert_eq!(Reason::deserialize(word), Ok(reason));
        }
        for action in UserAction::ALL {
            let word: StrDeserializer<'_, Error> = action.as_str().into_deserializer();
            assert_eq!(UserAction::deserialize(word), Ok(action));
        }
    }
}
