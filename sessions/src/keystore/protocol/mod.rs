//! What the protocol remembers about groups, people and messages under way. The trait is one; its subjects are files.

mod mappings;
mod pending;
mod sender_key_devices;
mod sent;
mod tokens;

use async_trait::async_trait;
use bytes::Bytes;
use wacore::store::traits::{
    DeviceListRecord, LidPnMappingEntry, PendingInboundKey, PendingInboundRow, ProtocolStore, TcTokenEntry,
};
use wasup_store::key::Key;
use wasup_store::repo::wa::WaKind;
use wasup_store::{Durability, Tree};

use super::{Answer, KeyStore, cut};

pub(crate) use pending::pending_key;
pub(super) use pending::pending_since;
#[cfg(test)]
pub(crate) use pending::placeholder_bytes;

/// A device list's size in its job, roughly.
const DEVICE_LIST_BYTES: usize = 256;

impl KeyStore {
    fn base_key(&self, address: &str, message_id: &str) -> Key {
        self.key(WaKind::BaseKey).personal(address.as_bytes()).wire(message_id.as_bytes())
    }

    fn devices_of(&self, user: &str) -> Key {
        self.key(WaKind::DeviceList).personal(user.as_bytes())
    }

    fn group_metadata(&self, group: &str) -> Key {
        self.key(WaKind::GroupMetadata).personal(group.as_bytes())
    }
}

#[async_trait]
impl ProtocolStore for KeyStore {
    async fn get_sender_key_devices(&self, group_jid: &str) -> Answer<Vec<(String, bool)>> {
        self.sender_key_devices(group_jid).await
    }

    async fn set_sender_key_status(&self, group_jid: &str, entries: &[(&str, bool)]) -> Answer<()> {
        self.set_sender_key_devices(group_jid, entries).await
    }

    async fn clear_sender_key_devices(&self, group_jid: &str) -> Answer<()> {
        self.forget_sender_key_devices(Some(group_jid)).await
    }

    async fn delete_sender_key_device_rows(&self, device_jids: &[&str]) -> Answer<()> {
        self.forget_devices_everywhere(device_jids).await
    }

    async fn clear_all_sender_key_devices(&self) -> Answer<()> {
        self.forget_sender_key_devices(None).await
    }

    async fn get_lid_mapping(&self, lid: &str) -> Answer<Option<LidPnMappingEntry>> {
        self.mapping_by_lid(lid).await
    }

    async fn get_pn_mapping(&self, phone: &str) -> Answer<Option<LidPnMappingEntry>> {
        self.mapping_by_phone(phone).await
    }

    async fn put_lid_mapping(&self, entry: &LidPnMappingEntry) -> Answer<()> {
        self.put_mappings(vec![entry.clone()]).await
    }

    async fn put_lid_mappings(&self, entries: &[LidPnMappingEntry]) -> Answer<()> {
        self.put_mappings(entries.to_vec()).await
    }

    async fn get_all_lid_mappings(&self) -> Answer<Vec<LidPnMappingEntry>> {
        self.all_mappings().await
    }

    async fn save_base_key(&self, address: &str, message_id: &str, base_key: &[u8]) -> Answer<()> {
        let row = self.base_key(address, message_id);
        self.put_raw(Durability::Durable, row, Bytes::copy_from_slice(base_key)).await
    }

    async fn has_same_base_key(&self, address: &str, message_id: &str, current_base_key: &[u8]) -> Answer<bool> {
        let saved = self.raw(self.base_key(address, message_id)).await?;
        Ok(saved.is_some_and(|saved| saved == current_base_key))
    }

    async fn delete_base_key(&self, address: &str, message_id: &str) -> Answer<()> {
        self.delete(Durability::Durable, self.base_key(address, message_id)).await
    }

    async fn update_device_list(&self, record: DeviceListRecord) -> Answer<()> {
        self.update_device_lists(vec![record]).await
    }

    async fn update_device_lists(&self, records: Vec<DeviceListRecord>) -> Answer<()> {
        let rows: Vec<_> = records.into_iter().map(|record| (self.devices_of(&record.user), record)).collect();
        for job in cut(rows, |_| DEVICE_LIST_BYTES) {
            self.write(Durability::Durable, move |tx| {
                job.iter().try_for_each(|(key, record)| tx.put_record(Tree::Wa, key, record))
            })
            .await?;
        }
        Ok(())
    }

