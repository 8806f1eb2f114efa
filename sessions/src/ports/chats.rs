//! What a link can be told about chats: read, typing, archived, pinned, muted, deleted; and asked for older messages.

use async_trait::async_trait;

use super::NoNetwork;

/// Calls about chats. Each ends within the link's query timeout.
#[async_trait]
pub trait ChatCalls: Send + Sync {}

#[async_trait]
impl ChatCalls for NoNetwork {}
