//! Words of closed sets, as the API's description lists them: each set stands once, where the word is made.

use std::borrow::Cow;

use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};
use wasup_store::records::{AccountSource, Phase, Reason, UserAction};

fn one_of(words: impl IntoIterator<Item = &'static str>, what: &str) -> RefOr<Schema> {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words)).description(Some(what)).into()
}

const SOURCES: [AccountSource; 3] =
    [AccountSource::Api, AccountSource::File, AccountSource::Undeclared { running: false }];

/// The words of [`wasup_store::records::Desired`].
const DESIRED: [&str; 2] = ["running", "stopped"];

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident as $shown:literal = $all:expr, $what:literal;)+) => {
        $($(#[$doc])*
        pub(super) struct $name;

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                one_of($all, $what)
            }
        }

        impl ToSchema for $name {
            fn name() -> Cow<'static, str> {
                Cow::Borrowed($shown)
            }
        })+
    };
}

words! {
    /// [`Phase`].
    PhaseWord as "AccountPhase" = Phase::ALL.map(Phase::as_str), "What an account is doing.";
    /// [`Reason`].
    ReasonWord as "AccountReason" = Reason::ALL.map(Reason::as_str),
        "Why an account is in its phase: a stable code. New ones may come with a new version.";
    /// [`UserAction`].
    ActionWord as "UserAction" = UserAction::ALL.map(UserAction::as_str), "What a human has to do about an account.";
    /// [`wasup_store::records::Desired`].
    DesiredWord as "AccountDesired" = DESIRED, "What an account is meant to do.";
    /// [`AccountSource`].
    SourceWord as "AccountSource" = SOURCES.map(AccountSource::as_str), "Who made an account, and so who may take it away.";
}
