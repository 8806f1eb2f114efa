//! The edge of wasup: command line, config, logs, HTTP API, webhook transport, and the composition of the rooms below.

pub mod account_form;
pub mod api;
pub mod api_key;
#[cfg(feature = "sandbox")]
pub mod bench;
pub mod cli;
pub mod config;
#[cfg(feature = "sandbox")]
pub mod demo;
pub mod encryption_key;
pub mod endpoint_form;
pub mod gateway;
pub mod health;
pub mod imports;
pub mod media;
pub mod metrics;
pub mod serving;
pub mod telemetry;
pub mod webhook_http;

mod census;
mod declared;
mod patience;
mod phone;
mod private_file;
mod wiring;

pub use declared::{ChangedAccount, DeclareError, Fault, ReloadError, Reloader, Report, ReportedError};
