//! The first answer to a request that may be repeated.

use serde::{Deserialize, Serialize};

use crate::id::{CampaignId, JobId, MessageId, Millis, ScheduleId};

/// Row of `idem`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdempotencyRecord {
    /// SHA-256 of the request's canonical body: a repeat with another body is refused.
    pub body: [u8; 32],
    /// The message that the first request made; `None` where it made something else.
    #[serde(default)]
    pub message: Option<MessageId>,
    /// The job that it made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<JobId>,
    /// The schedule that it made, or the run of one: 0 for the schedule itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<(ScheduleId, u32)>,
    /// The campaign that it made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub campaign: Option<CampaignId>,
    /// When it may be forgotten.
    pub expires_ms: Millis,
}
