//! How templates say no.

use wasup_actors::{BadTemplate, RenderError, TemplateError};

use crate::api::problem::{ErrorCode, FieldError, Problem};

impl From<TemplateError> for Problem {
    fn from(error: TemplateError) -> Self {
        match error {
            TemplateError::NotFound => Self::not_found("template"),
            TemplateError::TooMany => Self::new(ErrorCode::TooMany, error.to_string()),
            TemplateError::Store(error) => error.into(),
        }
    }
}

/// What is wrong with a text, where it stands.
pub(super) fn bad(error: &BadTemplate) -> Problem {
    Problem::invalid(vec![FieldError::new("body", error.to_string())])
}

impl From<RenderError> for Problem {
    fn from(error: RenderError) -> Self {
        let errors = vec![FieldError::new("body", error.to_string())];
        Self { errors, ..Self::new(ErrorCode::TemplateFailed, error.to_string()) }
    }
}
