//! What the API answers when a question to the network has no answer.

use std::time::Duration;

use wasup_sessions::ports::AskError;

use super::{ErrorCode, Problem};

/// When to ask again where the network does not say it.
const AGAIN: Duration = Duration::from_secs(5);
/// When to ask again after the network wanted fewer questions and did not say more.
const CALM: Duration = Duration::from_secs(60);

impl From<AskError> for Problem {
    fn from(error: AskError) -> Self {
        match error {
            AskError::NotConnected => {
                Self::new(ErrorCode::AccountNotConnected, "the account is not connected at this moment").after(AGAIN)
            }
            AskError::TimedOut => {
                let detail = "the network did not answer in time; whether it was done is not known";
                Self::new(ErrorCode::NetworkTimeout, detail).after(AGAIN)
            }
            AskError::NotFound => Self::new(ErrorCode::NotFound, "the network knows no such thing"),
            AskError::Forbidden => {
                Self::new(ErrorCode::ForbiddenByNetwork, "the network does not allow the account to do this")
            }
            AskError::Conflict => Self::new(ErrorCode::Conflict, "the network says that things stand otherwise"),
            AskError::Invalid(what) => Self::new(ErrorCode::Invalid, what),
            AskError::RateLimited { retry_after } => {
                let detail = "the network wants fewer requests from the account";
                Self::new(ErrorCode::RateLimited, detail).after(retry_after.unwrap_or(CALM))
            }
            AskError::Refused(code) => {
                Self::new(ErrorCode::NetworkRefused, format!("the network refused with code {code}"))
            }
            failed @ AskError::Failed(_) => {
                let detail = "the network could not be asked, or its answer not be read";
                Self::new(ErrorCode::NetworkFailed, detail).after(AGAIN).because(failed)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_error_has_its_code_and_says_when_to_come_again() {
        let wait = |secs| Some(Duration::from_secs(secs));
        for (error, status, code, after) in [
            (AskError::NotConnected, 409, ErrorCode::AccountNotConnected, Some(AGAIN)),
            (AskError::TimedOut, 503, ErrorCode::NetworkTimeout, Some(AGAIN)),
            (AskError::NotFound, 404, ErrorCode::NotFound, None),
            (AskError::Forbidden, 403, ErrorCode::ForbiddenByNetwork, None),
            (AskError::Conflict, 409, ErrorCode::Conflict, None),
            (AskError::Invalid("no".into()), 400, ErrorCode::Invalid, None),
            (AskError::RateLimited { retry_after: None }, 429, ErrorCode::RateLimited, Some(CALM)),
            (AskError::RateLimited { retry_after: wait(7) }, 429, ErrorCode::RateLimited, wait(7)),
            (AskError::Refused(419), 409, ErrorCode::NetworkRefused, None),
            (AskError::Failed("no iq".into()), 503, ErrorCode::NetworkFailed, Some(AGAIN)),
        ] {
            let problem = Problem::from(error);
            assert_eq!((problem.code, problem.code.status().as_u16(), problem.retry_after), (code, status, after));
            assert!(after.is_none() || code.retryable());
        }
    }
}
