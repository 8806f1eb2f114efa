//! The edge of wasup: command line, config, logs, HTTP API, webhook transport, and the composition of the rooms below.

pub mod config;
pub mod telemetry;
