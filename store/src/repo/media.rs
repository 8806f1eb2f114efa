//! Files that we keep.
//!
//! `media`: 0 · media id → record; 1 · expires_ms u64 · media id → (); 2 · account no u32 · media id → () for received
//! ones; 3 · message key → media id, the file that a message came with. The totals stand in `meta`.

use crate::id::{AccountNo, MediaId, MessageId, Millis, Position};
use crate::key::{Key, Parts};
use crate::records::{MediaFamily, MediaFileRecord, MediaTotals, RemoteMedia, UploadedMedia};
use crate::{Direction, ReadTx, StoreError, Tree, WriteTx, envelope};

const RECORD: u8 = 0;
const EXPIRES: u8 = 1;
const OF_ACCOUNT: u8 = 2;
const OF_MESSAGE: u8 = 3;

/// Where the totals stand.
pub(crate) const TOTALS: &[u8] = b"count/media";

fn record_key(id: MediaId) -> Key {
    Key::new().u8(RECORD).bytes(&id.to_bytes())
}

fn expires_key(at_ms: Millis, id: MediaId) -> Key {
    Key::new().u8(EXPIRES).u64(at_ms).bytes(&id.to_bytes())
}

fn account_key(no: AccountNo, id: MediaId) -> Key {
    Key::new().u8(OF_ACCOUNT).u32(no.0).bytes(&id.to_bytes())
}

fn message_key(message: MessageId) -> Key {
    Key::new().u8(OF_MESSAGE).bytes(&message.to_bytes())
}

/// The index rows that a record must have.
pub(crate) fn index_keys(file: &MediaFileRecord) -> Vec<Key> {
    let mut keys = vec![expires_key(file.expires_ms, file.id)];
    keys.extend(file.account.map(|no| account_key(no, file.id)));
    keys.extend(file.message.map(message_key));
    keys
}

/// Which kind of row a key is; `None` for none.
pub(crate) fn is_record(key: &[u8]) -> Option<bool> {
    match key.first() {
        Some(&RECORD) => Some(true),
        Some(&(EXPIRES | OF_ACCOUNT | OF_MESSAGE)) => Some(false),
        _ => None,
    }
}

/// Writes down a file that is on disk already. A message that has one keeps the newer.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn put_new(tx: &mut WriteTx<'_>, file: &MediaFileRecord) -> Result<(), StoreError> {
    if let Some(message) = file.message
        && let Some(older) = tx.reading(|tx| of_message(tx, message))?
    {
        // Its file goes with the next round: the row that leads to it must not go before.
        let older = MediaFileRecord { message: None, ..older };
        write(
            tx,
            &MediaFileRecord { message: Some(message), ..older.clone() },
            &MediaFileRecord { expires_ms: 0, ..older },
        )?;
    }
    tx.put_record(Tree::Media, record_key(file.id), file)?;
    put_indexes(tx, file)?;
    count(tx, |totals| MediaTotals { files: totals.files + 1, bytes: totals.bytes + file.media.size })
}

fn put_indexes(tx: &mut WriteTx<'_>, file: &MediaFileRecord) -> Result<(), StoreError> {
    tx.put_fixed(Tree::Media, expires_key(file.expires_ms, file.id), &[])?;
    if let Some(no) = file.account {
        tx.put_fixed(Tree::Media, account_key(no, file.id), &[])?;
    }
    if let Some(message) = file.message {
        tx.put_fixed(Tree::Media, message_key(message), &file.id.to_bytes())?;
    }
    Ok(())
}

fn write(tx: &mut WriteTx<'_>, before: &MediaFileRecord, after: &MediaFileRecord) -> Result<(), StoreError> {
    for key in index_keys(before) {
        tx.delete(Tree::Media, key)?;
    }
    tx.put_record(Tree::Media, record_key(after.id), after)?;
    put_indexes(tx, after)
}

