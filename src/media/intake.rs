//! Files come in: from a request's body, from base64, from an address. Always through a temporary file, never whole in
//! memory.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use tokio::sync::{Semaphore, mpsc};
use wasup_store::id::{DEFAULT_TENANT, MediaId};
use wasup_store::records::{Media, MediaFileRecord};
use wasup_store::shelf::{Origin, Shelf, Whole};
use wasup_store::{SpaceFloor, StoreError};

use super::examine::{check_kind, examine};
use super::fetch::FileFetcher;
use super::names::unfit_name;
use super::refusal::MediaRefusal;
use super::rules::{MediaKind, MediaRules};
use super::scanner::Scanner;

/// Pieces of a file that wait for the disk.
const PIECES: usize = 4;

/// Files that come in at once, in the process.
const AT_ONCE: usize = 32;

/// Characters of base64 that are decoded at a time: a multiple of four.
const BASE64_STEP: usize = 64 * 1024;

/// What is said of a file that comes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// As what it is to be sent, where that is known yet.
    pub kind: Option<MediaKind>,
    /// Its type.
    pub mimetype: Option<String>,
    /// Its name.
    pub filename: Option<String>,
    /// Its length.
    pub size: Option<u64>,
    /// Its SHA-256.
    pub sha256: Option<[u8; 32]>,
    /// How long it stays at least.
    pub keep: Option<Duration>,
}

/// Takes files in. Clones are the same.
#[derive(Clone)]
pub struct Intake(Arc<Inner>);

struct Inner {
    shelf: Shelf,
    rules: MediaRules,
    fetcher: FileFetcher,
    floor: SpaceFloor,
    scanner: Option<Scanner>,
    at_once: Semaphore,
}

impl Intake {
    /// Puts files on a shelf, by rules, and after a scanner has seen them where there is one.
    #[must_use]
    pub fn new(
        shelf: Shelf,
        rules: MediaRules,
        fetcher: FileFetcher,
        floor: SpaceFloor,
        scanner: Option<Scanner>,
    ) -> Self {
        Self(Arc::new(Inner { shelf, rules, fetcher, floor, scanner, at_once: Semaphore::new(AT_ONCE) }))
    }

    /// Where the files are.
    #[must_use]
    pub fn shelf(&self) -> &Shelf {
        &self.0.shelf
    }

    /// Which files are taken.
    #[must_use]
    pub fn rules(&self) -> &MediaRules {
        &self.0.rules
    }

    /// A file that comes piece by piece.
    ///
    /// # Errors
    /// [`MediaRefusal`]; nothing is kept then.
    pub async fn from_stream<E>(
        &self,
        wanted: Wanted,
        pieces: impl Stream<Item = Result<Bytes, E>> + Send,
    ) -> Result<MediaFileRecord, MediaRefusal>
    where
        E: Into<MediaRefusal>,
    {
        let most = self.admit(&wanted).await?;
        // The semaphore is never closed.
        let _turn = self.0.at_once.acquire().await;
        let whole = self.receive(most, pieces).await?;
        self.keep(whole, wanted).await
    }

    /// A file as base64, with the usual alphabet.
    ///
    /// # Errors
    /// [`MediaRefusal`].
    pub async fn from_base64(&self, wanted: Wanted, text: String) -> Result<MediaFileRecord, MediaRefusal> {
        use base64::Engine as _;
        let engine = base64::engine::general_purpose::GeneralPurpose::new(
            &base64::alphabet::STANDARD,
            base64::engine::general_purpose::GeneralPurposeConfig::new()
                .with_decode_padding_mode(base64::engine::DecodePaddingMode::Indifferent),
        );
        // A data URL says its type as well.
        let (text, declared) = match text.strip_prefix("data:").and_then(|rest| rest.split_once(";base64,")) {
            Some((declared, body)) => (body.to_owned(), Some(declared.to_owned())),
            None => (text, None),
        };
        let wanted = Wanted { mimetype: wanted.mimetype.or(declared), ..wanted };
        let text = Bytes::from(text);
        let steps =
            (0..text.len()).step_by(BASE64_STEP).map(move |at| text.slice(at..(at + BASE64_STEP).min(text.len())));
        let pieces = steps.map(move |part| engine.decode(part).map(Bytes::from).map_err(|_| MediaRefusal::BadBase64));
        self.from_stream(wanted, futures_util::stream::iter(pieces)).await
    }

