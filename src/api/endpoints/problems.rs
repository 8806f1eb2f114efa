//! How the use cases around endpoints say no.

use wasup_actors::EndpointError;

use crate::api::problem::{ErrorCode, FieldError, Problem};
use crate::endpoint_form::BAD_SECRET;

impl From<EndpointError> for Problem {
    fn from(error: EndpointError) -> Self {
        match error {
            EndpointError::NotFound => Self::not_found("endpoint"),
            EndpointError::AccountNotFound => Self::not_found("account"),
            EndpointError::TooMany => Self::new(ErrorCode::TooManyEndpoints, error.to_string()),
            EndpointError::BadSecret => Self::invalid(vec![FieldError::new("secret", BAD_SECRET)]),
            EndpointError::TooManyHeaders => Self::invalid(vec![FieldError::new("headers", error.to_string())]),
            EndpointError::BadChat { at, source } => {
                Self::invalid(vec![FieldError::new(format!("filter.chats[{at}]"), source.to_string())])
            }
            EndpointError::Off(off) => {
                Self::new(ErrorCode::EndpointOff, format!("the endpoint is off ({}); resume it first", off.as_str()))
            }
            EndpointError::Store(error) => error.into(),
        }
    }
}
