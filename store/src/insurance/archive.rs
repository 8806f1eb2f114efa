//! The file of a backup: a head, rows in frames, and an end that proves that all of it is there.
//!
//! Head: `WASUPBAK`, format u32, schema u32, uuid u128, incarnation u64, commit u64 (the newest when it was begun). Frame:
//! kind u8 (1 put, 2 delete), tree u8, key length u16, value length u32, key, value as the engine holds it; a later frame
//! wins. End: `0xff`, commit u64 that it holds, rows u64 and sum u128 that its rows add up to, frames u64, SHA-256 of
//! everything before. Numbers are big-endian.

use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::Fingerprint;
use crate::engine::Change;
use crate::key::{MAX_KEY, Parts};
use crate::repo::schema::StoreIdentity;
use crate::{EngineError, StoreError, Tree};

const MAGIC: &[u8; 8] = b"WASUPBAK";
const FORMAT: u32 = 1;
const HEAD: usize = 48;
const FRAME: usize = 8;
const END: usize = 40;

const PUT: u8 = 1;
const DELETE: u8 = 2;
const LAST: u8 = 0xff;

/// Longest value in a frame: what the engine takes at most, and some room.
const MAX_VALUE: u32 = 64 << 10;

/// What a backup is a backup of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Layout of its rows.
    pub schema: u32,
    /// The store.
    pub identity: StoreIdentity,
    /// The newest commit when it was begun: everything until then is in it.
    pub commit: u64,
}

/// What a backup holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End {
    /// The commit that it shows the store at.
    pub commit: u64,
    /// What its rows add up to.
    pub fingerprint: Fingerprint,
    /// Frames in the file.
    pub frames: u64,
    /// SHA-256 of all of it.
    pub sha256: [u8; 32],
}

/// Why a backup can't be made or used.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// A file can't be read or written.
    #[error("{path} can't be read or written")]
    Io {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// A file of that name exists already; nothing is ever overwritten.
    #[error("{path} exists already")]
    Exists {
        /// The file or folder.
        path: PathBuf,
    },
    /// The file is no backup, cut off, or was changed.
    #[error("{path} is no whole backup: {what}")]
    Broken {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: &'static str,
    },
    /// It was made by a newer version.
    #[error("{path} was made by a newer version")]
    Newer {
        /// The file.
        path: PathBuf,
    },
    /// Another backup is being made.
    #[error("another backup is being made")]
    Busy,
    /// What was written is not what was to be written.
    #[error("the copy is not the original: {0}")]
    Differs(String),
    /// A store could not be opened.
    #[error(transparent)]
    Open(#[from] crate::OpenError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The engine failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl ArchiveError {
    pub(super) fn io(path: &Path) -> impl Fn(io::Error) -> Self {
        move |source| match source.kind() {
            io::ErrorKind::AlreadyExists => Self::Exists { path: path.into() },
            _ => Self::Io { path: path.into(), source },
        }
    }
}

/// Writes a backup.
pub(super) struct Writer<W> {
    out: W,
    digest: Sha256,
    frames: u64,
    bytes: u64,
}

impl<W: Write> Writer<W> {
    pub(super) fn new(out: W, head: &Head) -> io::Result<Self> {
        let mut writer = Self { out, digest: Sha256::new(), frames: 0, bytes: 0 };
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&FORMAT.to_be_bytes());
        bytes.extend_from_slice(&head.schema.to_be_bytes());
        bytes.extend_from_slice(&head.identity.uuid.to_be_bytes());
        bytes.extend_from_slice(&head.identity.incarnation.to_be_bytes());
        bytes.extend_from_slice(&head.commit.to_be_bytes());
        writer.put(&bytes)?;
        Ok(writer)
    }

    pub(super) fn frame(&mut self, tree: Tree, key: &[u8], value: Option<&[u8]>) -> io::Result<()> {
        self.frames += 1;
        let frame = frame(tree, key, value);
        self.put(&frame)
    }

    /// Takes over frames that were written before.
    pub(super) fn frames(&mut self, from: &mut impl Read, frames: u64) -> io::Result<()> {
        let mut page = vec![0; 256 << 10];
        loop {
            match from.read(&mut page)? {
                0 => break,
                read => self.put(&page[..read])?,
            }
        }
        self.frames += frames;
        Ok(())
    }

    /// Ends it; answers what receives it, the bytes written and the end.
    pub(super) fn end(mut self, commit: u64, fingerprint: Fingerprint) -> io::Result<(W, u64, End)> {
        let mut bytes = vec![LAST];
        bytes.extend_from_slice(&commit.to_be_bytes());
        bytes.extend_from_slice(&fingerprint.rows.to_be_bytes());
        bytes.extend_from_slice(&fingerprint.sum.to_be_bytes());
        bytes.extend_from_slice(&self.frames.to_be_bytes());
        self.put(&bytes)?;
        let sha256: [u8; 32] = self.digest.finalize().into();
        self.out.write_all(&sha256)?;
        Ok((self.out, self.bytes + 32, End { commit, fingerprint, frames: self.frames, sha256 }))
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.digest.update(bytes);
        self.bytes += bytes.len() as u64;
        self.out.write_all(bytes)
    }
}