    async fn get_devices(&self, user: &str) -> Answer<Option<DeviceListRecord>> {
        let key = self.devices_of(user);
        self.read(|tx| tx.record(Tree::Wa, &key)).await
    }

    async fn delete_devices(&self, user: &str) -> Answer<()> {
        self.delete(Durability::Durable, self.devices_of(user)).await
    }

    async fn get_group_metadata(&self, group_jid: &str) -> Answer<Option<Vec<u8>>> {
        Ok(self.raw(self.group_metadata(group_jid)).await?.map(Vec::from))
    }

    /// Relaxed: a cache, asked for anew when it is missing.
    async fn put_group_metadata(&self, group_jid: &str, blob: &[u8]) -> Answer<()> {
        let key = self.group_metadata(group_jid);
        self.put_raw(Durability::Relaxed, key, Bytes::copy_from_slice(blob)).await
    }

    async fn delete_group_metadata(&self, group_jid: &str) -> Answer<()> {
        self.delete(Durability::Relaxed, self.group_metadata(group_jid)).await
    }

    async fn get_tc_token(&self, jid: &str) -> Answer<Option<TcTokenEntry>> {
        self.token(jid).await
    }

    async fn put_tc_token(&self, jid: &str, entry: &TcTokenEntry) -> Answer<()> {
        self.put_token(jid, entry).await
    }

    async fn delete_tc_token(&self, jid: &str) -> Answer<()> {
        self.delete_token(jid).await
    }

    async fn get_all_tc_token_jids(&self) -> Answer<Vec<String>> {
        self.token_owners().await
    }

    async fn delete_expired_tc_tokens(&self, token_cutoff: i64, sender_cutoff: i64) -> Answer<u32> {
        self.delete_dead_tokens(token_cutoff, sender_cutoff).await
    }

    async fn touch_tc_token_sender_timestamp(&self, jid: &str, sender_timestamp: i64) -> Answer<()> {
        self.touch_token(jid, sender_timestamp).await
    }

    async fn store_received_tc_token(&self, jid: &str, token: &[u8], token_timestamp: i64) -> Answer<()> {
        self.receive_token(jid, token, token_timestamp).await
    }

    async fn store_sent_message(&self, chat_jid: &str, message_id: &str, payload: &[u8]) -> Answer<()> {
        self.put_sent(chat_jid, message_id, payload).await
    }

    async fn take_sent_message(&self, chat_jid: &str, message_id: &str) -> Answer<Option<Vec<u8>>> {
        self.take_sent(chat_jid, message_id).await
    }

    async fn delete_expired_sent_messages(&self, cutoff_timestamp: i64) -> Answer<u32> {
        self.delete_old_sent(cutoff_timestamp).await
    }

    async fn store_pending_inbound(&self, chat: &str, sender: &str, id: &str, message: &[u8]) -> Answer<()> {
        self.put_pending(&[PendingInboundRow { chat, sender, id, message }]).await
    }

    async fn get_pending_inbound(&self, chat: &str, sender: &str, id: &str) -> Answer<Option<Vec<u8>>> {
        self.pending_or_placeholder(chat, sender, id).await
    }

    async fn delete_pending_inbound(&self, chat: &str, sender: &str, id: &str) -> Answer<()> {
        self.drop_pending(&[PendingInboundKey { chat, sender, id }]).await
    }

    /// Does nothing: the library would drop after 7 days what the network may still redeliver. Ours end after 60 days,
    /// see [`KeyStore::expire_pending`].
    async fn delete_expired_pending_inbound(&self, _cutoff_timestamp: i64) -> Answer<u32> {
        Ok(0)
    }

    async fn store_pending_inbound_batch(&self, rows: &[PendingInboundRow<'_>]) -> Answer<()> {
        self.put_pending(rows).await
    }

    async fn delete_pending_inbound_batch(&self, keys: &[PendingInboundKey<'_>]) -> Answer<()> {
        self.drop_pending(keys).await
    }
}
