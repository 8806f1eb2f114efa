//! The ports an account actor drives: what a link can be asked, and what it reports. No word of the protocol library
//! appears here, so the actors can be tested over a link of their own.

mod ask;
mod chats;
mod groups;
mod media;
mod people;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::mpsc;
use wasup_store::Watermark;
use wasup_store::id::{AccountNo, Epoch, LinkNo, MessageId, Millis};
use wasup_store::records::{
    Content, HistorySettings, Identity, MessageContext, MessageSecret, MessageState, Participant, ProxyAddress, Target,
};

pub use ask::AskError;
pub use chats::{ChatCalls, ChatChange, NamedMessage, Typing};
pub use groups::{GroupCalls, GroupPreview, JoinRequest, JoinedGroup, MemberOutcome, MemberVerb, Members, NewGroup};
pub use media::{FetchError, MediaCalls, RemoteFile};
pub use people::{Checked, PeopleCalls, PersonInfo, PictureAt, PictureStream, Seen};

/// Which account a link is opened for, and by which incarnation.
#[derive(Debug, Clone)]
pub struct LinkTarget {
    /// The account.
    pub no: AccountNo,
    /// Its link.
    pub link: LinkNo,
    /// The incarnation that opens it; its writes are refused once a newer one took over.
    pub epoch: Epoch,
    /// The name a fresh pairing shows on the phone's list of devices.
    pub name: String,
    /// What must be on disk before a frame leaves: what the account notes of its sends, and received messages before they
    /// are acknowledged. Keys are on disk before the protocol library goes on with them.
    pub mark: Watermark,
    /// The way to the network; nothing of the link takes another.
    pub proxy: Option<ProxyAddress>,
    /// What a fresh pairing asks the phone for.
    pub history: HistorySettings,
    /// Something waits to be sent: it connects before those that have nothing to do.
    pub urgent: bool,
}

/// Opens links. One per process.
#[async_trait]
pub trait LinkFactory: Send + Sync + 'static {
    /// Opens a link and starts connecting. It reports to `events`; the answer comes before it is connected.
    ///
    /// # Errors
    /// [`LinkError`] when it can't even begin: a bad address, a forbidden one, a broken key store.
    async fn open(&self, target: LinkTarget, events: mpsc::Sender<LinkEvent>) -> Result<Arc<dyn Link>, LinkError>;
}

/// A live companion connection of one account. It reconnects by itself until it ends.
#[async_trait]
pub trait Link: Send + Sync + 'static {
    /// Encrypts a message and puts it on the wire under the id chosen for it. `Ok` means it left, not that the server
    /// has it: that is [`LinkEvent::ServerAck`].
    ///
    /// # Errors
    /// [`SendError`], which says whether another try can help.
    async fn send(&self, message: &Outgoing) -> Result<(), SendError>;

    /// Whether messages can be sent at this moment.
    fn is_connected(&self) -> bool;

    /// Skips the wait before the next reconnect.
    fn reconnect_now(&self);

    /// Removes the device at the network, so that the phone's list no longer shows it. Best effort.
    ///
    /// # Errors
    /// [`LinkError`] when the network did not confirm it.
    async fn log_out(&self) -> Result<(), LinkError>;

    /// Asks the network for a code by which a phone with this number (digits only) can link the device. The outcome is
    /// [`LinkEvent::PairingCode`] or [`LinkEvent::PairingCodeRefused`]. QR codes go on beside it.
    fn request_pairing_code(&self, phone: &str);

    /// Takes a pairing code back.
    fn cancel_pairing_code(&self);

    /// Asks the network whether it restricts what the account may send. The answer is [`LinkEvent::Restriction`], or
    /// nothing where the network gives none.
    fn ask_restriction(&self);

    /// Puts a message among the account's starred ones, on all its devices, or takes it out.
    ///
    /// # Errors
    /// [`AskError`], where the network does not take it.
    async fn star(&self, chat: &Participant, message: &Target, starred: bool) -> Result<(), AskError> {
        let _ = (chat, message, starred);
        Err(AskError::NotConnected)
    }

    /// Questions about groups.
    fn groups(&self) -> &dyn GroupCalls {
        &NoNetwork
    }

    /// Questions about people.
    fn people(&self) -> &dyn PeopleCalls {
        &NoNetwork
    }

    /// Calls about chats.
    fn chats(&self) -> &dyn ChatCalls {
        &NoNetwork
    }

    /// Calls about files.
    fn media(&self) -> &dyn MediaCalls {
        &NoNetwork
    }

    /// Disconnects, stops every task of the link and waits until they are gone. Idempotent.
    async fn close(&self);
}

/// Answers every question with [`AskError::NotConnected`]: the questions of a link that has no network.
#[derive(Debug, Clone, Copy)]
pub struct NoNetwork;

/// A message as the link sends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// Our id.
    pub id: MessageId,
    /// The network's id, chosen when the send was accepted and the same on every try.
    pub provider_id: String,
    /// Where it goes.
    pub chat: Participant,
    /// What it says.
    pub content: Content,
    /// What surrounds that.
    pub context: Option<Box<MessageContext>>,
    /// Its own secret; for a vote that of the poll.
    pub secret: Option<MessageSecret>,
    /// When it was accepted.
    pub ts_ms: Millis,
}