fn count(tx: &mut WriteTx<'_>, change: impl Fn(MediaTotals) -> MediaTotals) -> Result<(), StoreError> {
    let now = change(tx.reading(totals)?);
    tx.put_record(Tree::Meta, TOTALS, &now)
}

/// What all kept files come to.
///
/// # Errors
/// [`StoreError`] when the row can't be read.
pub fn totals(tx: &ReadTx<'_>) -> Result<MediaTotals, StoreError> {
    Ok(tx.record(Tree::Meta, TOTALS)?.unwrap_or_default())
}

/// The file with this id.
///
/// # Errors
/// [`StoreError`] when the row can't be read.
pub fn get(tx: &ReadTx<'_>, id: MediaId) -> Result<Option<MediaFileRecord>, StoreError> {
    tx.record(Tree::Media, record_key(id))
}

/// The file that a message came with, where it is kept.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn of_message(tx: &ReadTx<'_>, message: MessageId) -> Result<Option<MediaFileRecord>, StoreError> {
    match tx.fixed(Tree::Media, message_key(message))?.and_then(|body| MediaId::from_bytes(&body)) {
        Some(id) => get(tx, id),
        None => Ok(None),
    }
}

/// At most `limit` files, the newest first, older than the one given.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn list(tx: &ReadTx<'_>, before: Option<MediaId>, limit: usize) -> Result<Vec<MediaFileRecord>, StoreError> {
    let to = match before {
        Some(id) => record_key(id),
        None => Key::new().u8(RECORD + 1),
    };
    let from = Key::new().u8(RECORD);
    let rows = tx.range(Tree::Media, from.as_slice(), Some(to.as_slice()), Direction::Backward, limit)?;
    rows.iter().map(|(_, value)| envelope::open_record(Tree::Media, value)).collect()
}

/// Lets a file stay at least until then.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn prolong(tx: &mut WriteTx<'_>, id: MediaId, until_ms: Millis) -> Result<(), StoreError> {
    match tx.reading(|tx| get(tx, id))? {
        Some(file) if file.expires_ms < until_ms => {
            let after = MediaFileRecord { expires_ms: until_ms, ..file.clone() };
            write(tx, &file, &after)
        }
        _ => Ok(()),
    }
}

/// Notes where the network keeps a file now.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn note_upload(
    tx: &mut WriteTx<'_>,
    id: MediaId,
    family: MediaFamily,
    remote: &RemoteMedia,
    at_ms: Millis,
) -> Result<(), StoreError> {
    let Some(mut file) = tx.reading(|tx| get(tx, id))? else { return Ok(()) };
    file.uploads.retain(|upload| upload.family != family);
    file.uploads.push(UploadedMedia { family, remote: remote.clone(), at_ms });
    tx.put_record(Tree::Media, record_key(id), &file)
}

/// Forgets a file. Whoever calls it takes the file itself away afterwards.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn remove(tx: &mut WriteTx<'_>, id: MediaId) -> Result<bool, StoreError> {
    let Some(file) = tx.reading(|tx| get(tx, id))? else { return Ok(false) };
    for key in index_keys(&file) {
        tx.delete(Tree::Media, key)?;
    }
    tx.delete(Tree::Media, record_key(id))?;
    count(tx, |totals| MediaTotals {
        files: totals.files.saturating_sub(1),
        bytes: totals.bytes.saturating_sub(file.media.size),
    })?;
    Ok(true)
}

/// At most `limit` files whose time is over by then, those that go first first.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn due(tx: &ReadTx<'_>, until_ms: Millis, limit: usize) -> Result<Vec<MediaId>, StoreError> {
    let (from, to) = (Key::new().u8(EXPIRES), Key::new().u8(EXPIRES).u64(until_ms.saturating_add(1)));
    let rows = tx.range(Tree::Media, from.as_slice(), Some(to.as_slice()), Direction::Forward, limit)?;
    rows.iter()
        .map(|(key, _)| {
            let mut parts = Parts(key.get(1..).unwrap_or_default());
            let (_, id) = (parts.u64(), MediaId::from_bytes(parts.rest()));
            id.ok_or_else(|| StoreError::corrupt(Tree::Media, "an index key holds no media id"))
        })
        .collect()
}

