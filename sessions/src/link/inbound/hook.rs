//! The library's gate before an acknowledgement: it acknowledges only what this answered `Ok` for.

use std::sync::Arc;

use async_trait::async_trait;
use waproto::whatsapp::message::protocol_message::Type as ProtocolType;
use whatsapp_rust::Client;
use whatsapp_rust::types::durability_hook::{InboundDurabilityHook, InboundMessage};

use super::inbox::Inbox;
use crate::link::history::History;

/// Commits before the acknowledgement. It never calls the client: the library holds the sender's lock meanwhile.
pub(crate) struct CommitFirst(pub(crate) Arc<Inbox>, pub(crate) Arc<History>);

/// Whether a message announces a piece of the history. What it says of it the library has taken out.
fn announces_history(message: &InboundMessage) -> bool {
    let said = message.message.protocol_message.as_option().and_then(|said| said.r#type);
    message.info.source.is_from_me && said == Some(ProtocolType::HISTORY_SYNC_NOTIFICATION)
}

#[async_trait]
impl InboundDurabilityHook for CommitFirst {
    async fn on_messages(&self, _client: Arc<Client>, batch: &[InboundMessage]) -> anyhow::Result<()> {
        self.0.take(batch).await?;
        for _ in batch.iter().filter(|message| announces_history(message)) {
            self.1.announced().await?;
        }
        Ok(())
    }
}
