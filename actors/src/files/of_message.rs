//! The file of a message: from the shelf, or fetched from the network now.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::Mutex as Turn;
use wasup_sessions::ports::{AskError, FetchError, Link, RemoteFile};
use wasup_store::StoreError;
use wasup_store::id::MessageId;
use wasup_store::records::{Content, Direction, Media, MediaFileRecord, MessageRecord};
use wasup_store::repo::{account, message};
use wasup_store::shelf::{Origin, Shelf, ShelfError};

use super::FilePorts;
use crate::context::Context;
use crate::principal::{Principal, sees};

/// Why there is no file.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// There is no such message.
    #[error("no such message")]
    NotFound,
    /// The message has no file.
    #[error("the message has no file")]
    NoFile,
    /// The file is kept neither here nor, as far as the phone knows, anywhere.
    #[error("the file is gone")]
    Gone,
    /// What the network answers is not the file.
    #[error("what the network answers is not the file")]
    Damaged,
    /// It has more bytes than may be kept.
    #[error("the file is too large")]
    TooLarge,
    /// The network could not be asked.
    #[error(transparent)]
    Ask(#[from] AskError),
    /// The disk or the store failed.
    #[error(transparent)]
    Shelf(#[from] ShelfError),
}

impl From<StoreError> for FileError {
    fn from(error: StoreError) -> Self {
        Self::Shelf(error.into())
    }
}

impl From<FetchError> for FileError {
    fn from(error: FetchError) -> Self {
        match error {
            FetchError::Ask(error) => Self::Ask(error),
            FetchError::Gone => Self::Gone,
            FetchError::Damaged => Self::Damaged,
            FetchError::TooLarge => Self::TooLarge,
            FetchError::Disk(error) => Self::Shelf(ShelfError::Io(error)),
        }
    }
}

/// Who is fetching what: one at a time for each message.
pub(crate) type FetchTurns = Mutex<HashMap<MessageId, Weak<Turn<()>>>>;

/// The files of messages. Clones are the same.
#[derive(Clone)]
pub struct MessageFiles {
    ctx: Arc<Context>,
}

impl std::fmt::Debug for MessageFiles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MessageFiles").finish_non_exhaustive()
    }
}

impl MessageFiles {
    pub(crate) fn new(ctx: Arc<Context>) -> Self {
        Self { ctx }
    }

    /// The file of a message: kept already, or fetched now. Everybody who asks for the same waits for the same.
    ///
    /// # Errors
    /// [`FileError`].
    pub async fn get(&self, principal: &Principal, id: MessageId) -> Result<MediaFileRecord, FileError> {
        of_message(&self.ctx, Some(principal), id).await
    }

    /// As [`MessageFiles::get`], for whoever has a link that says so.
    ///
    /// # Errors
    /// [`FileError`].
    pub async fn by_link(&self, id: MessageId) -> Result<MediaFileRecord, FileError> {
        of_message(&self.ctx, None, id).await
    }
}

/// The file of a message.
pub(crate) async fn of_message(
    ctx: &Context,
    principal: Option<&Principal>,
    id: MessageId,
) -> Result<MediaFileRecord, FileError> {
    let ports = ctx.files.as_ref().ok_or(FileError::NoFile)?;
    let read = |tx: &wasup_store::ReadTx<'_>| {
        let Some(owner) = account::by_no(tx, id.account)? else { return Ok(None) };
        Ok::<_, StoreError>(message::get(tx, id)?.map(|message| (owner, message)))
    };
    let found = ctx.store.read(read).await?;
    let found = found.filter(|(owner, _)| principal.is_none_or(|principal| sees(principal, owner)));
    let (owner, message) = found.ok_or(FileError::NotFound)?;
    let media = message.content.media().ok_or(FileError::NoFile)?.clone();
    if let Some(file) = kept(&ports.shelf, id, &media).await? {
        return Ok(file);
    }
    if media.remote.is_none() {
        return Err(FileError::Gone);
    }
    let turn = turn(&ctx.fetching, id);
    let _turn = turn.lock().await;
    if let Some(file) = kept(&ports.shelf, id, &media).await? {
        return Ok(file);
    }
    let link = ctx.link(id.account)?;
    let remote = remote_file(id, message);
    let origin = Origin { tenant: owner.tenant, message: Some(id), keep: None };
    fetch(ports, &*link, remote, media, origin).await
}

async fn kept(shelf: &Shelf, id: MessageId, media: &Media) -> Result<Option<MediaFileRecord>, FileError> {
    if let Some(file) = media.file {
        match shelf.get(file).await {
            Err(ShelfError::NotFound) => {}
            other => return Ok(other.map(Some)?),
        }
    }
    Ok(shelf.of_message(id).await?)
}

fn turn(turns: &FetchTurns, id: MessageId) -> Arc<Turn<()>> {
    let mut turns = turns.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(turn) = turns.get(&id).and_then(Weak::upgrade) {
        return turn;
    }
    turns.retain(|_, turn| turn.strong_count() > 0);
    let turn = Arc::new(Turn::new(()));
    turns.insert(id, Arc::downgrade(&turn));
    turn
}

fn remote_file(id: MessageId, message: MessageRecord) -> RemoteFile {
    RemoteFile {
        id,
        provider_id: message.provider_id,
        chat: message.chat,
        sender: message.sender,
        from_me: message.direction == Direction::Outbound,
        content: message.content,
    }
}

async fn fetch(
    ports: &FilePorts,
    link: &dyn Link,
    mut file: RemoteFile,
    media: Media,
    origin: Origin,
) -> Result<MediaFileRecord, FileError> {
    let whole = match link.media().fetch(&file, ports.max).await {
        Err(FetchError::Gone) => {
            let found = link.media().bring_again(&file).await?;
            put_remote(&mut file.content, found);
            link.media().fetch(&file, ports.max).await?
        }
        other => other?,
    };
    Ok(ports.shelf.keep(whole, media, origin).await?)
}

fn put_remote(content: &mut Content, remote: wasup_store::records::RemoteMedia) {
    if let Some(media) = content.media_mut() {
        media.remote = Some(remote);
    }
}
