//! Identities, sessions, prekeys and sender keys: raw records under their address or number.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use wacore::store::traits::SignalStore;
use wasup_store::key::Key;
use wasup_store::repo::wa::WaKind;
use wasup_store::{Direction, Durability, ReadTx, StoreError, Tree};

use super::{Answer, KeyStore, cut, failed, raw_body};

/// What stands before a prekey's record.
const UPLOADED: u8 = 1;
const NOT_UPLOADED: u8 = 0;

/// Behind the first part of an address in a key: whether that is a user.
const NOBODYS: u8 = 0;
const OF_USER: u8 = 1;

impl KeyStore {
    /// `user@server.0` or `user:device@server.0`, the user as a part of its own: everything of a user is found by it. What
    /// has another form is nobody's.
    fn by_address(&self, kind: WaKind, address: &str) -> Key {
        match address.find(['@', ':']) {
            Some(at) => self.of_user(kind, &address[..at]).personal(&address.as_bytes()[at..]),
            None => self.key(kind).personal(address.as_bytes()).u8(NOBODYS),
        }
    }

    fn of_user(&self, kind: WaKind, user: &str) -> Key {
        self.key(kind).personal(user.as_bytes()).u8(OF_USER)
    }

    fn sender_key(&self, name: &str) -> Key {
        self.key(WaKind::SenderKey).personal(name.as_bytes())
    }

    fn by_number(&self, kind: WaKind, id: u32) -> Key {
        self.key(kind).u32(id)
    }
}

/// A prekey's row: whether the network has it, then the record.
fn prekey_row(record: &[u8], uploaded: bool) -> Bytes {
    let mut row = Vec::with_capacity(record.len() + 1);
    row.push(if uploaded { UPLOADED } else { NOT_UPLOADED });
    row.extend_from_slice(record);
    row.into()
}

fn prekey_record(tx: &ReadTx<'_>, key: &Key) -> Result<Option<Bytes>, StoreError> {
    match tx.raw(Tree::Wa, key)? {
        Some(row) if row.is_empty() => Err(StoreError::corrupt(Tree::Wa, "a prekey without its flag")),
        row => Ok(row.map(|row| row.slice(1..))),
    }
}

/// The number at the end of a key.
fn number(key: &[u8]) -> Result<u32, StoreError> {
    let tail = key.len().checked_sub(4).and_then(|at| key[at..].try_into().ok());
    tail.map(u32::from_be_bytes).ok_or_else(|| StoreError::corrupt(Tree::Wa, "a key without its number"))
}

#[async_trait]
impl SignalStore for KeyStore {
    async fn put_identity(&self, address: &str, key: [u8; 32]) -> Answer<()> {
        let row = self.by_address(WaKind::Identity, address);
        self.put_raw(Durability::Durable, row, Bytes::copy_from_slice(&key)).await
    }

    async fn put_identities_batch(&self, identities: &[(Arc<str>, [u8; 32])]) -> Answer<()> {
        let row = |(address, key): &(Arc<str>, [u8; 32])| {
            (self.by_address(WaKind::Identity, address), Bytes::copy_from_slice(key))
        };
        self.put_raw_rows(Durability::Durable, identities.iter().map(row).collect()).await
    }

    async fn load_identity(&self, address: &str) -> Answer<Option<[u8; 32]>> {
        let row = self.raw(self.by_address(WaKind::Identity, address)).await?;
        let key = row.map(|row| <[u8; 32]>::try_from(&row[..])).transpose();
        key.map_err(|_| failed(StoreError::corrupt(Tree::Wa, "an identity that is not 32 bytes")))
    }

    async fn delete_identity(&self, address: &str) -> Answer<()> {
        self.delete(Durability::Durable, self.by_address(WaKind::Identity, address)).await
    }

    async fn get_session(&self, address: &str) -> Answer<Option<Bytes>> {
        self.raw(self.by_address(WaKind::Session, address)).await
    }

    async fn put_session(&self, address: &str, session: &[u8]) -> Answer<()> {
        let row = self.by_address(WaKind::Session, address);
        self.put_raw(Durability::Durable, row, Bytes::copy_from_slice(session)).await
    }

    async fn put_sessions_batch(&self, sessions: &[(Arc<str>, Bytes)]) -> Answer<()> {
        let row = |(address, body): &(Arc<str>, Bytes)| (self.by_address(WaKind::Session, address), body.clone());
        self.put_raw_rows(Durability::Durable, sessions.iter().map(row).collect()).await
    }

    async fn delete_session(&self, address: &str) -> Answer<()> {
        self.delete(Durability::Durable, self.by_address(WaKind::Session, address)).await
    }

    async fn has_session(&self, address: &str) -> Answer<bool> {
        let row = self.by_address(WaKind::Session, address);
        self.read(|tx| tx.contains(Tree::Wa, &row)).await
    }

