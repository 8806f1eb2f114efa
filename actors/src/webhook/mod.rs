//! Webhooks: durable deliveries from the store, signed, retried, one endpoint never in another's way.

mod claims;
mod counts;
mod dispatcher;
mod lane;
mod policy;
mod ports;
mod retry;
mod sign;
mod worker;

pub(crate) use dispatcher::{Dispatcher, DispatcherMsg};
pub use policy::{Policy, resolve};
pub use ports::{EventEncoder, WebhookAnswer, WebhookRequest, WebhookTransport};
pub use sign::NewSecret;
