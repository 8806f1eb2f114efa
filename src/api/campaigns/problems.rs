//! How the use cases around campaigns say no.

use wasup_actors::CampaignError;

use super::form::one;
use crate::api::problem::{ErrorCode, Problem};

impl From<CampaignError> for Problem {
    fn from(error: CampaignError) -> Self {
        match error {
            CampaignError::NotFound => Self::not_found("campaign"),
            CampaignError::AccountNotFound => one("senders", "one of the accounts is not there"),
            CampaignError::ListNotFound => one("lists", "one of the lists is not there"),
            CampaignError::EarlierNotFound => one("earlier.campaign", "is not there"),
            CampaignError::NoSender => Self::new(ErrorCode::Conflict, "none of its accounts is there any more"),
            CampaignError::Stands(state) => {
                Self::new(ErrorCode::Conflict, format!("the campaign is {}", state.as_str()))
            }
            CampaignError::IdempotencyKeyReused => {
                Self::new(ErrorCode::IdempotencyKeyReused, "this Idempotency-Key came before, with another request")
            }
            CampaignError::Store(error) => error.into(),
        }
    }
}
