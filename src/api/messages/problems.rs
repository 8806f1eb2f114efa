//! How the use cases around messages say no.

use wasup_actors::{ActError, MessageError, SendError};

use crate::api::problem::{ErrorCode, FieldError, Problem};

/// A problem with one field.
pub(super) fn one(error: FieldError) -> Problem {
    Problem::invalid(vec![error])
}

impl From<SendError> for Problem {
    fn from(error: SendError) -> Self {
        match error {
            SendError::AccountNotFound => Self::not_found("account"),
            SendError::MessageNotFound => Self::not_found("message"),
            SendError::IdempotencyKeyReused => Self::new(
                ErrorCode::IdempotencyKeyReused,
                "this Idempotency-Key (or client_message_id) came before, with another message",
            ),
            SendError::OutboxFull { retry_after } => {
                let detail = "as many messages of the account wait as send.outbox_max allows";
                Self::new(ErrorCode::OutboxFull, detail).after(retry_after)
            }
            SendError::SpaceLow => wasup_store::StoreError::SpaceLow { floor: 0 }.into(),
            SendError::Store(error) => error.into(),
        }
    }
}

impl From<MessageError> for Problem {
    fn from(error: MessageError) -> Self {
        match error {
            MessageError::NotFound => Self::not_found("message"),
            MessageError::AccountNotFound => Self::not_found("account"),
            MessageError::Store(error) => error.into(),
        }
    }
}

impl From<ActError> for Problem {
    fn from(error: ActError) -> Self {
        match error {
            ActError::NotFound => Self::not_found("message"),
            ActError::Refused(why) => Self::new(ErrorCode::Conflict, why),
            ActError::Send(error) => error.into(),
            ActError::Ask(error) => error.into(),
            ActError::Store(error) => error.into(),
        }
    }
}
