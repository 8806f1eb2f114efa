//! Messages we sent, kept for a while in case a receiver asks for one again. Relaxed: the message itself is safe in
//! the ledger, and one lost here costs the receiver's device one retry.

use bytes::Bytes;
use wasup_store::key::{Key, Parts};
use wasup_store::repo::wa::WaKind;
use wasup_store::{Durability, StoreError, Tree};

use crate::keystore::{Answer, KeyStore, cut, raw_body};

/// When it was sent, in seconds since 1970, before the payload.
fn sent_at(body: &[u8]) -> Result<i64, StoreError> {
    let at = Parts(body).u64().ok_or_else(|| StoreError::corrupt(Tree::Wa, "a sent message without its time"))?;
    Ok(at.cast_signed())
}

impl KeyStore {
    fn sent_key(&self, chat: &str, id: &str) -> Key {
        self.key(WaKind::SentMessage).personal(chat.as_bytes()).wire(id.as_bytes())
    }

    pub(super) async fn put_sent(&self, chat: &str, id: &str, payload: &[u8]) -> Answer<()> {
        let mut body = Vec::with_capacity(payload.len() + 8);
        body.extend_from_slice(&(self.store.now_ms() / 1_000).to_be_bytes());
        body.extend_from_slice(payload);
        self.put_raw(Durability::Relaxed, self.sent_key(chat, id), Bytes::from(body)).await
    }

    /// Reads and deletes in one job, so that two retry requests can't both have it.
    pub(super) async fn take_sent(&self, chat: &str, id: &str) -> Answer<Option<Vec<u8>>> {
        let key = self.sent_key(chat, id);
        self.write(Durability::Relaxed, move |tx| {
            let Some(body) = tx.raw(Tree::Wa, &key)? else { return Ok(None) };
            sent_at(&body)?;
            tx.delete(Tree::Wa, &key)?;
            Ok(Some(body[8..].to_vec()))
        })
        .await
    }

    pub(super) async fn delete_old_sent(&self, cutoff: i64) -> Answer<u32> {
        let old = self
            .collect(&self.key(WaKind::SentMessage), |key, value| {
                Ok((sent_at(&raw_body(value)?)? < cutoff).then(|| Key::new().bytes(key)))
            })
            .await?;
        let mut gone = 0;
        for job in cut(old, |_| 0) {
            gone += self
                .write(Durability::Relaxed, move |tx| {
                    let mut gone = 0;
                    for key in &job {
                        // It may have been sent again since it was looked at.
                        if let Some(body) = tx.raw(Tree::Wa, key)?
                            && sent_at(&body)? < cutoff
                        {
                            tx.delete(Tree::Wa, key)?;
                            gone += 1;
                        }
                    }
                    Ok(gone)
                })
                .await?;
        }
        Ok(gone)
    }
}
