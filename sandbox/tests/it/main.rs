//! The sandbox against the real client: whatsapp-rust as its users run it, in one binary.

// Awaiting a send inside deep async functions exceeds the default depth.
#![recursion_limit = "512"]
#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up has failed")]

mod client;
mod codes;
mod companions;
mod control;
mod direct;
mod ends;
mod faults;
mod group_messages;
mod groups;
mod https;
mod load;
mod media;
mod offline;
mod pairing;
mod restrictions;
mod resume;
mod retry;
mod silence;
mod strict;
