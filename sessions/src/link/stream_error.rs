//! What the server said before it ended a stream. The library tells of most codes only in its log, so the stanza
//! itself is waited for.

use std::sync::{Arc, Mutex, PoisonError};

use wacore_binary::OwnedNodeRef;
use whatsapp_rust::futures::channel::oneshot::Receiver;
use whatsapp_rust::{Client, NodeFilter};

use crate::ports::DisconnectReason;

/// The wait for the next `<stream:error>`.
#[derive(Default)]
pub(super) struct StreamErrors(Mutex<Option<Receiver<Arc<OwnedNodeRef>>>>);

impl StreamErrors {
    /// Waits for the next one, unless it is waited for already. Each connection needs its own call.
    pub(super) fn listen(&self, client: &Client) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let pending = waiting.as_mut().is_some_and(|waiting| matches!(waiting.try_recv(), Ok(None)));
        if !pending {
            *waiting = Some(client.wait_for_node(NodeFilter::tag("stream:error")));
        }
    }

    /// What the server said since, if it said anything that names a reason. It is told once.
    pub(super) fn take(&self) -> Option<DisconnectReason> {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let node = waiting.as_mut()?.try_recv().ok().flatten()?;
        *waiting = None;
        reason(&node.get().get_attr("code")?.as_str())
    }
}

/// The codes that a stream ends with and goes on after.
fn reason(code: &str) -> Option<DisconnectReason> {
    match code {
        "515" => Some(DisconnectReason::StreamRestart),
        // 429: too many requests; the library waits longer before it comes back.
        "503" | "429" => Some(DisconnectReason::ServiceUnavailable),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_that_a_stream_goes_on_after_have_reasons() {
        assert_eq!(reason("515"), Some(DisconnectReason::StreamRestart));
        assert_eq!(reason("503"), Some(DisconnectReason::ServiceUnavailable));
        assert_eq!(reason("401"), None);
    }

    #[test]
    fn nothing_was_said_before_anyone_listened() {
        assert_eq!(StreamErrors::default().take(), None);
    }
}
