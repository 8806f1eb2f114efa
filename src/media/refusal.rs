//! Why a file is not taken.

use wasup_store::StoreError;
use wasup_store::shelf::ShelfError;

use crate::webhook_http::BadUrl;

/// Why a file is not taken, or not there.
#[derive(Debug, thiserror::Error)]
pub enum MediaRefusal {
    /// No bytes came.
    #[error("the file is empty")]
    Empty,
    /// More bytes than files of this kind may have.
    #[error("the file has more than {0} bytes, which is the most for its kind")]
    TooLarge(u64),
    /// Its type is not one of the allowed.
    #[error("files of the type {found} are not allowed as {kind}")]
    TypeNotAllowed {
        /// What it is.
        found: String,
        /// As what it was to be taken.
        kind: &'static str,
    },
    /// It is not what it was said to be.
    #[error("the file was said to be {declared}, but its bytes are {found}")]
    TypeMismatch {
        /// What was said.
        declared: String,
        /// What it is.
        found: String,
    },
    /// Its name is none.
    #[error("the file's name {0}")]
    BadName(&'static str),
    /// It has another hash than it was said to have.
    #[error("the file's SHA-256 is another one than it was said to be")]
    HashMismatch,
    /// It did not come whole.
    #[error("the file did not arrive whole")]
    Truncated,
    /// The picture has more pixels than are ever decoded.
    #[error("the picture has {width} × {height} pixels, which is more than is taken")]
    TooManyPixels {
        /// Width.
        width: u32,
        /// Height.
        height: u32,
    },
    /// The bytes begin like a file of their type and do not go on so.
    #[error("the file is damaged: its bytes can't be read as {0}")]
    Damaged(String),
    /// It holds what a signature of the scanner stands for.
    #[error("the file is infected: {0}")]
    Infected(String),
    /// It has more bytes than the scanner looks at.
    #[error("the file has more bytes than the virus scanner takes")]
    TooLongToScan,
    /// Nobody could look into it.
    #[error("the virus scanner can't be asked, and files that it did not see are not kept")]
    Unscanned,
    /// The base64 is none.
    #[error("the file's base64 can't be read")]
    BadBase64,
    /// The address is none, or one that is not asked.
    #[error("the file's address {0}")]
    BadUrl(#[from] BadUrl),
    /// The address did not answer with a file.
    #[error("the file's address {0}")]
    UrlFailed(String),
    /// There is no file with this id.
    #[error("there is no file with this id, or no more")]
    NotFound,
    /// As many bytes are kept as may be.
    #[error("as many bytes of files are kept as media.max_bytes allows")]
    Full,
    /// The disk is nearly full.
    #[error("free space is below the floor")]
    SpaceLow,
    /// The disk or the store failed.
    #[error("files can't be kept at present")]
    Shelf(#[source] ShelfError),
}

impl From<ShelfError> for MediaRefusal {
    fn from(error: ShelfError) -> Self {
        match error {
            ShelfError::TooLarge(most) => Self::TooLarge(most),
            ShelfError::Full => Self::Full,
            ShelfError::NotFound => Self::NotFound,
            ShelfError::Store(StoreError::SpaceLow { .. }) => Self::SpaceLow,
            other => Self::Shelf(other),
        }
    }
}

impl From<std::io::Error> for MediaRefusal {
    fn from(error: std::io::Error) -> Self {
        Self::Shelf(ShelfError::Io(error))
    }
}
