//! What a link can be asked about people: who has the app, what they say of themselves, whom the account keeps away.

use std::io;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use wasup_store::id::Millis;
use wasup_store::records::{Participant, PresenceState};

use super::{AskError, NoNetwork};

/// What the network says of a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// Who, by every address that is known now.
    pub who: Participant,
    /// Whether they are on the network.
    pub registered: bool,
    /// It is a business.
    pub business: bool,
}

/// What somebody says of themselves, as far as they show it to the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonInfo {
    /// Who, by every address that is known now.
    pub who: Participant,
    /// Their text about themselves.
    pub about: Option<String>,
    /// What names their picture.
    pub picture_id: Option<String>,
    /// It is a business.
    pub business: bool,
}

/// A picture of somebody, or of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PictureAt {
    /// What names it; another picture has another name.
    pub id: String,
    /// Where it lies, for some days.
    pub url: String,
}

/// A picture as it comes.
pub struct PictureStream {
    /// What names it.
    pub id: String,
    /// Its type as the host says it.
    pub mimetype: Option<String>,
    /// How many bytes, where the host says so.
    pub size: Option<u64>,
    /// The bytes, piece by piece. They end with an error when the link does, or when there are too many.
    pub bytes: BoxStream<'static, io::Result<Bytes>>,
}

/// How somebody was seen last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Who.
    pub who: Participant,
    /// Whether they are there; `None` where the network has not said so on this connection.
    pub available: Option<bool>,
    /// When they were there last, where they let it be known.
    pub last_seen_ms: Option<Millis>,
    /// That they type or record at present.
    pub typing: Option<PresenceState>,
    /// The group in which they do; `None` in the chat with the account.
    pub group: Option<Participant>,
    /// Since when it is known.
    pub at_ms: Millis,
}

impl Seen {
    /// Nothing is known of them yet.
    #[must_use]
    pub const fn unknown(who: Participant, at_ms: Millis) -> Self {
        Self { who, available: None, last_seen_ms: None, typing: None, group: None, at_ms }
    }
}

/// Questions about people. Each ends within the link's query timeout.
///
/// # Errors
/// All of them: [`AskError`].
#[async_trait]
pub trait PeopleCalls: Send + Sync {
    /// Whether these are on the network; in the order of the question.
    async fn check(&self, who: &[Participant]) -> Result<Vec<Checked>, AskError>;

    /// What somebody says of themselves; [`AskError::NotFound`] for nobody.
    async fn info(&self, who: &Participant) -> Result<PersonInfo, AskError>;

    /// Keeps somebody away, or lets them write again.
    async fn block(&self, who: &Participant, blocked: bool) -> Result<(), AskError>;

    /// Whom the account keeps away.
    async fn blocked(&self) -> Result<Vec<Participant>, AskError>;

    /// Where the picture of somebody or of a group lies, the whole one or a small one; [`AskError::NotFound`] where there
    /// is none, or none for this account.
    async fn picture(&self, of: &Participant, small: bool) -> Result<PictureAt, AskError>;

    /// Watches somebody from now on: what is seen of them is told as events until the link ends, they are let go, or 256
    /// others were asked for since. It shows the account as there, unless it was shown otherwise before: the network tells nobody
    /// else. Answers how they were seen last; where nothing is known yet it is waited for.
    async fn watch(&self, who: &Participant, wait: Duration) -> Result<Seen, AskError>;

    /// Lets somebody go; [`AskError::NotFound`] where they were not watched.
    async fn unwatch(&self, who: &Participant) -> Result<(), AskError>;

    /// Shows the account as there, or as not there, until the link ends. While it is not, the network tells it of nobody.
    async fn appear(&self, available: bool) -> Result<(), AskError>;

    /// Refuses a call; [`AskError::NotFound`] where it does not ring.
    async fn refuse_call(&self, call_id: &str) -> Result<(), AskError>;

    /// Begins to fetch a picture.
    async fn open_picture(&self, at: &PictureAt) -> Result<PictureStream, AskError>;
}

#[async_trait]
impl PeopleCalls for NoNetwork {
    async fn check(&self, _who: &[Participant]) -> Result<Vec<Checked>, AskError> {
        Err(AskError::NotConnected)
    }

    async fn info(&self, _who: &Participant) -> Result<PersonInfo, AskError> {
        Err(AskError::NotConnected)
    }

    async fn block(&self, _who: &Participant, _blocked: bool) -> Result<(), AskError> {
        Err(AskError::NotConnected)
    }

    async fn blocked(&self) -> Result<Vec<Participant>, AskError> {
        Err(AskError::NotConnected)
    }

    async fn picture(&self, _of: &Participant, _small: bool) -> Result<PictureAt, AskError> {
        Err(AskError::NotConnected)
    }

    async fn open_picture(&self, _at: &PictureAt) -> Result<PictureStream, AskError> {
        Err(AskError::NotConnected)
    }

    async fn watch(&self, _who: &Participant, _wait: Duration) -> Result<Seen, AskError> {
        Err(AskError::NotConnected)
    }

    async fn unwatch(&self, _who: &Participant) -> Result<(), AskError> {
        Err(AskError::NotConnected)
    }

    async fn appear(&self, _available: bool) -> Result<(), AskError> {
        Err(AskError::NotConnected)
    }

    async fn refuse_call(&self, _call_id: &str) -> Result<(), AskError> {
        Err(AskError::NotConnected)
    }
}
