//! What wasup remembers: ids, record types, the ordered key-value waist and its one writer.
//!
//! The seam is [`Store`]: `read`, `read_durable` and `write`, over rows in named [`Tree`]s. Everything above it
//! (the [`repo`] functions) is written against [`ReadTx`] and [`WriteTx`] and never learns which engine lies below.
//! This is the only crate that knows `sled`.

pub mod clock;
pub mod cursor;
pub mod engine;
pub mod envelope;
pub mod histogram;
pub mod id;
pub mod insurance;
pub mod jid;
pub mod key;
pub mod keyring;
pub mod records;
pub mod repo;
pub mod shelf;
pub mod tree;

mod chunk;
mod commit;
mod error;
mod group;
mod overlay;
mod principal;
mod progress;
mod row_key;
mod space;
mod store;
mod syncer;
mod tripwire;
mod tx;
mod watch;
mod watermark;
mod writer;

pub use clock::{Clock, SystemClock};
pub use error::{EngineError, OpenError, StoreError};
pub use keyring::MasterKey;
pub use principal::Principal;
pub use row_key::RowKey;
pub use space::SpaceFloor;
pub use store::{Durability, MAX_WAITING, Store, StoreStats};
pub use tree::Tree;
pub use tx::{Direction, Page, ReadTx, WriteTx};
pub use watermark::Watermark;
