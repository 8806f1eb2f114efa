//! Which devices of a group have our sender key. A second row by device lets a device be forgotten in every group
//! without walking all groups.

use serde::{Deserialize, Serialize};
use wasup_store::envelope;
use wasup_store::key::Key;
use wasup_store::repo::wa::WaKind;
use wasup_store::{Direction, Durability, StoreError, Tree, WriteTx};

use crate::keystore::{Answer, KeyStore, PAGE, cut};

/// Row of a group's device. Both names stand in it because long ones are digests in the keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct GroupDevice {
    group: String,
    device: String,
    has_key: bool,
}

/// The two rows of a pair.
#[derive(Clone)]
struct PairKeys {
    by_group: Key,
    by_device: Key,
}

impl KeyStore {
    fn pair(&self, group: &str, device: &str) -> PairKeys {
        let (group, device) = (group.as_bytes(), device.as_bytes());
        PairKeys {
            by_group: self.key(WaKind::SenderKeyDevice).personal(group).personal(device),
            by_device: self.key(WaKind::SenderKeyGroup).personal(device).personal(group),
        }
    }

    pub(super) async fn sender_key_devices(&self, group: &str) -> Answer<Vec<(String, bool)>> {
        let of_group = self.key(WaKind::SenderKeyDevice).personal(group.as_bytes());
        self.collect(&of_group, |_, value| {
            let row: GroupDevice = envelope::open_record(Tree::Wa, value)?;
            Ok(Some((row.device, row.has_key)))
        })
        .await
    }

    pub(super) async fn set_sender_key_devices(&self, group: &str, entries: &[(&str, bool)]) -> Answer<()> {
        let row = |&(device, has_key): &(&str, bool)| {
            (self.pair(group, device), GroupDevice { group: group.into(), device: device.into(), has_key })
        };
        let rows: Vec<_> = entries.iter().map(row).collect();
        for job in cut(rows, |(_, row)| 2 * (row.group.len() + row.device.len())) {
            self.write(Durability::Durable, move |tx| {
                job.iter().try_for_each(|(keys, row)| {
                    tx.put_record(Tree::Wa, &keys.by_group, row)?;
                    tx.put_record(Tree::Wa, &keys.by_device, row)
                })
            })
            .await?;
        }
        Ok(())
    }

    /// Forgets every device of one group, or of all.
    pub(super) async fn forget_sender_key_devices(&self, group: Option<&str>) -> Answer<()> {
        let prefix = self.key(WaKind::SenderKeyDevice);
        let prefix = group.map_or(prefix.clone(), |group| prefix.personal(group.as_bytes()));
        self.forget_rows(vec![prefix]).await
    }

    pub(super) async fn forget_devices_everywhere(&self, devices: &[&str]) -> Answer<()> {
        let of_device = |device: &&str| self.key(WaKind::SenderKeyGroup).personal(device.as_bytes());
        self.forget_rows(devices.iter().map(of_device).collect()).await
    }

    /// Deletes both rows of every pair under the prefixes. A job takes as many as a group of the writer does; rows
    /// that come in between are taken by the next one.
    async fn forget_rows(&self, mut prefixes: Vec<Key>) -> Answer<()> {
        while !prefixes.is_empty() {
            let pairs =
                PairsOf { by_group: self.key(WaKind::SenderKeyDevice), by_device: self.key(WaKind::SenderKeyGroup) };
            let wanted = prefixes.clone();
            let done = self.write(Durability::Durable, move |tx| forget_some(tx, &pairs, &wanted)).await?;
            prefixes.drain(..done);
        }
        Ok(())
    }
}

/// How the two rows of a pair are named.
struct PairsOf {
    by_group: Key,
    by_device: Key,
}

/// Deletes pairs under the prefixes until a job is full, and answers how many prefixes are empty now.
fn forget_some(tx: &mut WriteTx<'_>, pairs: &PairsOf, prefixes: &[Key]) -> Result<usize, StoreError> {
    let mut pages = 0;
    for (at, prefix) in prefixes.iter().enumerate() {
        loop {
            if pages == 2 {
                return Ok(at);
            }
            let page = tx.prefix(Tree::Wa, prefix, Direction::Forward, PAGE)?;
            for (_, value) in &page {
                let row: GroupDevice = envelope::open_record(Tree::Wa, value)?;
                let (group, device) = (row.group.as_bytes(), row.device.as_bytes());
                tx.delete(Tree::Wa, pairs.by_group.clone().personal(group).personal(device))?;
                tx.delete(Tree::Wa, pairs.by_device.clone().personal(device).personal(group))?;
            }
            if page.len() < PAGE {
                break;
            }
            pages += 1;
        }
    }
    Ok(prefixes.len())
}
