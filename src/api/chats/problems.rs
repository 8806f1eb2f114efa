//! What the API answers when something about chats can't be done.

use wasup_actors::ChatError;

use crate::api::problem::Problem;

impl From<ChatError> for Problem {
    fn from(error: ChatError) -> Self {
        match error {
            ChatError::AccountNotFound => Self::not_found("account"),
            ChatError::ChatNotFound => Self::not_found("chat"),
            ChatError::MessageNotFound => Self::not_found("message in the chat"),
            ChatError::Ask(error) => error.into(),
            ChatError::Store(error) => error.into(),
        }
    }
}
