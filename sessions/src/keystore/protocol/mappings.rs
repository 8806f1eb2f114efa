//! Which phone number a LID belongs to, both ways. The LID is the human; a number points at the newest LID known for
//! it.

use wacore::store::traits::LidPnMappingEntry;
use wasup_store::envelope;
use wasup_store::jid::Jid;
use wasup_store::key::Key;
use wasup_store::records::Participant;
use wasup_store::repo::person;
use wasup_store::repo::wa::{self, WaKind, WaScope};
use wasup_store::{Durability, ReadTx, StoreError, Tree, WriteTx};

use crate::keystore::{Answer, KeyStore, cut};

fn lid_key(scope: WaScope, lid: &str) -> Key {
    wa::key(scope, WaKind::LidToPhone).personal(lid.as_bytes())
}

fn phone_key(scope: WaScope, phone: &str) -> Key {
    wa::key(scope, WaKind::PhoneToLid).personal(phone.as_bytes())
}

/// The mapping of a LID's user part.
pub(super) fn by_lid(tx: &ReadTx<'_>, scope: WaScope, lid: &str) -> Result<Option<LidPnMappingEntry>, StoreError> {
    tx.record(Tree::Wa, lid_key(scope, lid))
}

/// The newest mapping of a phone number's digits.
pub(super) fn by_phone(tx: &ReadTx<'_>, scope: WaScope, phone: &str) -> Result<Option<LidPnMappingEntry>, StoreError> {
    let Some(lid) = tx.raw(Tree::Wa, phone_key(scope, phone))? else { return Ok(None) };
    let lid = std::str::from_utf8(&lid).map_err(|_| StoreError::corrupt(Tree::Wa, "a LID that is not text"))?;
    by_lid(tx, scope, lid)
}

/// A LID that moves to another number takes its old number's pointer along, unless another LID owns that by now.
fn put(tx: &mut WriteTx<'_>, scope: WaScope, entry: &LidPnMappingEntry) -> Result<(), StoreError> {
    let row = lid_key(scope, &entry.lid);
    if let Some(old) = tx.record::<LidPnMappingEntry>(Tree::Wa, &row)?
        && old.phone_number != entry.phone_number
    {
        let pointer = phone_key(scope, &old.phone_number);
        if tx.raw(Tree::Wa, &pointer)?.is_some_and(|lid| lid == entry.lid.as_bytes()) {
            tx.delete(Tree::Wa, pointer)?;
        }
    }
    tx.put_raw(Tree::Wa, phone_key(scope, &entry.phone_number), entry.lid.as_bytes())?;
    tx.put_record(Tree::Wa, row, entry)
}

/// The human of a mapping.
fn participant(entry: &LidPnMappingEntry) -> Option<Participant> {
    let lid: Jid = format!("{}@lid", entry.lid).parse().ok()?;
    let digits = !entry.phone_number.is_empty() && entry.phone_number.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| Participant { jid: lid.clone(), phone: Some(entry.phone_number.to_string()), lid: Some(lid) })
}

impl KeyStore {
    pub(super) async fn mapping_by_lid(&self, lid: &str) -> Answer<Option<LidPnMappingEntry>> {
        let scope = self.scope;
        self.read(|tx| by_lid(tx, scope, lid)).await
    }

    pub(super) async fn mapping_by_phone(&self, phone: &str) -> Answer<Option<LidPnMappingEntry>> {
        let scope = self.scope;
        self.read(|tx| by_phone(tx, scope, phone)).await
    }

    pub(super) async fn all_mappings(&self) -> Answer<Vec<LidPnMappingEntry>> {
        self.collect(&self.key(WaKind::LidToPhone), |_, value| envelope::open_record(Tree::Wa, value).map(Some)).await
    }

    pub(super) async fn put_mappings(&self, entries: Vec<LidPnMappingEntry>) -> Answer<()> {
        let scope = self.scope;
        for job in cut(entries, |e| 2 * (e.lid.len() + e.phone_number.len()) + 64) {
            let learnt: Vec<Participant> = job.iter().filter_map(participant).collect();
            let now_ms = self.store.now_ms();
            let write = move |tx: &mut WriteTx<'_>| {
                job.iter().try_for_each(|entry| put(tx, scope, entry))?;
                // Whoever is known to the account by one of the two is known by both from now on.
                person::learn(tx, scope.no, scope.epoch, &learnt, now_ms)
            };
            self.write(Durability::Durable, write).await?;
        }
        Ok(())
    }
}
