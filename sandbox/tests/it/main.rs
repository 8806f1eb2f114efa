//! The sandbox against the real client: whatsapp-rust as its users run it, in one binary.

// Awaiting a send inside deep async functions exceeds the default depth.
#![recursion_limit = "512"]

mod client;
mod direct;
mod pairing;
