//! What is spoken: the live link to WhatsApp, its key store on our store, pairing and sends.
//!
//! [`ports`] is all that the actors know; [`link`] behind it is the only place that knows the protocol library.
#![recursion_limit = "512"]

pub mod keystore;
pub mod link;
pub mod meters;
pub mod number;
pub mod ports;

mod counted;
mod dial;
#[cfg(feature = "sandbox")]
mod fail_point;
mod media;
mod provider_id;
mod trouble;

pub use dial::{ProxyRefusal, check_proxy};
#[cfg(feature = "sandbox")]
pub use fail_point::FailPoint;
pub use provider_id::provider_id;
