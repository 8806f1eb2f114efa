//! Uploads: a file of the shelf is encrypted into a private temporary file and sent from there, once for each way of
//! encrypting it. Retries, other chats and other accounts use what is there.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::{Mutex as Turn, Semaphore};
use wacore::upload::{EncryptedMediaInfo, UploadSource, encrypt_media_streaming, encrypted_len};
use wasup_store::id::{MediaId, Millis};
use wasup_store::records::{Content, Media, MediaFamily, Octets, RemoteMedia};
use wasup_store::shelf::{Shelf, ShelfError};
use whatsapp_rust::Client;

use super::{family, media_type, transfer_limit};
use crate::ports::{Outgoing, SendError};

/// How long an upload is used again. The network keeps files for about a month (whatsmeow and Baileys both say so); a
/// message may wait for its receiver, too.
const FRESH_MS: Millis = 7 * 24 * 3_600 * 1_000;

/// Encrypted bytes on disk at once, in the process, in units of 64 KiB.
const UNIT: u64 = 64 * 1024;
const UNITS: u32 = 8 * 1024;

/// Files that are encrypted at once, in the process: it takes a thread each.
const AT_ONCE: usize = 4;

type Turns = HashMap<(MediaId, MediaFamily), Weak<Turn<()>>>;

/// The uploads of the process.
pub(crate) struct Uploads {
    shelf: Shelf,
    room: Arc<Semaphore>,
    encrypting: Semaphore,
    turns: Mutex<Turns>,
}

impl Uploads {
    pub(crate) fn new(shelf: Shelf) -> Self {
        let room = Arc::new(Semaphore::new(UNITS as usize));
        Self { shelf, room, encrypting: Semaphore::new(AT_ONCE), turns: Mutex::default() }
    }

    /// The message with its file at the network: uploaded now, where it is not there yet.
    ///
    /// # Errors
    /// [`SendError::NotSendable`] where the file is gone, [`SendError::NotConnected`], [`SendError::TimedOut`] and
    /// [`SendError::Transient`] where another try can help.
    pub(crate) async fn with_file<'a>(
        &self,
        client: &Arc<Client>,
        message: &'a Outgoing,
    ) -> Result<Cow<'a, Outgoing>, SendError> {
        let (Some(family), Some(media)) = (family(&message.content), message.content.media()) else {
            return Ok(Cow::Borrowed(message));
        };
        let remote = self.remote(client, media, family).await?;
        let mut content = message.content.clone();
        put_remote(&mut content, remote);
        Ok(Cow::Owned(Outgoing { content, ..message.clone() }))
    }

    async fn remote(&self, client: &Arc<Client>, media: &Media, family: MediaFamily) -> Result<RemoteMedia, SendError> {
        let now_ms = self.shelf.store().now_ms();
        let fresh = media.remote.as_ref().filter(|remote| is_fresh(key_ms(remote), now_ms));
        if let Some(remote) = fresh {
            return Ok(remote.clone());
        }
        // An old one of a file that is not here is all there is: the network may still have it.
        let Some(id) = media.file else { return media.remote.clone().ok_or(SendError::NotSendable) };
        let turn = self.turn(id, family);
        let _turn = turn.lock().await;
        let file = self.shelf.get(id).await.map_err(|error| lost(&error))?;
        let uploaded = file.uploads.into_iter().find(|upload| upload.family == family);
        if let Some(upload) = uploaded.filter(|upload| is_fresh(upload.at_ms, now_ms)) {
            return Ok(upload.remote);
        }
        let limit = transfer_limit(file.media.size);
        let upload = Box::pin(self.upload(client, id, file.media.size, family));
        let remote = tokio::time::timeout(limit, upload).await.map_err(|_| SendError::TimedOut)??;
        // Noted before the message leaves: a repeat after a crash does not upload again.
        self.shelf.note_upload(id, family, remote.clone()).await.map_err(|_| SendError::Transient)?;
        Ok(remote)
    }

    fn turn(&self, id: MediaId, family: MediaFamily) -> Arc<Turn<()>> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(turn) = turns.get(&(id, family)).and_then(Weak::upgrade) {
            return turn;
        }
        turns.retain(|_, turn| turn.strong_count() > 0);
        let turn = Arc::new(Turn::new(()));
        turns.insert((id, family), Arc::downgrade(&turn));
        turn
    }

    async fn upload(
        &self,
        client: &Arc<Client>,
        id: MediaId,
        size: u64,
        family: MediaFamily,
    ) -> Result<RemoteMedia, SendError> {
        let sealed_len = encrypted_len(usize::try_from(size).map_err(|_| SendError::NotSendable)?) as u64;
        let units = u32::try_from(sealed_len.div_ceil(UNIT)).unwrap_or(u32::MAX).min(UNITS);
        // Neither semaphore is ever closed.
        let _room = Arc::clone(&self.room).acquire_many_owned(units).await.map_err(|_| SendError::Transient)?;
        let (source, info) = {
            let _turn = self.encrypting.acquire().await.map_err(|_| SendError::Transient)?;
            let plain = self.shelf.open_file(id).map_err(|error| lost(&error))?;
            let folder = self.shelf.temporary();
            let sealing = tokio::task::spawn_blocking(move || seal(plain, &folder, family));
            sealing.await.map_err(|_| SendError::Transient)?.map_err(|error| {
                tracing::warn!(%error, "a file can't be encrypted");
                SendError::Transient
            })?
        };
        match client.upload_stream(source, info, media_type(family)).await {
            Ok(up) => Ok(RemoteMedia {
                direct_path: up.direct_path,
                url: Some(up.url),
                key: Octets(up.media_key.to_vec()),
                key_s: up.media_key_timestamp,
                sha256: Octets(up.file_sha256.to_vec()),
                enc_sha256: Octets(up.file_enc_sha256.to_vec()),
            }),
            Err(_) if !client.is_connected() => Err(SendError::NotConnected),
            Err(error) => {
                // The text of it may hold the address with the auth.
                let status = error.downcast_ref::<whatsapp_rust::http::HttpStatusError>().map(|error| error.status);
                tracing::warn!(?status, "a file can't be uploaded");
                Err(SendError::Transient)
            }
        }
    }
}

