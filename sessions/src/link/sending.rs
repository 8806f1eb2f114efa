//! What we send, in the library's words, and what its errors mean for another try.

use waproto::whatsapp::Message;
use wasup_store::records::Content;
use whatsapp_rust::{ClientError, IqError, SendError as LibraryError};

use crate::ports::SendError;

/// The message to put on the wire.
pub(super) fn encode(content: &Content) -> Result<Message, SendError> {
    match content {
        Content::Text { body, .. } => Ok(Message { conversation: Some(body.clone()), ..Message::default() }),
        _ => Err(SendError::NotSendable),
    }
}

/// Our word for a failed send. Everything here may be tried again with the same id except what can never be sent:
/// receivers drop a repeat.
pub(super) fn failure(error: &LibraryError) -> SendError {
    match error {
        LibraryError::InvalidRequest(_) => SendError::NotSendable,
        LibraryError::NotLoggedIn => SendError::NotConnected,
        LibraryError::Iq(iq) => failed_question(iq),
        LibraryError::Client(client) => match client {
            ClientError::NotConnected
            | ClientError::NotLoggedIn
            | ClientError::Socket(_)
            | ClientError::EncryptSend(_) => SendError::NotConnected,
            ClientError::Iq(iq) => failed_question(iq),
            _ => SendError::Transient,
        },
        _ => SendError::Transient,
    }
}

fn failed_question(error: &IqError) -> SendError {
    match error {
        IqError::NotConnected
        | IqError::Socket(_)
        | IqError::EncryptSend(_)
        | IqError::ClientState(_)
        | IqError::Disconnected(_)
        | IqError::InternalChannelClosed => SendError::NotConnected,
        _ => SendError::Transient,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_goes_out_as_conversation_and_nothing_else_does() {
        let message = encode(&Content::text("hi")).unwrap();
        assert_eq!(message.conversation.as_deref(), Some("hi"));
        assert_eq!(encode(&Content::Unavailable).err(), Some(SendError::NotSendable));
        assert_eq!(encode(&Content::Unsupported { kind: "image".into() }).err(), Some(SendError::NotSendable));
    }

    #[test]
    fn only_what_can_never_be_sent_is_final() {
        for (error, expected) in [
            (LibraryError::InvalidRequest("empty id".into()), SendError::NotSendable),
            (LibraryError::NotLoggedIn, SendError::NotConnected),
            (LibraryError::Client(ClientError::NotConnected), SendError::NotConnected),
            (LibraryError::Iq(IqError::InternalChannelClosed), SendError::NotConnected),
            (LibraryError::Iq(IqError::Timeout), SendError::Transient),
            (LibraryError::Internal(anyhow::anyhow!("keys")), SendError::Transient),
        ] {
            assert_eq!(failure(&error), expected, "{error}");
        }
    }
}
