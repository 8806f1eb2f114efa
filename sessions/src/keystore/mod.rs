//! The protocol library's key store over [`wasup_store::Store`]: one file per trait, rows in [`Tree::Wa`].
//!
//! Every write is one job of the store's writer, carries the account's epoch as a precondition and has the durability
//! class that the store contract gives its kind of row. A batch that is larger than a group of the writer is cut into
//! several jobs; nothing of the library relies on a larger unit.

mod app_sync;
mod device;
mod msg_secret;
mod protocol;
mod renewal;
mod signal;
mod wire_key;

use std::sync::Arc;

use bytes::Bytes;
use wacore::store::error::StoreError as LibraryError;
use wasup_store::envelope::{self, Codec};
use wasup_store::key::Key;
use wasup_store::repo::wa::{self, WaKind, WaScope};
use wasup_store::{Durability, ReadTx, Store, StoreError, Tree, WriteTx};

pub(crate) use protocol::pending_key;
#[cfg(test)]
pub(crate) use protocol::placeholder_bytes;
pub use renewal::renew;

/// Rows read at once when a kind of row is walked.
const PAGE: usize = 256;

/// Rows one job changes at most: half of what a group of the writer takes.
const JOB_ROWS: usize = 1_000;

/// Bytes one job writes at most, roughly: half of what a group of the writer takes.
const JOB_BYTES: usize = 512 * 1024;

/// How long a decrypted message may wait for its commit before its row is dropped, in milliseconds: 60 days, longer
/// than the network keeps an unacknowledged message.
const PENDING_LIFETIME_MS: u64 = 60 * 86_400_000;

use crate::counted::Counted;
use crate::trouble::Trouble;

type Answer<T> = Result<T, LibraryError>;

/// The keys, sessions and caches of one account's link.
pub struct KeyStore {
    store: Store,
    scope: WaScope,
    counted: Arc<Counted>,
    trouble: Arc<Trouble>,
    #[cfg(feature = "sandbox")]
    fail_point: Option<Arc<crate::FailPoint>>,
}

impl KeyStore {
    /// The key store of a link, written by one incarnation of its account.
    #[must_use]
    pub fn new(store: Store, scope: WaScope) -> Self {
        Self::watched(store, scope, Arc::default(), Arc::default())
    }

    /// As [`KeyStore::new`]; `trouble` is told of every refused write, `counted` of every lost copy.
    pub(crate) fn watched(store: Store, scope: WaScope, trouble: Arc<Trouble>, counted: Arc<Counted>) -> Self {
        Self {
            store,
            scope,
            counted,
            trouble,
            #[cfg(feature = "sandbox")]
            fail_point: None,
        }
    }

    /// Makes the write of pending rows pass by a fail point.
    #[cfg(feature = "sandbox")]
    pub(crate) fn with_fail_point(self, fail_point: Option<Arc<crate::FailPoint>>) -> Self {
        Self { fail_point, ..self }
    }

    fn key(&self, kind: WaKind) -> Key {
        wa::key(self.scope, kind)
    }

