//! The network's media host: it keeps files that it can't read, by the hash of their encrypted bytes.
//!
//! Clients upload to `/mms/{kind}/{token}` with the auth that `media_conn` gave them and download by the direct path
//! that the answer names. It speaks TLS with a certificate of its own and, on the same port, plain HTTP.

mod blob;
mod certificate;
mod download;
mod fault;
mod listen;
mod shelf;
mod upload;

pub use fault::MediaFault;

pub(crate) use blob::Draft;
pub(crate) use certificate::Certificate;
pub(crate) use listen::{MediaListener, serve};
pub(crate) use shelf::{Grant, MediaHost};

/// What kinds of files the host takes, and the folder that their paths begin with (seen on the real network).
const KINDS: [(&str, &str); 6] = [
    ("image", "t62.7118-24"),
    ("video", "t62.7161-24"),
    ("audio", "t62.7117-24"),
    ("document", "t62.7119-24"),
    ("md-msg-hist", "t62.36147-24"),
    ("md-app-state", "t62.36143-24"),
];

/// The folder of pictures of people and groups, which are not encrypted (seen on the real network).
const PICTURES: &str = "t61.24694-24";

/// What is gone from the media host, as it says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Forgotten {
    /// 404.
    NotFound,
    /// 410.
    Gone,
}

impl Forgotten {
    const fn status(self) -> u16 {
        match self {
            Self::NotFound => 404,
            Self::Gone => 410,
        }
    }
}