fn key_ms(remote: &RemoteMedia) -> Millis {
    u64::try_from(remote.key_s).unwrap_or_default().saturating_mul(1_000)
}

const fn is_fresh(at_ms: Millis, now_ms: Millis) -> bool {
    at_ms.saturating_add(FRESH_MS) > now_ms
}

fn lost(error: &ShelfError) -> SendError {
    match error {
        ShelfError::NotFound => SendError::NotSendable,
        _ => SendError::Transient,
    }
}

fn put_remote(content: &mut Content, remote: RemoteMedia) {
    if let Some(media) = content.media_mut() {
        media.remote = Some(remote);
    }
}

/// Encrypts a file into one that has no name any more.
fn seal(plain: File, folder: &Path, family: MediaFamily) -> anyhow::Result<(Sealed, EncryptedMediaInfo)> {
    let path = folder.join(format!("sealed-{:032x}", rand::random::<u128>()));
    let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path)?;
    std::fs::remove_file(path)?;
    let mut out = BufWriter::with_capacity(64 * 1024, file);
    let info = encrypt_media_streaming(BufReader::with_capacity(64 * 1024, plain), &mut out, media_type(family))?;
    out.flush()?;
    let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
    let len = file.metadata()?.len();
    Ok((Sealed { file: Arc::new(file), len }, info))
}

/// An encrypted file, read as often as the library wants.
struct Sealed {
    file: Arc<File>,
    len: u64,
}

impl UploadSource for Sealed {
    fn len(&self) -> u64 {
        self.len
    }

    fn reader_from(&self, offset: u64) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(At { file: Arc::clone(&self.file), at: offset }))
    }
}

/// A reader with a place of its own in a shared file.
struct At {
    file: Arc<File>,
    at: u64,
}

impl Read for At {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let n = self.file.read_at(out, self.at)?;
        self.at += n as u64;
        Ok(n)
    }
}

impl Seek for At {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.at = match to {
            SeekFrom::Start(at) => at,
            SeekFrom::Current(by) => self.at.saturating_add_signed(by),
            SeekFrom::End(by) => self.file.metadata()?.len().saturating_add_signed(by),
        };
        Ok(self.at)
    }
}
