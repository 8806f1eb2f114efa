//! What the API shows: shapes of its own, made from the store's records by pure functions.

mod account;
mod endpoint;
mod event;
mod message;
mod page;
mod person;
mod retry;
mod time;

pub use account::{AccountView, IdentityView, StateView};
pub use endpoint::{
    DeliveriesView, EndpointState, EndpointView, FilterView, RetiredSecretView, TestView, WebhookView, whsec,
};
pub use event::EventBody;
pub use message::{MessageTimes, MessageType, MessageView, ReasonView};
pub use page::{Cursor, Page};
pub use person::PersonView;
pub use retry::{RetryInForceView, RetryView, StatusesView};
pub use time::Time;
