//! The store as its callers see it: over every engine, under concurrent writers, and through crashes.
#![expect(clippy::unwrap_used, reason = "a test that can't set itself up has failed")]

mod account_settings;
mod accounts;
mod budget;
mod child;
mod conformance;
mod crash;
mod damaged;
mod deliveries;
mod delivery_attempts;
mod delivery_lists;
mod delivery_order;
mod delivery_replays;
mod disk;
mod durability;
mod earlier;
mod encrypted;
mod endpoints;
mod follow;
mod group;
mod inbound;
mod insurance;
mod keys;
mod model;
mod persons;
mod power_loss;
mod principals;
mod records;
mod recount;
mod retention;
mod sends;
mod starts;
mod support;
mod syncing;
mod syscalls;
mod verify;
