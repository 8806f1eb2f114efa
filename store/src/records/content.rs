//! What a message says, in our own words: never the protocol library's structs.

use serde::{Deserialize, Serialize};

use super::{Media, Participant};
use crate::id::MessageId;

/// What a message says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Content {
    /// Text.
    Text {
        /// The text.
        body: String,
        /// What is shown of a link in it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        preview: Option<Box<LinkPreview>>,
    },
    /// A picture.
    Image(Box<Media>),
    /// A film.
    Video(Box<Media>),
    /// A film without sound that plays by itself, again and again.
    Gif(Box<Media>),
    /// A round film taken for the chat.
    VideoNote(Box<Media>),
    /// Sound as a file.
    Audio(Box<Media>),
    /// Sound spoken for the chat.
    Voice(Box<Media>),
    /// Any file.
    Document(Box<Media>),
    /// A sticker, still or moving.
    Sticker(Box<Media>),
    /// A place.
    Location(Location),
    /// Humans' cards.
    Contact {
        /// One or several.
        cards: Vec<ContactCard>,
    },
    /// A question with answers to choose from.
    Poll(Poll),
    /// An emoji put on a message, or taken off it.
    Reaction {
        /// The message.
        target: Target,
        /// The emoji; `None` takes an earlier one off.
        emoji: Option<String>,
    },
    /// Another text (or another caption) for a message.
    Edit {
        /// The message.
        target: Target,
        /// The text or caption from now on.
        body: String,
    },
    /// A message taken back for everybody.
    Revoke {
        /// The message.
        target: Target,
    },
    /// Answers chosen in a poll; an empty list takes the vote back.
    PollVote {
        /// The poll.
        target: Target,
        /// Every answer chosen now. `None` where the vote could not be read.
        options: Option<Vec<String>>,
    },
    /// It was taken back for everybody: what it said is gone.
    Revoked,
    /// It is not kept: what it said is gone.
    Erased,
    /// Something to be seen once. The network gives its content to phones only.
    ViewOnceUnavailable,
    /// Something this version does not understand; kept so that it is never silently dropped.
    Unsupported {
        /// The network's name of it.
        kind: String,
    },
    /// It was received but can't be decrypted any more; the phone was asked for it again.
    Unavailable,
}

impl Content {
    /// Every word of [`Content::kind`], for counters that must show zeroes too.
    pub const KINDS: [&'static str; 21] = [
        "text",
        "image",
        "video",
        "gif",
        "video_note",
        "audio",
        "voice",
        "document",
        "sticker",
        "location",
        "contact",
        "poll",
        "reaction",
        "edit",
        "revoke",
        "poll_vote",
        "revoked",
        "view_once_unavailable",
        "unsupported",
        "unavailable",
        "erased",
    ];

    /// A plain text.
    #[must_use]
    pub fn text(body: impl Into<String>) -> Self {
        Self::Text { body: body.into(), preview: None }
    }

