//! How the use cases around jobs say no.

use wasup_actors::JobError;

use crate::api::problem::{ErrorCode, Problem};

impl From<JobError> for Problem {
    fn from(error: JobError) -> Self {
        match error {
            JobError::AccountNotFound => Self::not_found("account"),
            JobError::NotFound => Self::not_found("job"),
            JobError::Over => Self::new(ErrorCode::Conflict, "the job is over"),
            JobError::NotOver => Self::new(ErrorCode::Conflict, "the job is not over: cancel it first"),
            JobError::IdempotencyKeyReused => {
                Self::new(ErrorCode::IdempotencyKeyReused, "this Idempotency-Key came before, with another request")
            }
            JobError::SpaceLow => wasup_store::StoreError::SpaceLow { floor: 0 }.into(),
            JobError::Store(error) => error.into(),
        }
    }
}
