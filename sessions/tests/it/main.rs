//! The link against the loopback network: real wire protocol, real store on disk.
#![recursion_limit = "512"]
#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod codes;
mod connecting;
mod contract;
mod ends;
mod frames;
mod inbound;
mod killed;
mod lifecycle;
#[path = "../../src/dial/little_proxies.rs"]
mod little_proxies;
mod loopback;
mod lost_copy;
mod migrated;
mod outbound;
mod pairing;
mod proxy;
mod world;