/// Files that must go so that at most `most_bytes` are left: those that would go first.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn beyond(tx: &ReadTx<'_>, most_bytes: u64, limit: usize) -> Result<Vec<MediaId>, StoreError> {
    let mut too_much = totals(tx)?.bytes.saturating_sub(most_bytes);
    let mut gone = Vec::new();
    if too_much == 0 {
        return Ok(gone);
    }
    for id in due(tx, Millis::MAX - 1, limit)? {
        if too_much == 0 {
            break;
        }
        too_much = too_much.saturating_sub(get(tx, id)?.map_or(0, |file| file.media.size));
        gone.push(id);
    }
    Ok(gone)
}

/// Lets at most `limit` files of an account go with the next round; answers how many.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn let_go_of_account(tx: &mut WriteTx<'_>, no: AccountNo, limit: usize) -> Result<usize, StoreError> {
    let rows = tx.prefix(Tree::Media, Key::new().u8(OF_ACCOUNT).u32(no.0), Direction::Forward, limit)?;
    for (key, _) in &rows {
        let id = MediaId::from_bytes(key.get(5..).unwrap_or_default());
        let id = id.ok_or_else(|| StoreError::corrupt(Tree::Media, "an index key holds no media id"))?;
        match tx.reading(|tx| get(tx, id))? {
            Some(file) => {
                let after = MediaFileRecord { account: None, message: None, expires_ms: 0, ..file.clone() };
                write(tx, &file, &after)?;
            }
            None => tx.delete(Tree::Media, key.as_ref())?,
        }
    }
    Ok(rows.len())
}

/// Lets the file that a message was received with go with the next round, unless it was sent on since: then it stays for its
/// own time.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub(super) fn let_go_of_message(tx: &mut WriteTx<'_>, message: MessageId) -> Result<(), StoreError> {
    let Some(file) = tx.reading(|tx| of_message(tx, message))? else { return Ok(()) };
    let sent_on = !file.uploads.is_empty();
    let expires_ms = if sent_on { file.expires_ms } else { 0 };
    let after = MediaFileRecord { account: None, message: None, expires_ms, ..file.clone() };
    write(tx, &file, &after)
}

/// Where the look for received files stands that are fetched at once.
const FETCHED_TO: &[u8] = b"media/fetched_to";

/// The last event that was looked at for a file to fetch; `None` before the first.
///
/// # Errors
/// [`StoreError`] when the row can't be read.
pub fn fetched_to(tx: &ReadTx<'_>) -> Result<Option<Position>, StoreError> {
    let row = tx.fixed(Tree::Meta, FETCHED_TO)?;
    Ok(row.and_then(|body| Parts(&body).u64()).map(Position))
}

/// Notes the last event that was looked at for a file to fetch.
///
/// # Errors
/// [`StoreError`] when the key would be too long.
pub fn note_fetched_to(tx: &mut WriteTx<'_>, to: Position) -> Result<(), StoreError> {
    tx.put_fixed(Tree::Meta, FETCHED_TO, &to.0.to_be_bytes())
}

/// The key of links to files.
const LINK_KEY: &[u8] = b"media/link_key";

/// The key of links to files: the one that was made first, or this fresh one.
///
/// # Errors
/// [`StoreError`] when the row can't be read.
pub fn link_key(tx: &mut WriteTx<'_>, fresh: [u8; 32]) -> Result<[u8; 32], StoreError> {
    if let Some(key) = tx.raw(Tree::Meta, LINK_KEY)?.and_then(|body| <[u8; 32]>::try_from(body.as_ref()).ok()) {
        return Ok(key);
    }
    tx.put_raw(Tree::Meta, LINK_KEY, &fresh)?;
    Ok(fresh)
}
