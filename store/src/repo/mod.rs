//! Repositories: functions over [`crate::ReadTx`] and [`crate::WriteTx`]. One file a subject; the only places that
//! build keys.

pub mod account;
pub mod account_settings;
pub(crate) mod account_state;
mod account_wishes;
pub mod audit;
pub mod chat;
pub mod chatbot;
pub mod counters;
pub mod delivery;
pub mod due;
pub mod endpoint;
pub mod event;
pub mod expiry;
pub mod follow;
pub mod held;
pub mod idempotency;
pub mod inbound;
pub mod media;
pub mod message;
pub mod outbox;
pub mod pace;
pub mod person;
pub mod phone;
pub(crate) mod purge;
pub mod restriction;
pub mod retention;
pub mod revival;
pub mod schema;
mod scope;
pub mod send;
pub mod take;
pub mod timeline;
pub mod wa;
