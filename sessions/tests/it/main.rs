//! The link against the loopback network: real wire protocol, real store on disk.
#![recursion_limit = "512"]

mod contract;
mod inbound;
mod lifecycle;
mod loopback;
mod lost_copy;
mod outbound;
mod pairing;
mod world;
