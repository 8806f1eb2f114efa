//! How the use cases around accounts say no.

use wasup_actors::AccountError;

use crate::account_form::conflicting;
use crate::api::problem::{ErrorCode, Problem};

impl From<AccountError> for Problem {
    fn from(error: AccountError) -> Self {
        match error {
            AccountError::NotFound => Self::not_found("account"),
            AccountError::Exists => Self::new(ErrorCode::AccountExists, "an account with this id exists already"),
            AccountError::Conflicts(conflicts) => Self::invalid(conflicting(&conflicts)),
            AccountError::Busy { retry_after } => {
                Self::new(ErrorCode::Busy, "the account is busy with something else").after(retry_after)
            }
            AccountError::Store(error) => error.into(),
        }
    }
}