/// What a link reports, in order. Connection events are never dropped; receipts and acknowledgements may be when the
/// listener is too slow, which is counted: a later receipt or a resend repairs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkEvent {
    /// A code to show as QR, until it expires.
    Qr {
        /// The text that the QR code holds.
        code: QrCode,
        /// How long it can be scanned.
        valid_for: Duration,
    },
    /// Every code of the round expired unscanned; the link has ended.
    QrExhausted,
    /// A code to enter on the phone, until it expires.
    PairingCode {
        /// Eight characters.
        code: PairingCode,
        /// How long it can be entered.
        valid_for: Duration,
    },
    /// No code is coming, or the one on show is not good any more.
    PairingCodeRefused {
        /// Why.
        reason: CodeRefusal,
        /// When to ask again, where the network says so.
        retry_after: Option<Duration>,
    },
    /// The phone's account demands a passkey before it links a device, which this program can't give.
    PasskeyRequired,
    /// What the network says about the account's right to write to people who never wrote to it.
    Restriction {
        /// Whether it is restricted.
        active: bool,
        /// Until when, where the network says so.
        until_ms: Option<Millis>,
    },
    /// A phone has scanned the code: the device is being linked. Not committed by the phone's side yet.
    PairingStarted,
    /// A phone linked the device.
    Paired {
        /// Who the account is.
        identity: Identity,
    },
    /// Connected and ready to send.
    Connected {
        /// Who the account is.
        identity: Identity,
    },
    /// The connection is gone and the link is making a new one by itself.
    Disconnected {
        /// Why.
        reason: DisconnectReason,
    },
    /// The server's answer to a message we sent.
    ServerAck {
        /// The network's id of the message.
        provider_id: String,
        /// The error code of a refusal.
        error: Option<u16>,
    },
    /// A receipt for messages we sent.
    Receipt {
        /// The network's ids.
        provider_ids: Vec<String>,
        /// `Delivered`, `Read` or `Played`.
        seen: MessageState,
        /// When the network says it happened.
        at_ms: Millis,
    },
    /// The link has ended for good and can't go on by itself.
    Ended {
        /// Why.
        reason: EndReason,
    },
}

/// The text of a QR code. Whoever has it can link the account: it never reaches a log.
#[derive(Clone, PartialEq, Eq)]
pub struct QrCode(pub String);

impl std::fmt::Debug for QrCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("QrCode(…)")
    }
}

/// A pairing code. Whoever has it, and the phone, can link the account: it never reaches a log.
#[derive(Clone, PartialEq, Eq)]
pub struct PairingCode(pub String);

impl std::fmt::Debug for PairingCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PairingCode(…)")
    }
}

/// Why there is no pairing code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodeRefusal {
    /// The number can't be used: not a number, or not one of the network.
    BadNumber,
    /// Too many codes were asked for.
    RateLimited,
    /// The network does not do it at present, or for this number.
    NotAvailable,
    /// It was not entered in time, or the network wants another one.
    Expired,
    /// The connection was not there, or broke.
    NotConnected,
    /// Something else.
    Failed,
}

/// Why a connection was lost. The link reconnects by itself after each of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DisconnectReason {
    /// The socket was closed or broke.
    ConnectionLost,
    /// The network asked for a new connection (515).
    StreamRestart,
    /// The network is unavailable for the moment (503).
    ServiceUnavailable,
    /// No answer in time.
    TimedOut,
    /// The network asked for fewer requests (429).
    RateLimited,
    /// The network ended the stream with another code, or could not read it.
    StreamError,
    /// No new connection could be made.
    Unreachable,
    /// No new connection could be made because the proxy refused or was not there.
    ProxyFailed,
}

impl DisconnectReason {
    /// Every reason.
    pub const ALL: [Self; 8] = [
        Self::ConnectionLost,
        Self::StreamRestart,
        Self::ServiceUnavailable,
        Self::TimedOut,
        Self::RateLimited,
        Self::StreamError,
        Self::Unreachable,
        Self::ProxyFailed,
    ];

    /// The word used in metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ConnectionLost => "connection_lost",
            Self::StreamRestart => "stream_restart",
            Self::ServiceUnavailable => "service_unavailable",
            Self::TimedOut => "timed_out",
            Self::RateLimited => "rate_limited",
            Self::StreamError => "stream_error",
            Self::Unreachable => "unreachable",
            Self::ProxyFailed => "proxy_failed",
        }
    }
}

/// Why a link has ended. All but `Unexpected` are states with a reason and a user action, not crashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndReason {
    /// The phone removed the device, or the network refused its login.
    LoggedOut,
    /// Another client logged in as the same device.
    Replaced,
    /// The number is banned.
    Banned {
        /// When it ends, where the network says so.
        until_ms: Option<Millis>,
    },
    /// The network locked the account (403); the phone says what to do.
    Locked,
    /// The network wants a newer client.
    Outdated,
    /// The network refused the login with another code.
    Refused {
        /// The code.
        code: u16,
    },
    /// The link's task ended although nobody asked it to: a crash.
    Unexpected,
}

/// Why a link can't be opened or asked.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// This build skips certificate signatures and therefore dials loopback only.
    #[error("a sandbox build connects to loopback addresses only")]
    NotLoopback,
    /// The configured address of the network is not usable.
    #[error("the link's address is not usable: {0}")]
    BadAddress(String),
    /// The key store failed.
    #[error("the link's key store failed")]
    Store(#[source] wasup_store::StoreError),
    /// The protocol library refused to start or to answer.
    #[error("the protocol library refused: {0}")]
    Protocol(String),
}

/// Why a message did not leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// Not connected, or the connection broke while sending. Another try with the same id is right.
    #[error("the connection was not there")]
    NotConnected,
    /// It took too long; whether it left is not known. Another try with the same id is right.
    #[error("it took too long")]
    TimedOut,
    /// The receiver has no device.
    #[error("the receiver has no device")]
    NoRecipient,
    /// It can't be encoded or encrypted; no try will change that.
    #[error("it can't be sent")]
    NotSendable,
    /// A step before the wire failed in a way that may pass (device list, keys, key store).
    #[error("a step before the wire failed")]
    Transient,
}
