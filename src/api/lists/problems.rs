//! How the use cases around lists say no.

use std::time::Duration;

use wasup_actors::ListError;

use crate::api::problem::{ErrorCode, FieldError, Problem};
use crate::imports::ImportError;

/// When to ask again while as many imports run and wait as may.
const AGAIN: Duration = Duration::from_secs(30);

impl From<ListError> for Problem {
    fn from(error: ListError) -> Self {
        match error {
            ListError::NotFound => Self::not_found("list"),
            ListError::NotListed => Self::not_found("contact in this list"),
            ListError::NotOptedOut => Self::not_found("opt-out"),
            ListError::NoImport => Self::not_found("import"),
            ListError::TooMany => Self::new(ErrorCode::TooMany, error.to_string()),
            ListError::Unfit(unfit) => Self::invalid(vec![FieldError::new("contact", unfit.to_string())]),
            ListError::Files(error) => Self::new(ErrorCode::Internal, "files can't be looked at").because(error),
            ListError::Store(error) => error.into(),
        }
    }
}

impl From<ImportError> for Problem {
    fn from(error: ImportError) -> Self {
        let detail = error.to_string();
        match error {
            ImportError::List(error) => error.into(),
            ImportError::Empty => Self::invalid(vec![FieldError::new("file", detail)]),
            ImportError::TooLarge(_) => Self::new(ErrorCode::BodyTooLarge, detail),
            ImportError::Truncated => Self::new(ErrorCode::Malformed, detail),
            ImportError::Unsupported(_) => Self::new(ErrorCode::UnsupportedMediaType, detail),
            ImportError::TooMany(_) => Self::new(ErrorCode::TooManyImports, detail).after(AGAIN),
            ImportError::Io(error) => Self::new(ErrorCode::Internal, "the file can't be kept").because(error),
        }
    }
}
