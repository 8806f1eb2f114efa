//! The edge over the real store: a gateway in this process, on a port of its own, asked over HTTP.

mod access;
mod accounts;
mod metrics;
#[cfg(feature = "sandbox")]
mod pairing;
mod problems;
mod stopping;
mod webhook_settings;
mod webhook_transport;
mod world;
