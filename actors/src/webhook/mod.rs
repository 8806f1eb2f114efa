//! Webhooks: durable deliveries from the store, signed, retried, one endpoint never in another's way.

mod claims;
mod counts;
#[cfg(test)]
mod days_tests;
mod dispatcher;
mod dispatching;
mod lane;
mod policy;
mod ports;
mod reply;
mod request;
mod retry;
mod settling;
mod sign;
mod worker;

pub(crate) use dispatcher::{Dispatcher, DispatcherMsg};
pub use policy::{Policy, resolve};
pub use ports::{Answered, EventEncoder, FileInEvent, WebhookAnswer, WebhookRequest, WebhookTransport};
pub use reply::{MediaReply, REPLY_MAX, Reply, reply};
pub(crate) use request::shown;
pub use sign::NewSecret;