    /// The word used in the API, in events and in metrics.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Text { .. } => "text",
            Self::Image(_) => "image",
            Self::Video(_) => "video",
            Self::Gif(_) => "gif",
            Self::VideoNote(_) => "video_note",
            Self::Audio(_) => "audio",
            Self::Voice(_) => "voice",
            Self::Document(_) => "document",
            Self::Sticker(_) => "sticker",
            Self::Location(_) => "location",
            Self::Contact { .. } => "contact",
            Self::Poll(_) => "poll",
            Self::Reaction { .. } => "reaction",
            Self::Edit { .. } => "edit",
            Self::Revoke { .. } => "revoke",
            Self::PollVote { .. } => "poll_vote",
            Self::Revoked => "revoked",
            Self::Erased => "erased",
            Self::ViewOnceUnavailable => "view_once_unavailable",
            Self::Unsupported { .. } => "unsupported",
            Self::Unavailable => "unavailable",
        }
    }

    /// The file that it is, where it is one.
    #[must_use]
    pub const fn media(&self) -> Option<&Media> {
        match self {
            Self::Image(media)
            | Self::Video(media)
            | Self::Gif(media)
            | Self::VideoNote(media)
            | Self::Audio(media)
            | Self::Voice(media)
            | Self::Document(media)
            | Self::Sticker(media) => Some(media),
            _ => None,
        }
    }

    /// As [`Content::media`], to change it.
    #[must_use]
    pub const fn media_mut(&mut self) -> Option<&mut Media> {
        match self {
            Self::Image(media)
            | Self::Video(media)
            | Self::Gif(media)
            | Self::VideoNote(media)
            | Self::Audio(media)
            | Self::Voice(media)
            | Self::Document(media)
            | Self::Sticker(media) => Some(media),
            _ => None,
        }
    }

    /// The message that it does something to. Such a message is not shown in its chat: what it does is.
    #[must_use]
    pub const fn target(&self) -> Option<&Target> {
        match self {
            Self::Reaction { target, .. }
            | Self::Edit { target, .. }
            | Self::Revoke { target }
            | Self::PollVote { target, .. } => Some(target),
            _ => None,
        }
    }

    /// As [`Content::target`], to change it.
    #[must_use]
    pub const fn target_mut(&mut self) -> Option<&mut Target> {
        match self {
            Self::Reaction { target, .. }
            | Self::Edit { target, .. }
            | Self::Revoke { target }
            | Self::PollVote { target, .. } => Some(target),
            _ => None,
        }
    }

    /// The same with another text, or another text under its file; `None` where it has neither.
    #[must_use]
    pub fn reworded(&self, words: &str) -> Option<Self> {
        let mut new = self.clone();
        if let Some(media) = new.media_mut() {
            media.caption = Some(words.to_owned()).filter(|words| !words.is_empty());
            return Some(new);
        }
        matches!(self, Self::Text { .. }).then(|| Self::text(words))
    }

    /// The words of it that a human reads and searches for.
    #[must_use]
    pub fn words(&self) -> Option<&str> {
        match self {
            Self::Text { body, .. } | Self::Edit { body, .. } => Some(body),
            Self::Location(place) => place.name.as_deref(),
            Self::Poll(poll) => Some(&poll.question),
            _ => self.media().and_then(|media| media.caption.as_deref()),
        }
    }

    /// Bytes it counts for in quotas. Files count for themselves.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let bytes = match self {
            Self::Text { body, .. } | Self::Edit { body, .. } => body.len(),
            Self::Location(place) => 16 + length(&place.name) + length(&place.address),
            Self::Contact { cards } => cards.iter().map(|card| card.name.len() + card.vcard.len()).sum(),
            Self::Poll(poll) => poll.question.len() + poll.options.iter().map(String::len).sum::<usize>(),
            Self::Reaction { emoji, .. } => length(emoji),
            Self::PollVote { options, .. } => options.iter().flatten().map(String::len).sum(),
            Self::Unsupported { kind } => kind.len(),
            Self::Revoke { .. } | Self::Revoked | Self::Erased | Self::ViewOnceUnavailable | Self::Unavailable => 0,
            _ => self.media().map_or(0, |media| length(&media.caption) + length(&media.filename)),
        };
        bytes as u64
    }
}

fn length(text: &Option<String>) -> usize {
    text.as_ref().map_or(0, String::len)
}

/// The message that another one is about: reacts to, changes, takes back, answers in a poll.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// The network's id of it.
    pub provider_id: String,
    /// The account itself wrote it.
    #[serde(default)]
    pub from_me: bool,
    /// Who wrote it, where that is not the account itself and is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender: Option<Participant>,
    /// Our id of it, where it is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<MessageId>,
}

/// What is shown of a link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkPreview {
    /// The link as it stands in the text.
    pub url: String,
    /// The page's title.
    #[serde(default)]
    pub title: Option<String>,
    /// What the page says of itself.
    #[serde(default)]
    pub description: Option<String>,
}

/// An angle in degrees, finite.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Degrees(f64);

/// Finite numbers are equal to themselves.
impl Eq for Degrees {}

/// A number is not an angle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a finite number of degrees")]
pub struct BadDegrees;

impl Degrees {
    /// The number.
    #[must_use]
    pub const fn get(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for Degrees {
    type Error = BadDegrees;

    fn try_from(degrees: f64) -> Result<Self, BadDegrees> {
        if degrees.is_finite() { Ok(Self(degrees)) } else { Err(BadDegrees) }
    }
}

impl From<Degrees> for f64 {
    fn from(degrees: Degrees) -> Self {
        degrees.0
    }
}

/// A place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Location {
    /// North of the equator.
    pub latitude: Degrees,
    /// East of Greenwich.
    pub longitude: Degrees,
    /// What it is called.
    #[serde(default)]
    pub name: Option<String>,
    /// Where that is in words.
    #[serde(default)]
    pub address: Option<String>,
    /// It moves: the sender shares where they are.
    #[serde(default)]
    pub live: bool,
}

/// A human's card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContactCard {
    /// The name shown.
    pub name: String,
    /// The card as a vCard 3.0.
    pub vcard: String,
}

/// A question with answers to choose from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Poll {
    /// The question.
    pub question: String,
    /// The answers, 2 to 12.
    pub options: Vec<String>,
    /// How many may be chosen; 0 is as many as one likes.
    #[serde(default)]
    pub choices: u32,
}
