//! Downloads: decrypted as they come into a temporary file of the shelf, and checked before it gets a name.

use std::io::{self, Seek, SeekFrom, Write};
use std::sync::Arc;

use async_trait::async_trait;
use wacore::download::{DownloadWriter, Downloadable, MediaType};
use wasup_store::records::{MediaFamily, Participant, RemoteMedia};
use wasup_store::shelf::{Incoming, Shelf, ShelfError, Whole};
use whatsapp_rust::Client;
use whatsapp_rust::features::{MediaRetryResult, MediaReuploadError, MediaReuploadRequest};

use super::{family, media_type, transfer_limit};
use crate::link::inbound::address;
use crate::ports::{AskError, FetchError, MediaCalls, RemoteFile};

/// The downloads of one link.
pub(crate) struct Downloads {
    client: Arc<Client>,
    shelf: Shelf,
}

impl Downloads {
    pub(crate) fn new(client: Arc<Client>, shelf: Shelf) -> Self {
        Self { client, shelf }
    }
}

#[async_trait]
impl MediaCalls for Downloads {
    async fn fetch(&self, file: &RemoteFile, most: u64) -> Result<Whole, FetchError> {
        let (wanted, size) = wanted(file)?;
        if size > most {
            return Err(FetchError::TooLarge);
        }
        if !self.client.is_connected() {
            return Err(AskError::NotConnected.into());
        }
        let coming = self.shelf.begin(most).map_err(of_shelf)?;
        let download = Box::pin(self.client.download_to_writer(&wanted, Into(Some(coming))));
        let downloaded = tokio::time::timeout(transfer_limit(size), download).await;
        let into = match downloaded.map_err(|_| FetchError::from(AskError::TimedOut))? {
            Ok(into) => into,
            Err(error) => return Err(self.failure(&error)),
        };
        let coming = into.0.ok_or(FetchError::Damaged)?;
        let finished = tokio::task::spawn_blocking(move || coming.finish()).await;
        let whole = finished.map_err(|error| FetchError::Disk(io::Error::other(error)))?.map_err(of_shelf)?;
        // The library checks the MAC over the encrypted bytes, and nothing of the plain ones.
        let hash = &wanted.remote.sha256.0;
        if !hash.is_empty() && whole.sha256.as_slice() != hash.as_slice() {
            return Err(FetchError::Damaged);
        }
        Ok(whole)
    }

    async fn bring_again(&self, file: &RemoteFile) -> Result<RemoteMedia, FetchError> {
        let (wanted, _) = wanted(file)?;
        let jid = |of: &Participant| address::destination(of);
        let chat = jid(&file.chat).ok_or_else(|| AskError::Invalid("the chat has no address".into()))?;
        let participant = file.sender.as_ref().filter(|_| !file.from_me).and_then(jid);
        let request = MediaReuploadRequest {
            msg_id: &file.provider_id,
            chat_jid: &chat,
            media_key: &wanted.remote.key.0,
            is_from_me: file.from_me,
            participant: participant.as_ref().filter(|_| chat.to_string().ends_with("@g.us")),
        };
        match Box::pin(self.client.media_reupload().request(&request)).await {
            Ok(MediaRetryResult::Success { direct_path }) => {
                Ok(RemoteMedia { direct_path, url: None, ..wanted.remote })
            }
            Ok(_) | Err(MediaReuploadError::Timeout) => Err(FetchError::Gone),
            Err(MediaReuploadError::Client(_) | MediaReuploadError::NotLoggedIn) => Err(AskError::NotConnected.into()),
            Err(error) => Err(AskError::Failed(error.to_string()).into()),
        }
    }
}

impl Downloads {
    fn failure(&self, error: &anyhow::Error) -> FetchError {
        let mut chain = error.chain();
        let status = chain.find_map(|cause| cause.downcast_ref::<whatsapp_rust::http::HttpStatusError>());
        match status.map(|error| error.status) {
            Some(404 | 410) => return FetchError::Gone,
            Some(401 | 403) => return AskError::Forbidden.into(),
            Some(429) => return AskError::RateLimited { retry_after: None }.into(),
            Some(status) => return AskError::Refused(status).into(),
            None => {}
        }
        for cause in error.chain() {
            if let Some(io) = cause.downcast_ref::<io::Error>() {
                match io.kind() {
                    io::ErrorKind::FileTooLarge => return FetchError::TooLarge,
                    io::ErrorKind::StorageFull => return FetchError::Disk(io::ErrorKind::StorageFull.into()),
                    io::ErrorKind::TimedOut => return AskError::TimedOut.into(),
                    _ => {}
                }
            }
            if cause.downcast_ref::<reqwest::Error>().is_some() {
                return AskError::Failed("the media host can't be reached".into()).into();
            }
        }
        if self.client.is_connected() { FetchError::Damaged } else { AskError::NotConnected.into() }
    }
}

fn of_shelf(error: ShelfError) -> FetchError {
    match error {
        ShelfError::TooLarge(_) => FetchError::TooLarge,
        ShelfError::Io(error) => FetchError::Disk(error),
        other => FetchError::Disk(io::Error::other(other)),
    }
}

/// What the library wants to know of a file.
struct Wanted {
    remote: RemoteMedia,
    family: MediaFamily,
}

fn wanted(file: &RemoteFile) -> Result<(Wanted, u64), FetchError> {
    let family = family(&file.content).ok_or(FetchError::Gone)?;
    let media = file.content.media().ok_or(FetchError::Gone)?;
    let remote = media.remote.clone().filter(|remote| !remote.direct_path.is_empty()).ok_or(FetchError::Gone)?;
    Ok((Wanted { remote, family }, media.size))
}

impl Downloadable for Wanted {
    fn direct_path(&self) -> Option<&str> {
        Some(&self.remote.direct_path)
    }

    fn media_key(&self) -> Option<&[u8]> {
        // Without one it is a file of a channel, which is not encrypted.
        Some(self.remote.key.0.as_slice()).filter(|key| !key.is_empty())
    }

    fn file_enc_sha256(&self) -> Option<&[u8]> {
        Some(&self.remote.enc_sha256.0)
    }

    fn file_sha256(&self) -> Option<&[u8]> {
        Some(&self.remote.sha256.0)
    }

    fn file_length(&self) -> Option<u64> {
        // Only a hint for how much memory to take, which a stream to the disk does not.
        None
    }

    fn app_info(&self) -> MediaType {
        media_type(self.family)
    }
}

/// What the library writes into. It goes to its beginning only to begin anew.
struct Into(Option<Incoming>);

impl Into {
    fn coming(&mut self) -> io::Result<&mut Incoming> {
        self.0.as_mut().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl Write for Into {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        self.coming()?.write(piece)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.coming()?.flush()
    }
}

impl Seek for Into {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match to {
            SeekFrom::Start(0) => Ok(0),
            SeekFrom::Current(0) | SeekFrom::End(0) => Ok(self.coming()?.size()),
            _ => Err(io::ErrorKind::Unsupported.into()),
        }
    }
}

impl DownloadWriter for Into {
    fn truncate(&mut self, len: u64) -> io::Result<()> {
        if len == 0 { self.coming()?.restart() } else { Err(io::ErrorKind::Unsupported.into()) }
    }
}
