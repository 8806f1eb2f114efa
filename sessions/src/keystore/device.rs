//! The device itself: one row a link.

use async_trait::async_trait;
use wacore::stats::StorageResourceReport;
use wacore::store::Device;
use wacore::store::traits::DeviceStore;
use wasup_store::repo::wa::WaKind;
use wasup_store::{Durability, Tree};

use super::{Answer, KeyStore};

/// A link has one device, so its number never changes.
const DEVICE_ID: i32 = 1;

#[async_trait]
impl DeviceStore for KeyStore {
    async fn save(&self, device: &Device) -> Answer<()> {
        let key = self.key(WaKind::Device);
        let device = device.clone();
        self.write(Durability::Durable, move |tx| tx.put_record(Tree::Wa, &key, &device)).await
    }

    async fn load(&self) -> Answer<Option<Device>> {
        let key = self.key(WaKind::Device);
        self.read(|tx| tx.record(Tree::Wa, &key)).await
    }

    async fn exists(&self) -> Answer<bool> {
        let key = self.key(WaKind::Device);
        self.read(|tx| tx.contains(Tree::Wa, &key)).await
    }

    /// Makes the device unless there is one. The fresh keys are drawn out here: a job must give the same rows when it
    /// is run again.
    async fn create(&self) -> Answer<i32> {
        let key = self.key(WaKind::Device);
        let fresh = Device::new();
        self.write(Durability::Durable, move |tx| {
            if !tx.contains(Tree::Wa, &key)? {
                tx.put_record(Tree::Wa, &key, &fresh)?;
            }
            Ok(DEVICE_ID)
        })
        .await
    }

    async fn resource_report(&self) -> StorageResourceReport {
        // The page cache belongs to the process, not to a session.
        StorageResourceReport { memory_bytes: Some(0), ..StorageResourceReport::default() }
    }
}
