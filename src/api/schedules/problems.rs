//! How the use cases around schedules say no.

use wasup_actors::{BadTimes, ScheduleError};

use crate::api::problem::{ErrorCode, FieldError, Problem};

impl From<BadTimes> for Problem {
    fn from(error: BadTimes) -> Self {
        let (code, field) = match &error {
            BadTimes::Cron(_) => (ErrorCode::CronInvalid, "cron"),
            BadTimes::Zone => (ErrorCode::TimezoneUnknown, "timezone"),
            BadTimes::EndBeforeStart => (ErrorCode::Invalid, "end_at"),
        };
        Self { code, ..Self::invalid(vec![FieldError::new(field, error.to_string())]) }
    }
}

impl From<ScheduleError> for Problem {
    fn from(error: ScheduleError) -> Self {
        match error {
            ScheduleError::AccountNotFound => Self::not_found("account"),
            ScheduleError::NotFound => Self::not_found("schedule"),
            ScheduleError::Times(error) => error.into(),
            ScheduleError::NoTimeLeft => Self::new(ErrorCode::NoTimeLeft, "none of its times is to come"),
            ScheduleError::Over => {
                Self::new(ErrorCode::Conflict, "the schedule has ended: give it other times, or run it now")
            }
            ScheduleError::AccountGone => Self::new(ErrorCode::Conflict, "the schedule's account is gone"),
            ScheduleError::NoCampaign => Self::invalid(vec![FieldError::new("campaign", "there is no such campaign")]),
            ScheduleError::TooManyFiles => {
                Self::invalid(vec![FieldError::new("job.items", ScheduleError::TooManyFiles.to_string())])
            }
            ScheduleError::Busy => {
                Self::new(ErrorCode::Conflict, "the schedule ran or was changed at the same moment: ask again")
            }
            ScheduleError::IdempotencyKeyReused => {
                Self::new(ErrorCode::IdempotencyKeyReused, "this Idempotency-Key came before, with another request")
            }
            ScheduleError::OutboxFull { retry_after } => {
                let detail = "as many messages of the account wait as send.outbox_max allows";
                Self::new(ErrorCode::OutboxFull, detail).after(retry_after)
            }
            ScheduleError::SpaceLow => wasup_store::StoreError::SpaceLow { floor: 0 }.into(),
            ScheduleError::Store(error) => error.into(),
        }
    }
}