    async fn has_signal_state_for_user(&self, user: &str) -> Answer<bool> {
        let prefixes = [WaKind::Session, WaKind::Identity].map(|kind| self.of_user(kind, user));
        self.read(|tx| {
            for prefix in &prefixes {
                if tx.first(Tree::Wa, prefix, Direction::Forward)?.is_some() {
                    return Ok(true);
                }
            }
            Ok(false)
        })
        .await
    }

    async fn store_prekey(&self, id: u32, record: &[u8], uploaded: bool) -> Answer<()> {
        let row = self.by_number(WaKind::PreKey, id);
        self.put_raw(Durability::Durable, row, prekey_row(record, uploaded)).await
    }

    async fn store_prekeys_batch(&self, keys: &[(u32, Bytes)], uploaded: bool) -> Answer<()> {
        let row = |(id, record): &(u32, Bytes)| (self.by_number(WaKind::PreKey, *id), prekey_row(record, uploaded));
        self.put_raw_rows(Durability::Durable, keys.iter().map(row).collect()).await
    }

    async fn load_prekey(&self, id: u32) -> Answer<Option<Bytes>> {
        let key = self.by_number(WaKind::PreKey, id);
        self.read(|tx| prekey_record(tx, &key)).await
    }

    async fn load_prekeys_batch(&self, ids: &[u32]) -> Answer<Vec<(u32, Bytes)>> {
        let keys: Vec<_> = ids.iter().map(|id| (*id, self.by_number(WaKind::PreKey, *id))).collect();
        self.read(|tx| {
            let mut found = Vec::with_capacity(keys.len());
            for (id, key) in &keys {
                found.extend(prekey_record(tx, key)?.map(|record| (*id, record)));
            }
            Ok(found)
        })
        .await
    }

    /// Changes rows that exist and never makes one: a key used up in the meantime stays gone.
    async fn mark_prekeys_uploaded(&self, ids: &[u32]) -> Answer<()> {
        let keys: Vec<_> = ids.iter().map(|id| self.by_number(WaKind::PreKey, *id)).collect();
        for job in cut(keys, |_| 0) {
            self.write(Durability::Durable, move |tx| {
                for key in &job {
                    if let Some(record) = tx.reading(|tx| prekey_record(tx, key))? {
                        tx.put_raw(Tree::Wa, key, &prekey_row(&record, true))?;
                    }
                }
                Ok(())
            })
            .await?;
        }
        Ok(())
    }

    /// Relaxed: the library removes a one-time key only after the session made of it is durable, and a key that comes
    /// back by a crash is never offered again.
    async fn remove_prekey(&self, id: u32) -> Answer<()> {
        self.delete(Durability::Relaxed, self.by_number(WaKind::PreKey, id)).await
    }

    async fn get_max_prekey_id(&self) -> Answer<u32> {
        let prefix = self.key(WaKind::PreKey);
        self.read(|tx| match tx.first(Tree::Wa, &prefix, Direction::Backward)? {
            Some((key, _)) => number(&key),
            None => Ok(0),
        })
        .await
    }

    async fn store_signed_prekey(&self, id: u32, record: &[u8]) -> Answer<()> {
        let row = self.by_number(WaKind::SignedPreKey, id);
        self.put_raw(Durability::Durable, row, Bytes::copy_from_slice(record)).await
    }

    async fn load_signed_prekey(&self, id: u32) -> Answer<Option<Vec<u8>>> {
        Ok(self.raw(self.by_number(WaKind::SignedPreKey, id)).await?.map(Vec::from))
    }

    async fn load_all_signed_prekeys(&self) -> Answer<Vec<(u32, Vec<u8>)>> {
        self.collect(&self.key(WaKind::SignedPreKey), |key, value| Ok(Some((number(key)?, raw_body(value)?.to_vec()))))
            .await
    }

    async fn remove_signed_prekey(&self, id: u32) -> Answer<()> {
        self.delete(Durability::Durable, self.by_number(WaKind::SignedPreKey, id)).await
    }

    async fn put_sender_key(&self, address: &str, record: &[u8]) -> Answer<()> {
        let row = self.sender_key(address);
        self.put_raw(Durability::Durable, row, Bytes::copy_from_slice(record)).await
    }

    async fn put_sender_keys_batch(&self, sender_keys: &[(Arc<str>, Bytes)]) -> Answer<()> {
        let row = |(name, body): &(Arc<str>, Bytes)| (self.sender_key(name), body.clone());
        self.put_raw_rows(Durability::Durable, sender_keys.iter().map(row).collect()).await
    }

    async fn get_sender_key(&self, address: &str) -> Answer<Option<Vec<u8>>> {
        Ok(self.raw(self.sender_key(address)).await?.map(Vec::from))
    }

    async fn delete_sender_key(&self, address: &str) -> Answer<()> {
        self.delete(Durability::Durable, self.sender_key(address)).await
    }
}
