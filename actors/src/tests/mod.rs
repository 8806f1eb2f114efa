//! The tree over a real store in memory, a network and receivers of its own. Real time: the store's writer is a thread
//! of its own, under which paused time would leap.

mod branches;
mod campaigns;
mod chaos;
mod clearing;
mod codes;
mod contract;
mod counts;
mod crashes;
mod deliveries;
mod endpoints;
mod files;
mod held;
mod importing;
mod indexing;
mod jobs;
mod lists;
mod network;
mod paces;
mod pairing;
mod receivers;
mod schedules;
mod sends;
mod stops;
mod told;
mod verbs;
mod webhooks;
mod world;
