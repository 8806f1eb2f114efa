//! What a link can be asked about files.

use async_trait::async_trait;

use super::NoNetwork;

/// Calls about files.
#[async_trait]
pub trait MediaCalls: Send + Sync {}

#[async_trait]
impl MediaCalls for NoNetwork {}