    /// A file at an address.
    ///
    /// # Errors
    /// [`MediaRefusal`].
    pub async fn from_url(&self, wanted: Wanted, url: &str) -> Result<MediaFileRecord, MediaRefusal> {
        let most = self.0.rules.max_of(wanted.kind);
        let fetched = self.0.fetcher.fetch(url, most).await?;
        let wanted = Wanted {
            mimetype: wanted.mimetype.or(fetched.mimetype),
            filename: wanted.filename.or(fetched.filename),
            size: wanted.size.or(fetched.size),
            ..wanted
        };
        self.from_stream(wanted, fetched.pieces).await
    }

    /// A file that is kept already, as a message of this kind shows it. It stays for its whole time from now on.
    ///
    /// # Errors
    /// [`MediaRefusal::NotFound`], or why it can't be sent so.
    pub async fn kept(&self, id: MediaId, kind: MediaKind) -> Result<MediaFileRecord, MediaRefusal> {
        let file = self.0.shelf.get(id).await?;
        if file.media.size > self.0.rules.max_of(Some(kind)) {
            return Err(MediaRefusal::TooLarge(self.0.rules.max_of(Some(kind))));
        }
        check_kind(kind, &file.media.mimetype, &[], &self.0.rules)?;
        self.0.shelf.prolong(id).await?;
        Ok(file)
    }

    /// Refuses before anything comes what would be refused at the end. Answers the most bytes that may come.
    async fn admit(&self, wanted: &Wanted) -> Result<u64, MediaRefusal> {
        if let Some(unfit) = wanted.filename.as_deref().and_then(unfit_name) {
            return Err(MediaRefusal::BadName(unfit));
        }
        let most = self.0.rules.max_of(wanted.kind);
        if wanted.size.is_some_and(|size| size > most) {
            return Err(MediaRefusal::TooLarge(most));
        }
        self.0
            .floor
            .admit()
            .map_err(|error: StoreError| MediaRefusal::from(wasup_store::shelf::ShelfError::from(error)))?;
        self.0.shelf.admit(wanted.size.unwrap_or(1)).await?;
        Ok(most)
    }

    async fn receive<E: Into<MediaRefusal>>(
        &self,
        most: u64,
        pieces: impl Stream<Item = Result<Bytes, E>> + Send,
    ) -> Result<Whole, MediaRefusal> {
        let (sender, mut receiver) = mpsc::channel::<Bytes>(PIECES);
        let mut coming = self.0.shelf.begin(most)?;
        // Hashing and writing are work for a thread that may block.
        let writing = tokio::task::spawn_blocking(move || {
            while let Some(piece) = receiver.blocking_recv() {
                coming.push(&piece)?;
            }
            Ok::<_, MediaRefusal>(coming)
        });
        let mut failed = None;
        let mut pieces = std::pin::pin!(pieces);
        while let Some(piece) = pieces.next().await {
            match piece {
                Ok(piece) => {
                    // The writer ended early: it says why.
                    if sender.send(piece).await.is_err() {
                        break;
                    }
                }
                Err(error) => {
                    failed = Some(error.into());
                    break;
                }
            }
        }
        drop(sender);
        let coming = writing.await.map_err(std::io::Error::other)??;
        match failed {
            Some(refusal) => Err(refusal),
            None => Ok(coming.finish()?),
        }
    }

    async fn keep(&self, whole: Whole, wanted: Wanted) -> Result<MediaFileRecord, MediaRefusal> {
        if wanted.size.is_some_and(|size| size != whole.size) {
            return Err(MediaRefusal::Truncated);
        }
        if wanted.sha256.is_some_and(|hash| hash != whole.sha256) {
            return Err(MediaRefusal::HashMismatch);
        }
        self.0.shelf.admit(whole.size).await?;
        // Before anything here looks into it; of a file without bytes there is nothing to say.
        if let Some(scanner) = self.0.scanner.as_ref().filter(|_| whole.size > 0) {
            scanner.look(&whole).await?;
        }
        let rules = self.0.rules.clone();
        let (kind, declared) = (wanted.kind, wanted.mimetype);
        let examined = tokio::task::spawn_blocking(move || {
            let media = examine(&whole, kind, declared.as_deref(), &rules)?;
            Ok::<_, MediaRefusal>((whole, media))
        });
        let (whole, media) = examined.await.map_err(std::io::Error::other)??;
        let media = Media { filename: wanted.filename, ..media };
        let origin = Origin { tenant: DEFAULT_TENANT, message: None, keep: wanted.keep };
        Ok(self.0.shelf.keep(whole, media, origin).await?)
    }
}
