//! What a link can be asked about files.

use async_trait::async_trait;
use wasup_store::id::MessageId;
use wasup_store::records::{Content, Participant, RemoteMedia};
use wasup_store::shelf::Whole;

use super::{AskError, NoNetwork};

/// A file of a message, as the network keeps it.
#[derive(Debug, Clone)]
pub struct RemoteFile {
    /// The message.
    pub id: MessageId,
    /// The network's id of it.
    pub provider_id: String,
    /// Its chat.
    pub chat: Participant,
    /// Who wrote it, in a group.
    pub sender: Option<Participant>,
    /// The account itself wrote it.
    pub from_me: bool,
    /// What it says: a content with a file.
    pub content: Content,
}

/// Why a file could not be fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The link could not be asked.
    #[error(transparent)]
    Ask(#[from] AskError),
    /// The network has forgotten it.
    #[error("the network has forgotten the file")]
    Gone,
    /// What came is not the file: it has another hash, or is not whole.
    #[error("what the network answered is not the file")]
    Damaged,
    /// It has more bytes than may be kept.
    #[error("the file is too large")]
    TooLarge,
    /// The disk failed.
    #[error("the file can't be kept")]
    Disk(#[source] std::io::Error),
}

/// Calls about files.
#[async_trait]
pub trait MediaCalls: Send + Sync {
    /// Downloads the file of a message: decrypted, and checked against its hashes before anybody sees it. At most `most`
    /// bytes. Ends within a time that goes by its size.
    ///
    /// # Errors
    /// [`FetchError`].
    async fn fetch(&self, file: &RemoteFile, most: u64) -> Result<Whole, FetchError>;

    /// Asks the account's phone to bring a file again that the network has forgotten. Answers where it lies now.
    ///
    /// # Errors
    /// [`FetchError::Gone`] where the phone has it no more, or does not answer.
    async fn bring_again(&self, file: &RemoteFile) -> Result<RemoteMedia, FetchError>;
}

#[async_trait]
impl MediaCalls for NoNetwork {
    async fn fetch(&self, _: &RemoteFile, _: u64) -> Result<Whole, FetchError> {
        Err(AskError::NotConnected.into())
    }

    async fn bring_again(&self, _: &RemoteFile) -> Result<RemoteMedia, FetchError> {
        Err(AskError::NotConnected.into())
    }
}
