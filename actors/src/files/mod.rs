//! Files: those of messages, fetched from the network when somebody asks for them, and at once where the config says so.

mod auto;
mod fetcher;
mod of_message;

use std::sync::Arc;

use async_trait::async_trait;
use wasup_store::records::{Content, NotSent};
use wasup_store::shelf::Shelf;

pub(crate) use fetcher::{Fetcher, FetcherMsg};
pub(crate) use of_message::{FetchTurns, of_message};
pub use of_message::{FileError, MessageFiles};

use crate::webhook::MediaReply;

/// Which received files are fetched before anybody asks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AutoFetch {
    /// Kinds of contents.
    pub kinds: Vec<String>,
    /// Most bytes.
    pub max: u64,
}

/// Takes in files that answers to webhooks bring.
#[async_trait]
pub trait FileSource: Send + Sync + 'static {
    /// The content that a reply with a file is.
    ///
    /// # Errors
    /// Why the reply is not sent.
    async fn reply(&self, reply: MediaReply) -> Result<Content, NotSent>;
}

/// What the tree is given for files.
#[derive(Clone)]
pub struct FilePorts {
    /// Where files are kept.
    pub shelf: Shelf,
    /// Where files of replies come from.
    pub source: Arc<dyn FileSource>,
    /// Most bytes of a file that is fetched.
    pub max: u64,
    /// Most bytes of a file that stands in an event.
    pub event_max: u64,
    /// Most bytes of a file that an answer to a webhook brings in base64.
    pub reply_max: usize,
    /// What is fetched at once.
    pub auto: AutoFetch,
}
