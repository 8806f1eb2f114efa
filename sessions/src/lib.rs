//! What is spoken: the live link to WhatsApp, its key store on our store, pairing and sends.
//!
//! [`ports`] is all that the actors know; [`link`] behind it is the only place that knows the protocol library.
#![recursion_limit = "512"]

pub mod keystore;
pub mod link;
pub mod number;
pub mod ports;

mod counted;
mod dial;
mod provider_id;
mod trouble;

pub use provider_id::provider_id;
