//! A message, received or to be sent, and where it stands.

use serde::{Deserialize, Serialize};

use super::{Aftermath, Content, MessageContext, MessageSecret, RunRef};
use crate::id::{ChatNo, Millis, PersonNo};
use crate::jid::Jid;

/// Which way a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Received by the account.
    Inbound,
    /// Sent by the account, by us or by another of its devices.
    Outbound,
}

/// Which queue a send waits in. A lower lane always goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Lane {
    /// A human or a flow waits for it.
    #[default]
    Interactive = 0,
    /// Planned for a time.
    Scheduled = 1,
    /// Bulk.
    Bulk = 2,
}

impl Lane {
    /// Every lane, the first served first.
    pub const ALL: [Self; 3] = [Self::Interactive, Self::Scheduled, Self::Bulk];

    /// The word used in the API and in metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Interactive => "interactive",
            Self::Scheduled => "scheduled",
            Self::Bulk => "bulk",
        }
    }
}

/// Where a message stands. Received ones are `Delivered` from the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum MessageState {
    /// Accepted and on disk, not on the wire.
    Queued = 1,
    /// On the wire, perhaps; resolved by sending the same id again.
    Sending = 2,
    /// A restriction of the network, or the account's own limit of new chats, forbids it for now.
    Held = 3,
    /// Acknowledged by the network's server.
    Sent = 4,
    /// On a device of the receiver, at least seen so.
    Delivered = 5,
    /// Read by the receiver, at least seen so.
    Read = 6,
    /// Played by the receiver, at least seen so.
    Played = 7,
    /// Refused by the network's server.
    Rejected = 8,
    /// Given up.
    Failed = 9,
    /// Taken back before it was on the wire.
    Cancelled = 10,
}

impl MessageState {
    /// The word used in the API, in events and in metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sending => "sending",
            Self::Held => "held",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Read => "read",
            Self::Played => "played",
            Self::Rejected => "rejected",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether `msg_open` lists messages in this state. Queued ones stand in the outbox, which is their index: a second
    /// one would cost every send two rows more.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Sending | Self::Held | Self::Rejected | Self::Failed | Self::Cancelled)
    }

    /// Whether it ended without getting to the network.
    #[must_use]
    pub const fn is_unsent(self) -> bool {
        matches!(self, Self::Rejected | Self::Failed | Self::Cancelled)
    }

    /// Whether the ledger has decided: acknowledged by the server, or never going to be.
    #[must_use]
    pub const fn is_settled(self) -> bool {
        !matches!(self, Self::Queued | Self::Sending | Self::Held)
    }

    /// How far along the way of a sent message it is; `None` off that way.
    const fn progress(self) -> Option<u8> {
        match self {
            Self::Sent => Some(1),
            Self::Delivered => Some(2),
            Self::Read => Some(3),
            Self::Played => Some(4),
            _ => None,
        }
    }

    /// The state after a proof of `seen` (`Sent`, `Delivered`, `Read` or `Played`) arrived, or `None` where it changes
    /// nothing. Moves forward only. A proof overrules `Failed` too: the message did arrive after we gave up.
    #[must_use]
    pub const fn advance(self, seen: Self) -> Option<Self> {
        let Some(to) = seen.progress() else { return None };
        match self {
            Self::Queued | Self::Cancelled | Self::Rejected => None,
            Self::Sending | Self::Held | Self::Failed => Some(seen),
            Self::Sent | Self::Delivered | Self::Read | Self::Played => match self.progress() {
                Some(from) if from >= to => None,
                _ => Some(seen),
            },
        }
    }
}

/// Why a message ended in `rejected`, `failed` or waits in `held`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum FailReason {
    /// The network's server refused it with this code.
    Server {
        /// The number of the `<ack error=…>`.
        error: u16,
    },
    /// No acknowledgement came, however often it was sent.
    NoAck,
    /// The account was logged out before it was sent.
    LoggedOut,
    /// The receiver has no device that can be reached.
    NoRecipient,
    /// The library could not encode or encrypt it.
    NotSendable,
    /// It waits because the account wrote to as many new chats as it may in a day, or behind others that are held.
    Paced,
}

