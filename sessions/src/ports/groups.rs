//! What a link can be asked about groups.

use async_trait::async_trait;

use super::NoNetwork;

/// Questions about groups, and changes of them. Each ends within the link's query timeout.
#[async_trait]
pub trait GroupCalls: Send + Sync {}

#[async_trait]
impl GroupCalls for NoNetwork {}