    async fn read<T: Send>(&self, look: impl FnOnce(&ReadTx<'_>) -> Result<T, StoreError> + Send) -> Answer<T> {
        self.store.read(look).await.map_err(failed)
    }

    async fn write<T, F>(&self, class: Durability<'_>, change: F) -> Answer<T>
    where
        T: Send + 'static,
        F: Fn(&mut WriteTx<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        let scope = self.scope;
        let job = move |tx: &mut WriteTx<'_>| {
            wa::fence(tx, scope)?;
            change(tx)
        };
        self.store.write(class, job).await.map_err(|error| self.refused(error))
    }

    fn refused(&self, error: StoreError) -> LibraryError {
        self.trouble.report(&error);
        failed(error)
    }

    async fn raw(&self, key: Key) -> Answer<Option<Bytes>> {
        self.read(|tx| tx.raw(Tree::Wa, &key)).await
    }

    async fn put_raw(&self, class: Durability<'_>, key: Key, body: Bytes) -> Answer<()> {
        self.write(class, move |tx| tx.put_raw(Tree::Wa, &key, &body)).await
    }

    async fn delete(&self, class: Durability<'_>, key: Key) -> Answer<()> {
        self.write(class, move |tx| tx.delete(Tree::Wa, &key)).await
    }

    /// Writes many raw rows: one job, more only beyond the size of a group.
    async fn put_raw_rows(&self, class: Durability<'_>, rows: Vec<(Key, Bytes)>) -> Answer<()> {
        for job in cut(rows, |(_, body)| body.len()) {
            self.write(class, move |tx| job.iter().try_for_each(|(key, body)| tx.put_raw(Tree::Wa, key, body))).await?;
        }
        Ok(())
    }

    /// Deletes many rows: one job, more only beyond the size of a group.
    async fn delete_rows(&self, class: Durability<'_>, keys: Vec<Key>) -> Answer<()> {
        for job in cut(keys, |_| 0) {
            self.write(class, move |tx| job.iter().try_for_each(|key| tx.delete(Tree::Wa, key))).await?;
        }
        Ok(())
    }

    /// Visits every row whose key begins with `prefix`, a page at a time, and answers what `pick` keeps. The store is
    /// not held between pages.
    async fn collect<T: Send>(
        &self,
        prefix: &Key,
        mut pick: impl FnMut(&[u8], &Bytes) -> Result<Option<T>, StoreError> + Send,
    ) -> Answer<Vec<T>> {
        let mut last: Option<Bytes> = None;
        let mut kept = Vec::new();
        loop {
            let page = self
                .read(|tx| {
                    let page = tx.prefix_after(Tree::Wa, prefix, last.as_deref(), PAGE)?;
                    for (key, value) in &page {
                        kept.extend(pick(key, value)?);
                    }
                    Ok(page)
                })
                .await?;
            match page.last() {
                Some((key, _)) if page.len() == PAGE => last = Some(key.clone()),
                _ => return Ok(kept),
            }
            tokio::task::yield_now().await;
        }
    }

    /// Deletes decrypted copies that waited for their commit longer than the network would deliver them again.
    ///
    /// # Errors
    /// The library's store error around [`StoreError`].
    pub async fn expire_pending(&self) -> Answer<usize> {
        let before = self.store.now_ms().saturating_sub(PENDING_LIFETIME_MS);
        let old = self
            .collect(&self.key(WaKind::PendingInbound), |key, value| {
                let at = protocol::pending_since(&raw_body(value)?)?;
                Ok((at < before).then(|| Key::new().bytes(key)))
            })
            .await?;
        let count = old.len();
        self.delete_rows(Durability::Relaxed, old).await?;
        Ok(count)
    }
}

/// The bytes inside a row written raw.
fn raw_body(value: &Bytes) -> Result<Bytes, StoreError> {
    envelope::open(Tree::Wa, Codec::Raw, value)
}

/// Cuts a batch into jobs of at most [`JOB_ROWS`] rows and about [`JOB_BYTES`] bytes.
fn cut<T>(rows: Vec<T>, bytes: impl Fn(&T) -> usize) -> Vec<Vec<T>> {
    let mut jobs = Vec::new();
    let mut job: Vec<T> = Vec::new();
    let mut size = 0;
    for row in rows {
        let more = bytes(&row);
        if job.len() == JOB_ROWS || (!job.is_empty() && size + more > JOB_BYTES) {
            jobs.push(std::mem::take(&mut job));
            size = 0;
        }
        size += more;
        job.push(row);
    }
    if !job.is_empty() {
        jobs.push(job);
    }
    jobs
}

/// The library's error around ours, which stays reachable as its source.
fn failed(error: StoreError) -> LibraryError {
    LibraryError::Database(Box::new(error))
}

/// Our error inside the library's, where it is one of the key store.
pub(crate) fn cause(error: &LibraryError) -> Option<&StoreError> {
    std::error::Error::source(error)?.downcast_ref()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_cut_only_when_it_must_be() {
        assert!(cut(Vec::<u32>::new(), |_| 0).is_empty());
        assert_eq!(cut(vec![1; JOB_ROWS], |_| 1).len(), 1);
        assert_eq!(cut(vec![1; JOB_ROWS + 1], |_| 1).iter().map(Vec::len).collect::<Vec<_>>(), [JOB_ROWS, 1]);
        // A row that is larger than a job alone still goes.
        assert_eq!(cut(vec![JOB_BYTES * 2, 1, 1], |n| *n).iter().map(Vec::len).collect::<Vec<_>>(), [1, 2]);
    }

    #[test]
    fn the_store_error_stays_reachable() {
        assert!(matches!(cause(&failed(StoreError::StaleEpoch)), Some(StoreError::StaleEpoch)));
        assert!(!failed(StoreError::StaleEpoch).is_database_busy_or_locked());
    }
}
