//! Secrets of messages, by which later votes, edits and reactions to them are read.

use async_trait::async_trait;
use wacore::store::traits::{
    MessageSecret, MsgSecretEntry, MsgSecretStore, merge_msg_secret_expiry, merge_msg_secret_message_ts,
};
use wasup_store::key::Key;
use wasup_store::repo::wa::WaKind;
use wasup_store::{Durability, StoreError, Tree};

use super::wire_key::three;
use super::{Answer, KeyStore, cut, raw_body};

/// A secret's row: 32 bytes, then when it ends and when its message was written, in seconds since 1970.
struct Row {
    secret: MessageSecret,
    expires_at: i64,
    message_ts: i64,
}

impl Row {
    const LEN: usize = 48;

    fn encode(&self) -> [u8; Self::LEN] {
        let mut out = [0; Self::LEN];
        out[..32].copy_from_slice(&self.secret);
        out[32..40].copy_from_slice(&self.expires_at.to_be_bytes());
        out[40..].copy_from_slice(&self.message_ts.to_be_bytes());
        out
    }

    fn decode(body: &[u8]) -> Result<Self, StoreError> {
        let corrupt = || StoreError::corrupt(Tree::Wa, "a message secret of another length");
        let body: &[u8; Self::LEN] = body.try_into().map_err(|_| corrupt())?;
        let number = |at: usize| body[at..at + 8].try_into().map(i64::from_be_bytes).map_err(|_| corrupt());
        let mut secret = [0; 32];
        secret.copy_from_slice(&body[..32]);
        Ok(Self { secret, expires_at: number(32)?, message_ts: number(40)? })
    }

    const fn expired(&self, now: i64) -> bool {
        self.expires_at != 0 && self.expires_at <= now
    }
}

impl KeyStore {
    fn secret_key(&self, chat: &str, sender: &str, id: &str) -> Key {
        three(self.key(WaKind::MessageSecret), [chat, sender, id])
    }

    async fn secret(&self, chat: &str, sender: &str, id: &str) -> Answer<Option<Row>> {
        let key = self.secret_key(chat, sender, id);
        self.read(|tx| tx.raw(Tree::Wa, &key)?.map(|body| Row::decode(&body)).transpose()).await
    }
}

#[async_trait]
impl MsgSecretStore for KeyStore {
    async fn put_msg_secrets(&self, entries: Vec<MsgSecretEntry>) -> Answer<usize> {
        let count = entries.len();
        let rows: Vec<_> = entries.into_iter().map(|e| (self.secret_key(&e.chat, &e.sender, &e.msg_id), e)).collect();
        for job in cut(rows, |_| Row::LEN) {
            self.write(Durability::Durable, move |tx| {
                for (key, entry) in &job {
                    let mut row =
                        Row { secret: entry.secret, expires_at: entry.expires_at, message_ts: entry.message_ts };
                    if let Some(old) = tx.raw(Tree::Wa, key)? {
                        let old = Row::decode(&old)?;
                        row.expires_at = merge_msg_secret_expiry(old.expires_at, row.expires_at);
                        row.message_ts = merge_msg_secret_message_ts(old.message_ts, row.message_ts);
                    }
                    tx.put_raw(Tree::Wa, key, &row.encode())?;
                }
                Ok(())
            })
            .await?;
        }
        Ok(count)
    }

    async fn get_msg_secret(&self, chat: &str, sender: &str, msg_id: &str) -> Answer<Option<Vec<u8>>> {
        Ok(self.secret(chat, sender, msg_id).await?.map(|row| row.secret.to_vec()))
    }

    async fn get_msg_secret_with_ts(&self, chat: &str, sender: &str, msg_id: &str) -> Answer<Option<(Vec<u8>, i64)>> {
        Ok(self.secret(chat, sender, msg_id).await?.map(|row| (row.secret.to_vec(), row.message_ts)))
    }

    /// Relaxed: a secret that comes back by a crash is deleted by the next sweep.
    async fn delete_expired_msg_secrets(&self, cutoff_timestamp: i64) -> Answer<u32> {
        let old = self
            .collect(&self.key(WaKind::MessageSecret), |key, value| {
                let row = Row::decode(&raw_body(value)?)?;
                Ok(row.expired(cutoff_timestamp).then(|| Key::new().bytes(key)))
            })
            .await?;
        let mut gone = 0;
        for job in cut(old, |_| 0) {
            gone += self
                .write(Durability::Relaxed, move |tx| {
                    let mut gone = 0;
                    for key in &job {
                        // A write between the look and this job may have moved its end.
                        let row = tx.raw(Tree::Wa, key)?.map(|body| Row::decode(&body)).transpose()?;
                        if row.is_some_and(|row| row.expired(cutoff_timestamp)) {
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
