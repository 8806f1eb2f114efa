//! The library's gate before an acknowledgement: it acknowledges only what this answered `Ok` for.

use std::sync::Arc;

use async_trait::async_trait;
use whatsapp_rust::Client;
use whatsapp_rust::types::durability_hook::{InboundDurabilityHook, InboundMessage};

use super::inbox::Inbox;

/// Commits before the acknowledgement. It never calls the client: the library holds the sender's lock meanwhile.
pub(crate) struct CommitFirst(pub(crate) Arc<Inbox>);

#[async_trait]
impl InboundDurabilityHook for CommitFirst {
    async fn on_messages(&self, _client: Arc<Client>, batch: &[InboundMessage]) -> anyhow::Result<()> {
        Ok(self.0.take(batch).await?)
    }
}
