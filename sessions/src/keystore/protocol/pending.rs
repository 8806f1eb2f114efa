//! Messages that were decrypted and wait for the hook's commit.
//!
//! The library can make a ratchet's advance durable before the row of the message it decrypted (another chat's flush
//! may fall between), and these rows are relaxed. When the network then delivers the message again it can't be
//! decrypted a second time, and the library asks here whether it was seen. So `None`, upon which it acknowledges, is
//! answered only for a message that the ledger knows; for any other a placeholder is handed out, which the hook
//! commits as unavailable.

use bytes::Bytes;
use wacore::store::Device;
use wacore::store::traits::{PendingInboundKey, PendingInboundRow};
use waproto::whatsapp as wa_proto;
use wasup_store::key::{Key, Parts};
use wasup_store::records::Participant;
use wasup_store::repo::inbound;
use wasup_store::repo::wa::{self, WaKind, WaScope};
use wasup_store::{Durability, ReadTx, StoreError, Tree};

use super::mappings;
use crate::keystore::wire_key::three;
use crate::keystore::{Answer, KeyStore, failed};
use crate::link::inbound::address;

/// When a row was written, in milliseconds since 1970, before the encoded message.
const TIME_LEN: usize = 8;

/// When a row was written.
pub(in crate::keystore) fn pending_since(body: &[u8]) -> Result<u64, StoreError> {
    Parts(body).u64().ok_or_else(|| StoreError::corrupt(Tree::Wa, "a pending message without its time"))
}

/// The message that stands for one whose decrypted copy is lost: the network's own way of saying that a content can't
/// be shown on this device.
pub(crate) fn placeholder_bytes() -> Vec<u8> {
    let message = wa_proto::Message {
        placeholder_message: buffa::MessageField::some(wa_proto::message::PlaceholderMessage::default()),
        ..Default::default()
    };
    waproto::codec::message_to_vec(&message)
}

/// The address with everything that the link's mappings know about it.
fn participant(tx: &ReadTx<'_>, scope: WaScope, jid: &wacore_binary::Jid) -> Result<Option<Participant>, StoreError> {
    let Some(mut participant) = address::participant(jid, None) else { return Ok(None) };
    match (&participant.phone, &participant.lid) {
        (Some(phone), None) => {
            participant.lid = mappings::by_phone(tx, scope, phone)?.and_then(|m| format!("{}@lid", m.lid).parse().ok());
            if let Some(lid) = &participant.lid {
                participant.jid = lid.clone();
            }
        }
        (None, Some(lid)) => participant.phone = mappings::by_lid(tx, scope, lid.user())?.map(|m| m.phone_number),
        _ => {}
    }
    Ok(Some(participant))
}

fn is_own(tx: &ReadTx<'_>, scope: WaScope, sender: &wacore_binary::Jid) -> Result<bool, StoreError> {
    let device: Option<Device> = tx.record(Tree::Wa, wa::key(scope, WaKind::Device))?;
    Ok(device.is_some_and(|d| [d.pn, d.lid].into_iter().flatten().any(|own| own.user == sender.user)))
}

/// Whether the ledger has the message, whichever of their addresses chat and sender go by.
fn committed(tx: &ReadTx<'_>, scope: WaScope, chat: &str, sender: &str, id: &str) -> Result<bool, StoreError> {
    let (Ok(chat), Ok(sender)) = (chat.parse::<wacore_binary::Jid>(), sender.parse::<wacore_binary::Jid>()) else {
        return Ok(false);
    };
    let Some(chat) = participant(tx, scope, &chat)? else { return Ok(false) };
    let sender = if is_own(tx, scope, &sender)? { None } else { participant(tx, scope, &sender)? };
    inbound::known(tx, scope.no, id, &chat, sender.as_ref())
}

/// The row of a message that waits, by the library's names of its chat and sender.
pub(crate) fn pending_key(scope: WaScope, chat: &str, sender: &str, id: &str) -> Key {
    three(wa::key(scope, WaKind::PendingInbound), [chat, sender, id])
}

impl KeyStore {
    fn pending_key(&self, chat: &str, sender: &str, id: &str) -> Key {
        pending_key(self.scope, chat, sender, id)
    }

    pub(super) async fn put_pending(&self, rows: &[PendingInboundRow<'_>]) -> Answer<()> {
        #[cfg(feature = "sandbox")]
        if let Some(fail_point) = &self.fail_point {
            fail_point.pass(rows.iter().map(|row| row.sender)).await;
        }
        let now = self.store.now_ms().to_be_bytes();
        let row = |row: &PendingInboundRow<'_>| {
            let mut body = Vec::with_capacity(row.message.len() + TIME_LEN);
            body.extend_from_slice(&now);
            body.extend_from_slice(row.message);
            (self.pending_key(row.chat, row.sender, row.id), Bytes::from(body))
        };
        self.put_raw_rows(Durability::Relaxed, rows.iter().map(row).collect()).await
    }

    /// Mostly finds nothing to do: the commit of a message deletes its row as well.
    pub(super) async fn drop_pending(&self, keys: &[PendingInboundKey<'_>]) -> Answer<()> {
        let keys: Vec<_> = keys.iter().map(|k| self.pending_key(k.chat, k.sender, k.id)).collect();
        let left = self.read(|tx| {
            let mut left = Vec::new();
            for key in keys {
                if tx.contains(Tree::Wa, &key)? {
                    left.push(key);
                }
            }
            Ok(left)
        });
        self.delete_rows(Durability::Relaxed, left.await?).await
    }

    pub(super) async fn pending_or_placeholder(&self, chat: &str, sender: &str, id: &str) -> Answer<Option<Vec<u8>>> {
        enum Seen {
            Waiting(Bytes),
            Committed,
            Lost,
        }
        let key = self.pending_key(chat, sender, id);
        let scope = self.scope;
        // What is found here decides whether the network may forget the message: it has to be on disk.
        let seen = self.store.read_durable(|tx| {
            Ok::<_, StoreError>(match tx.raw(Tree::Wa, &key)? {
                Some(body) => Seen::Waiting(body),
                None if committed(tx, scope, chat, sender, id)? => Seen::Committed,
                None => Seen::Lost,
            })
        });
        match seen.await.map_err(|error| self.refused(error))? {
            Seen::Waiting(body) => {
                pending_since(&body).map_err(failed)?;
                Ok(Some(body[TIME_LEN..].to_vec()))
            }
            Seen::Committed => Ok(None),
            Seen::Lost => {
                self.counted.copy_lost();
                tracing::warn!(account = scope.no.0, "a message's decrypted copy is lost; it becomes unavailable");
                Ok(Some(placeholder_bytes()))
            }
        }
    }
}
