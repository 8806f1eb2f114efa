//! The link against the loopback network: real wire protocol, real store on disk.
#![recursion_limit = "512"]

mod contract;
mod inbound;
mod lost_copy;
mod loopback;
mod lifecycle;
mod outbound;
mod pairing;
mod world;
