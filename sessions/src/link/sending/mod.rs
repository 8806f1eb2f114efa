//! What we send, in the library's words, and what its errors mean for another try.

mod acts;
mod content;
mod context;
mod files;
pub(super) mod from;

use buffa::MessageField;
use waproto::whatsapp::{Message, MessageContextInfo};
use whatsapp_rust::{ClientError, IqError, SendError as LibraryError};

use crate::ports::{Outgoing, SendError};

use from::Writer;

/// The message to put on the wire.
///
/// # Errors
/// [`SendError::NotSendable`] for what can't be sent: it was received only, or its file was not uploaded.
pub(super) fn encode(outgoing: &Outgoing, writer: &Writer<'_>) -> Result<Message, SendError> {
    let around = outgoing.context.as_deref();
    let info = context::info(around, writer);
    if let Some(act) = acts::message(outgoing, writer, info.clone()) {
        return act;
    }
    let view_once = around.is_some_and(|context| context.view_once);
    let message = content::message(&outgoing.content, info, view_once).ok_or(SendError::NotSendable)?;
    let mut message = if view_once { once(message) } else { message };
    if let Some(secret) = outgoing.secret {
        let info = MessageContextInfo { message_secret: Some(secret.0.to_vec()), ..MessageContextInfo::default() };
        message.message_context_info = MessageField::some(info);
    }
    Ok(message)
}

/// Wraps what is to be seen once, as the network's own clients do.
fn once(message: Message) -> Message {
    use waproto::whatsapp::message::FutureProofMessage;

    let wrapped = FutureProofMessage { message: MessageField::some(message) };
    Message { view_once_message_v2: MessageField::some(wrapped), ..Message::default() }
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
#[path = "encode_tests.rs"]
mod encode_tests;

#[cfg(test)]
mod tests {
    use super::*;

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
