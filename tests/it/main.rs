//! The edge over the real store: a gateway in this process, on a port of its own, asked over HTTP.

#![expect(clippy::unwrap_used, reason = "what a test can not get, fails it")]

mod access;
mod account_settings;
mod accounts;
#[cfg(feature = "sandbox")]
mod backups;
#[cfg(feature = "sandbox")]
mod bench;
#[cfg(feature = "sandbox")]
mod calls;
#[cfg(feature = "sandbox")]
mod campaigns;
#[cfg(feature = "sandbox")]
mod chaos_live;
mod chatbots;
#[cfg(feature = "sandbox")]
mod chats;
mod clamd;
mod clock;
#[cfg(feature = "sandbox")]
mod contacts;
mod contents;
#[path = "../../actors/src/tests/contract.rs"]
mod contract;
mod declared;
mod deliveries;
#[cfg(feature = "sandbox")]
mod disconnects;
#[cfg(feature = "sandbox")]
mod encrypted;
mod endpoint_switches;
mod endpoints;
mod events;
mod followers;
#[cfg(feature = "sandbox")]
mod groups;
#[cfg(feature = "sandbox")]
mod history;
#[cfg(feature = "sandbox")]
mod identity;
mod imports;
#[cfg(feature = "sandbox")]
mod jobs;
mod lists;
#[cfg(feature = "sandbox")]
mod matrix;
mod media;
#[cfg(feature = "sandbox")]
mod media_sent;
#[cfg(feature = "sandbox")]
mod media_wire;
mod message_feed;
mod metrics;
#[cfg(feature = "sandbox")]
mod metrics_live;
#[cfg(feature = "sandbox")]
mod numbers;
#[cfg(feature = "sandbox")]
mod outages;
mod paging;
#[cfg(feature = "sandbox")]
mod pairing;
#[cfg(feature = "sandbox")]
mod persistence;
#[cfg(feature = "sandbox")]
mod presence;
mod problems;
mod process;
#[cfg(feature = "sandbox")]
mod promises;
mod receiver;
mod receivers;
#[cfg(feature = "sandbox")]
mod replies;
#[cfg(feature = "sandbox")]
mod restrictions;
mod samples;
#[cfg(feature = "sandbox")]
mod scaled;
mod schedules;
#[cfg(feature = "sandbox")]
mod search;
#[cfg(feature = "sandbox")]
mod starred;
mod stats;
#[cfg(feature = "sandbox")]
mod status;
mod stopping;
mod streams;
mod streams_apart;
mod templates;
#[cfg(feature = "sandbox")]
mod verbs;
mod webhook_settings;
mod webhook_transport;
mod world;