/// A human: whichever of the two addresses is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Participant {
    /// The canonical address: the LID where it is known, else the phone number's.
    pub jid: Jid,
    /// The phone number's digits, where known.
    #[serde(default)]
    pub phone: Option<String>,
    /// The address by the network's own number, where known.
    #[serde(default)]
    pub lid: Option<Jid>,
}

/// When a message first was in each state, in milliseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct StateTimes {
    /// Accepted or received; `None` for one that came with the history.
    pub queued_ms: Option<Millis>,
    /// First put on the wire.
    pub sending_ms: Option<Millis>,
    /// Acknowledged by the server.
    pub sent_ms: Option<Millis>,
    /// Seen delivered.
    pub delivered_ms: Option<Millis>,
    /// Seen read.
    pub read_ms: Option<Millis>,
    /// Seen played.
    pub played_ms: Option<Millis>,
    /// Rejected, failed or cancelled.
    pub ended_ms: Option<Millis>,
}

/// Row of `msg`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageRecord {
    /// Which way it goes.
    pub direction: Direction,
    /// The chat's canonical address.
    pub chat: Participant,
    /// The chat's number.
    pub chat_no: ChatNo,
    /// Who wrote it; for our own sends the account itself, `None`.
    #[serde(default)]
    pub sender: Option<Participant>,
    /// The sender's number, where there is one.
    #[serde(default)]
    pub sender_no: Option<PersonNo>,
    /// The network's id of the message, chosen by us for our own sends.
    pub provider_id: String,
    /// When it was written, as the network says; for sends when it was accepted.
    pub ts_ms: Millis,
    /// What it says.
    pub content: Content,
    /// Where it stands.
    pub state: MessageState,
    /// When it got there.
    #[serde(default)]
    pub times: StateTimes,
    /// Why it ended badly or waits.
    #[serde(default)]
    pub reason: Option<FailReason>,
    /// The lane it waits or waited in.
    #[serde(default)]
    pub lane: Lane,
    /// How often it was put on the wire since it was accepted, or last let go after it was held.
    #[serde(default)]
    pub tries: u32,
    /// The caller's own id, where it gave one.
    #[serde(default)]
    pub client_message_id: Option<String>,
    /// The name the sender shows.
    #[serde(default)]
    pub push_name: Option<String>,
    /// What surrounds what it says, where there is anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<Box<MessageContext>>,
    /// What became of it later.
    #[serde(default, skip_serializing_if = "Aftermath::is_none")]
    pub aftermath: Aftermath,
    /// Its own secret, where it has one; of a vote that the account sends it is the poll's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<MessageSecret>,
    /// It is not in the stored history: no list shows it, and what it says is erased when it is delivered. The row stays for
    /// a while, so that a repeat is one and receipts have something to be about.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub fleeting: bool,
    /// What it is a part of, where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunRef>,
}

impl MessageRecord {
    /// Takes out of it what it says and everything that came with that.
    pub fn erase(&mut self) {
        self.content = Content::Erased;
        (self.context, self.secret, self.push_name) = (None, None, None);
    }

    /// Whether it came with the history that a phone sent, and not when it was written.
    #[must_use]
    pub const fn is_imported(&self) -> bool {
        self.times.queued_ms.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use MessageState::{Cancelled, Delivered, Failed, Held, Played, Queued, Read, Rejected, Sending, Sent};

    #[test]
    fn receipts_move_forward_only() {
        for (from, seen, expected) in [
            (Sending, Sent, Some(Sent)),
            (Sending, Delivered, Some(Delivered)),
            (Held, Sent, Some(Sent)),
            (Sent, Sent, None),
            (Sent, Read, Some(Read)),
            (Read, Delivered, None),
            (Delivered, Played, Some(Played)),
            (Failed, Delivered, Some(Delivered)),
            (Queued, Delivered, None),
            (Rejected, Sent, None),
            (Cancelled, Sent, None),
            (Sent, Queued, None),
        ] {
            assert_eq!(from.advance(seen), expected, "{from:?} + {seen:?}");
        }
    }
}