/// One row's frame.
pub(super) fn frame(tree: Tree, key: &[u8], value: Option<&[u8]>) -> Vec<u8> {
    let body = value.unwrap_or_default();
    let mut bytes = Vec::with_capacity(FRAME + key.len() + body.len());
    bytes.extend_from_slice(&[if value.is_some() { PUT } else { DELETE }, tree.number()]);
    // Keys are at most 200 bytes and values at most 32 KiB: the waist sees to it.
    bytes.extend_from_slice(&u16::try_from(key.len()).unwrap_or(u16::MAX).to_be_bytes());
    bytes.extend_from_slice(&u32::try_from(body.len()).unwrap_or(u32::MAX).to_be_bytes());
    bytes.extend_from_slice(key);
    bytes.extend_from_slice(body);
    bytes
}

/// Reads a backup from its beginning to its end. Nothing of it may be believed before the end was reached.
pub(super) struct Reader {
    path: PathBuf,
    from: BufReader<File>,
    digest: Sha256,
    frames: u64,
    pub(super) head: Head,
    pub(super) end: Option<End>,
}

impl Reader {
    pub(super) fn open(path: &Path) -> Result<Self, ArchiveError> {
        let file = File::open(path).map_err(ArchiveError::io(path))?;
        let identity = StoreIdentity { uuid: 0, incarnation: 0 };
        let mut reader = Self {
            path: path.into(),
            from: BufReader::with_capacity(256 << 10, file),
            digest: Sha256::new(),
            frames: 0,
            head: Head { schema: 0, identity, commit: 0 },
            end: None,
        };
        let head = reader.take(HEAD)?;
        let mut parts = Parts(&head);
        let read = (parts.take(8), parts.u32(), parts.u32(), parts.u64(), parts.u64(), parts.u64(), parts.u64());
        let (Some(magic), Some(format), Some(schema), Some(high), Some(low), Some(incarnation), Some(commit)) = read
        else {
            return Err(reader.broken("it is too short"));
        };
        if magic != MAGIC {
            return Err(reader.broken("it does not begin like one"));
        }
        if format > FORMAT || schema > crate::repo::schema::SCHEMA {
            return Err(ArchiveError::Newer { path: path.into() });
        }
        let uuid = u128::from(high) << 64 | u128::from(low);
        reader.head = Head { schema, identity: StoreIdentity { uuid, incarnation }, commit };
        Ok(reader)
    }

    /// The next row; `None` at a proven end.
    pub(super) fn next(&mut self) -> Result<Option<Change>, ArchiveError> {
        let kind = self.take(1)?[0];
        if kind == LAST {
            return self.last().map(|()| None);
        }
        let head = self.take(FRAME - 1)?;
        let mut parts = Parts(&head);
        let (tree, high, low, length) = (parts.u8().and_then(Tree::from_number), parts.u8(), parts.u8(), parts.u32());
        let (Some(tree), Some(high), Some(low), Some(length)) = (tree, high, low, length) else {
            return Err(self.broken("a row is of no tree"));
        };
        let key_length = usize::from(u16::from_be_bytes([high, low]));
        // Pieces carry tree and number around the row's key.
        if key_length > MAX_KEY + 3 || length > MAX_VALUE || !matches!(kind, PUT | DELETE) {
            return Err(self.broken("a row is of no size"));
        }
        let key = self.take(key_length)?;
        let value = self.take(length as usize)?;
        self.frames += 1;
        Ok(Some(Change { tree, key: key.into(), value: (kind == PUT).then(|| Bytes::from(value)) }))
    }

    fn last(&mut self) -> Result<(), ArchiveError> {
        let body = self.take(END)?;
        let mut parts = Parts(&body);
        let read = (parts.u64(), parts.u64(), parts.u64(), parts.u64(), parts.u64());
        let (Some(commit), Some(rows), Some(high), Some(low), Some(frames)) = read else {
            return Err(self.broken("its end is cut off"));
        };
        let sha256: [u8; 32] = std::mem::take(&mut self.digest).finalize().into();
        let noted = self.take(32)?;
        if noted != sha256 {
            return Err(self.broken("its SHA-256 is another one"));
        }
        if frames != self.frames || self.from.read(&mut [0]).map_err(ArchiveError::io(&self.path))? != 0 {
            return Err(self.broken("it does not end where it says"));
        }
        let fingerprint = Fingerprint { rows, sum: u128::from(high) << 64 | u128::from(low) };
        self.end = Some(End { commit, fingerprint, frames, sha256 });
        Ok(())
    }

    fn take(&mut self, length: usize) -> Result<Vec<u8>, ArchiveError> {
        let mut bytes = vec![0; length];
        match self.from.read_exact(&mut bytes) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Err(self.broken("it is cut off")),
            Err(error) => return Err(ArchiveError::io(&self.path)(error)),
        }
        self.digest.update(&bytes);
        Ok(bytes)
    }

    fn broken(&self, what: &'static str) -> ArchiveError {
        ArchiveError::Broken { path: self.path.clone(), what }
    }
}

/// Reads a backup to its end, and answers what it holds.
///
/// # Errors
/// [`ArchiveError`] when it is not whole.
pub fn inspect(path: &Path) -> Result<(Head, End), ArchiveError> {
    let mut reader = Reader::open(path)?;
    while reader.next()?.is_some() {}
    let end = reader.end.ok_or_else(|| reader.broken("it has no end"))?;
    Ok((reader.head, end))
}
