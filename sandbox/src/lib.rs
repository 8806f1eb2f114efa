//! A WhatsApp network on loopback that speaks the real wire protocol.
//!
//! [`Network`] is the server: websocket, Noise handshake with a properly signed certificate chain,
//! pairing by QR code and by code, key bundles, device lists, direct messages with receipts, offline queues.
//! [`Phone`] is a virtual phone, device 0 of an account, with real end-to-end encryption.
//! [`Fault`] and [`Cut`] make things go wrong. [`serve`] adds an HTTP control API.
//!
//! Clients need nothing special but the address: whatsapp-rust with its certificate signatures
//! skipped (its root key is a constant), Baileys with [`Network::root_key`] as its root.
//!
//! State is in memory and belongs to the network, so it outlives any client process.

mod account;
mod bundle;
mod call;
mod cert;
mod config;
mod connection;
pub mod control;
mod device;
mod fault;
mod frame;
mod group;
mod iq;
mod ledger;
mod library_clock;
mod lock;
mod media;
mod message;
mod network;
mod noise;
mod offline;
mod pairing;
mod person;
mod phone;
mod picture;
mod prekey;
mod presence;
mod receipt;
mod registry;
mod restriction;
mod stanza;
mod trace;
mod typing;
mod violation;
mod wait;

pub use call::CallSeen;
pub use config::{Config, SandboxConfig};
pub use connection::Connects;
pub use control::{RunningSandbox, serve};
pub use fault::{Cut, Fault, Scope};
pub use group::{GroupRole, GroupSettings};
pub use ledger::{Accepted, Stats};
pub use library_clock::{ClockInUse, LibraryClock};
pub use media::{Forgotten, MediaFault};
pub use network::{BadNumber, Connected, DeviceLogins, Network, NotFound, NumberCounts, StartError};
pub use pairing::PairingError;
pub use phone::{
    Afterwards, Around, CompanionProps, FileSeen, FileToSend, GroupMember, GroupView, HistoryChunk, HistoryPart,
    InboxMessage, PastAct, PastChat, PastFile, PastMark, PastMessage, PastState, Phone, PhoneCounts, PhoneError,
    ReceiptSeen, Reply, Rules, Said, Setting, SharedSetting,
};
pub use restriction::Restriction;
pub use trace::{Direction, TraceLine};
pub use typing::TypingSeen;
pub use violation::{Rule, Violation};
pub use wait::WaitError;
