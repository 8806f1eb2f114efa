//! How the use cases around lists say no.

use wasup_actors::ListError;

use crate::api::problem::{ErrorCode, FieldError, Problem};

impl From<ListError> for Problem {
    fn from(error: ListError) -> Self {
        match error {
            ListError::NotFound => Self::not_found("list"),
            ListError::NotListed => Self::not_found("contact in this list"),
            ListError::NotOptedOut => Self::not_found("opt-out"),
            ListError::NoImport => Self::not_found("import"),
            ListError::TooMany => Self::new(ErrorCode::TooMany, error.to_string()),
            ListError::Unfit(unfit) => Self::invalid(vec![FieldError::new("contact", unfit.to_string())]),
            ListError::Store(error) => error.into(),
        }
    }
}
