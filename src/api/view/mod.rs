//! What the API shows: shapes of its own, made from the store's records by pure functions.

mod account;
mod endpoint;
mod event;
mod message;
mod page;
mod person;
mod time;

pub use account::{AccountView, IdentityView, StateView};
pub use endpoint::{DeliveriesView, EndpointView, whsec};
pub use event::EventBody;
pub use message::{MessageTimes, MessageType, MessageView, ReasonView};
pub use page::{Cursor, Page};
pub use person::PersonView;
pub use time::Time;
