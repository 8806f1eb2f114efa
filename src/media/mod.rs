//! Files on their way in: what they are by their bytes, whether they may come, and what a message needs to know of them.

mod clamd;
mod examine;
mod fetch;
mod film;
mod intake;
mod links;
mod names;
mod picture;
mod refusal;
mod replies;
mod rules;
mod scanner;
mod sniff;
mod sound;

pub use clamd::{BadClamdAddress, ClamdAddress};
pub use fetch::FileFetcher;
pub use intake::{Intake, Wanted};
pub use links::{MediaLink, MediaLinks};
pub use names::unfit_name;
pub use picture::square;
pub use refusal::MediaRefusal;
pub use replies::Replies;
pub use rules::{KindRule, MediaKind, MediaRules};
pub use scanner::{Scanner, Unscanned};
