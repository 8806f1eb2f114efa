//! Questions to the network: within the link's time, no longer than the link lives, with errors in our words.

use std::time::Duration;

use whatsapp_rust::GroupError;
use whatsapp_rust::request::IqError;

use super::whatsapp::WhatsAppLink;
use crate::ports::{AskError, Link as _};

impl WhatsAppLink {
    /// Asks. The future is made here and boxed: the library's are large.
    pub(super) async fn ask<T, E: Into<Unanswered>>(
        &self,
        question: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, AskError> {
        if !self.is_connected() {
            return Err(AskError::NotConnected);
        }
        tokio::select! {
            () = self.tasks().stopping().cancelled() => Err(AskError::NotConnected),
            answer = tokio::time::timeout(self.query_timeout(), Box::pin(question)) => match answer {
                Ok(Ok(answer)) => Ok(answer),
                Ok(Err(error)) => Err(error.into().0),
                Err(_) => Err(AskError::TimedOut),
            },
        }
    }
}

/// The library's errors as they come out of a question.
pub(super) struct Unanswered(pub(super) AskError);

impl From<IqError> for Unanswered {
    fn from(error: IqError) -> Self {
        Self(of_request(&error))
    }
}

impl From<GroupError> for Unanswered {
    fn from(error: GroupError) -> Self {
        Self(match &error {
            GroupError::Iq(error) => of_request(error),
            GroupError::DescriptionConflict => AskError::Conflict,
            GroupError::InvalidRequest(_) => AskError::Invalid("the network has no such request".into()),
            // Its texts may hold addresses.
            _ => AskError::Failed("the protocol library failed".into()),
        })
    }
}

/// What a request's failure means.
pub(super) fn of_request(error: &IqError) -> AskError {
    match error {
        IqError::Timeout => AskError::TimedOut,
        IqError::ServerError { code, backoff, .. } => of_code(*code, backoff.map(|s| Duration::from_secs(s.into()))),
        IqError::EncodeError(_) | IqError::ParseError(_) | IqError::UnexpectedResponseType { .. } => {
            AskError::Failed("the answer could not be read".into())
        }
        _ => AskError::NotConnected,
    }
}

/// What a code of the network means.
fn of_code(code: u16, retry_after: Option<Duration>) -> AskError {
    match code {
        400 | 406 => AskError::Invalid(format!("the network answered {code}")),
        401 | 403 | 405 => AskError::Forbidden,
        404 | 410 => AskError::NotFound,
        304 | 409 => AskError::Conflict,
        429 => AskError::RateLimited { retry_after },
        _ => AskError::Refused(code),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_words() {
        for (code, expected) in [
            (403, AskError::Forbidden),
            (404, AskError::NotFound),
            (410, AskError::NotFound),
            (409, AskError::Conflict),
            (419, AskError::Refused(419)),
            (429, AskError::RateLimited { retry_after: None }),
        ] {
            assert_eq!(of_code(code, None), expected, "{code}");
        }
        assert!(matches!(of_code(406, None), AskError::Invalid(_)));
        assert_eq!(of_request(&IqError::NotConnected), AskError::NotConnected);
    }
}
