//! App-state sync: keys, versions of collections and mutation MACs.

use std::collections::HashMap;

use async_trait::async_trait;
use bytes::Bytes;
use wacore::appstate::hash::HashState;
use wacore::appstate::processor::AppStateMutationMAC;
use wacore::store::traits::{AppStateSyncKey, AppSyncStore};
use wasup_store::key::Key;
use wasup_store::repo::wa::WaKind;
use wasup_store::{Durability, Tree};

use super::{Answer, KeyStore};

impl KeyStore {
    fn sync_key(&self, key_id: &[u8]) -> Key {
        self.key(WaKind::SyncKey).wire(key_id)
    }

    fn version_key(&self, name: &str) -> Key {
        self.key(WaKind::SyncVersion).wire(name.as_bytes())
    }

    fn macs_of(&self, name: &str) -> Key {
        self.key(WaKind::MutationMac).wire(name.as_bytes())
    }
}

#[async_trait]
impl AppSyncStore for KeyStore {
    async fn get_sync_key(&self, key_id: &[u8]) -> Answer<Option<AppStateSyncKey>> {
        let key = self.sync_key(key_id);
        self.read(|tx| tx.record(Tree::Wa, &key)).await
    }

    async fn set_sync_key(&self, key_id: &[u8], key: AppStateSyncKey) -> Answer<()> {
        let row = self.sync_key(key_id);
        let newest = self.key(WaKind::NewestSyncKey);
        let id = Bytes::copy_from_slice(key_id);
        self.write(Durability::Durable, move |tx| {
            tx.put_record(Tree::Wa, &row, &key)?;
            tx.put_raw(Tree::Wa, &newest, &id)
        })
        .await
    }

    async fn get_version(&self, name: &str) -> Answer<HashState> {
        let key = self.version_key(name);
        Ok(self.read(|tx| tx.record(Tree::Wa, &key)).await?.unwrap_or_default())
    }

    async fn set_version(&self, name: &str, state: HashState) -> Answer<()> {
        let key = self.version_key(name);
        self.write(Durability::Durable, move |tx| tx.put_record(Tree::Wa, &key, &state)).await
    }

    async fn put_mutation_macs(&self, name: &str, _version: u64, mutations: &[AppStateMutationMAC]) -> Answer<()> {
        let of = self.macs_of(name);
        let row = |m: &AppStateMutationMAC| (of.clone().wire(&m.index_mac), Bytes::copy_from_slice(&m.value_mac));
        self.put_raw_rows(Durability::Durable, mutations.iter().map(row).collect()).await
    }

    async fn get_mutation_mac(&self, name: &str, index_mac: &[u8]) -> Answer<Option<Vec<u8>>> {
        Ok(self.raw(self.macs_of(name).wire(index_mac)).await?.map(Vec::from))
    }

    async fn get_mutation_macs(&self, name: &str, index_macs: &[[u8; 32]]) -> Answer<HashMap<[u8; 32], Vec<u8>>> {
        let of = self.macs_of(name);
        self.read(|tx| {
            let mut found = HashMap::with_capacity(index_macs.len());
            for index_mac in index_macs {
                if let Some(mac) = tx.raw(Tree::Wa, of.clone().wire(index_mac))? {
                    found.insert(*index_mac, mac.to_vec());
                }
            }
            Ok(found)
        })
        .await
    }

    async fn delete_mutation_macs(&self, name: &str, index_macs: &[Vec<u8>]) -> Answer<()> {
        let of = self.macs_of(name);
        let keys = index_macs.iter().map(|index_mac| of.clone().wire(index_mac)).collect();
        self.delete_rows(Durability::Durable, keys).await
    }

    async fn clear_mutation_macs(&self, name: &str) -> Answer<()> {
        let keys = self.collect(&self.macs_of(name), |key, _| Ok(Some(Key::new().bytes(key)))).await?;
        self.delete_rows(Durability::Durable, keys).await
    }

    async fn get_latest_sync_key_id(&self) -> Answer<Option<Vec<u8>>> {
        Ok(self.raw(self.key(WaKind::NewestSyncKey)).await?.map(Vec::from))
    }
}
