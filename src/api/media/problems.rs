//! What the API answers when a file is not taken, or not there.

use std::time::Duration;

use wasup_actors::FileError;
use wasup_store::shelf::ShelfError;

use crate::api::problem::{ErrorCode, FieldError, Problem};
use crate::media::MediaRefusal;

/// When to ask again after the shelf was full.
const FULL: Duration = Duration::from_secs(600);

/// When to ask again after the network answered something else than the file, or the scanner did not answer.
const AGAIN: Duration = Duration::from_secs(30);

impl From<MediaRefusal> for Problem {
    fn from(refusal: MediaRefusal) -> Self {
        let detail = refusal.to_string();
        let code = match refusal {
            MediaRefusal::Empty => ErrorCode::MediaEmpty,
            MediaRefusal::TooLarge(_) => ErrorCode::MediaTooLarge,
            MediaRefusal::TypeNotAllowed { .. } => ErrorCode::MediaTypeNotAllowed,
            MediaRefusal::TypeMismatch { .. } => ErrorCode::MediaTypeMismatch,
            MediaRefusal::BadName(what) => return Self::invalid(vec![FieldError::new("filename", what)]),
            MediaRefusal::HashMismatch => ErrorCode::MediaHashMismatch,
            MediaRefusal::Truncated => ErrorCode::MediaTruncated,
            MediaRefusal::TooManyPixels { .. } => ErrorCode::MediaTooManyPixels,
            MediaRefusal::Damaged(_) => ErrorCode::MediaDamaged,
            MediaRefusal::Infected(_) => ErrorCode::MediaInfected,
            MediaRefusal::TooLongToScan => ErrorCode::MediaTooLarge,
            MediaRefusal::Unscanned => return Self::new(ErrorCode::ScannerUnavailable, detail).after(AGAIN),
            MediaRefusal::BadBase64 => {
                return Self::invalid(vec![FieldError::new("base64", "can't be read as base64")]);
            }
            MediaRefusal::BadUrl(error) => return Self::invalid(vec![FieldError::new("url", error.to_string())]),
            MediaRefusal::UrlFailed(_) => ErrorCode::MediaUrlFailed,
            MediaRefusal::NotFound => return Self::not_found("file"),
            MediaRefusal::Full => return Self::new(ErrorCode::MediaFull, detail).after(FULL),
            MediaRefusal::SpaceLow => return wasup_store::StoreError::SpaceLow { floor: 0 }.into(),
            MediaRefusal::Shelf(error) => return of_shelf(error),
        };
        Self::new(code, detail)
    }
}

pub(super) fn of_shelf(error: ShelfError) -> Problem {
    match error {
        ShelfError::Store(error) => error.into(),
        ShelfError::NotFound => Problem::not_found("file"),
        error => Problem::new(ErrorCode::Internal, "files can't be kept or read at present").because(error),
    }
}

impl From<FileError> for Problem {
    fn from(error: FileError) -> Self {
        let detail = error.to_string();
        match error {
            FileError::NotFound => Self::not_found("message"),
            FileError::NoFile => Self::new(ErrorCode::NoFile, "the message has no file"),
            FileError::Gone => Self::new(
                ErrorCode::MediaGone,
                "the network has forgotten the file, and the phone did not bring it again",
            ),
            FileError::Damaged => Self::new(ErrorCode::MediaUnavailable, detail).after(AGAIN),
            FileError::TooLarge => Self::new(ErrorCode::MediaTooLarge, "the file is larger than media.max_size allows"),
            FileError::Ask(error) => error.into(),
            FileError::Shelf(error) => of_shelf(error),
        }
    }
}
