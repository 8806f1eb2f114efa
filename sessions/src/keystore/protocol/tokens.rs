//! Privacy tokens of contacts. A token is durable; the time we last gave ours away is not worth a sync.

use serde::{Deserialize, Serialize};
use wacore::store::traits::TcTokenEntry;
use wasup_store::envelope;
use wasup_store::key::Key;
use wasup_store::repo::wa::WaKind;
use wasup_store::{Durability, Tree};

use crate::keystore::{Answer, KeyStore, cut};

/// Row of a contact's token. The address stands in it because a long one is a digest in the key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Token {
    jid: String,
    token: Vec<u8>,
    token_timestamp: i64,
    #[serde(default)]
    sender_timestamp: Option<i64>,
}

impl Token {
    fn new(jid: &str, entry: &TcTokenEntry) -> Self {
        Self {
            jid: jid.into(),
            token: entry.token.clone(),
            token_timestamp: entry.token_timestamp,
            sender_timestamp: entry.sender_timestamp,
        }
    }

    fn entry(self) -> TcTokenEntry {
        TcTokenEntry {
            token: self.token,
            token_timestamp: self.token_timestamp,
            sender_timestamp: self.sender_timestamp,
        }
    }

    /// Alive while either the token or our own sign of having given ours is young enough.
    fn alive(&self, token_cutoff: i64, sender_cutoff: i64) -> bool {
        let token = !self.token.is_empty() && self.token_timestamp >= token_cutoff;
        token || self.sender_timestamp.is_some_and(|at| at >= sender_cutoff)
    }
}

impl KeyStore {
    fn token_key(&self, jid: &str) -> Key {
        self.key(WaKind::PrivacyToken).personal(jid.as_bytes())
    }

    pub(super) async fn token(&self, jid: &str) -> Answer<Option<TcTokenEntry>> {
        let key = self.token_key(jid);
        Ok(self.read(|tx| tx.record::<Token>(Tree::Wa, &key)).await?.map(Token::entry))
    }

    pub(super) async fn put_token(&self, jid: &str, entry: &TcTokenEntry) -> Answer<()> {
        let (key, row) = (self.token_key(jid), Token::new(jid, entry));
        self.write(Durability::Durable, move |tx| tx.put_record(Tree::Wa, &key, &row)).await
    }

    pub(super) async fn delete_token(&self, jid: &str) -> Answer<()> {
        self.delete(Durability::Durable, self.token_key(jid)).await
    }

    pub(super) async fn token_owners(&self) -> Answer<Vec<String>> {
        self.collect(&self.key(WaKind::PrivacyToken), |_, value| {
            envelope::open_record::<Token>(Tree::Wa, value).map(|row| Some(row.jid))
        })
        .await
    }

    /// The time only moves forward; a contact without a token gets a row without one.
    pub(super) async fn touch_token(&self, jid: &str, sender_timestamp: i64) -> Answer<()> {
        let (key, jid) = (self.token_key(jid), jid.to_owned());
        self.write(Durability::Relaxed, move |tx| {
            let row = match tx.record::<Token>(Tree::Wa, &key)? {
                Some(row) => Token { sender_timestamp: row.sender_timestamp.max(Some(sender_timestamp)), ..row },
                None => Token {
                    jid: jid.clone(),
                    token: Vec::new(),
                    token_timestamp: sender_timestamp,
                    sender_timestamp: Some(sender_timestamp),
                },
            };
            tx.put_record(Tree::Wa, &key, &row)
        })
        .await
    }

    /// A newer token wins, a row without a token always yields, and our own time stays.
    pub(super) async fn receive_token(&self, jid: &str, token: &[u8], token_timestamp: i64) -> Answer<()> {
        let (key, jid, token) = (self.token_key(jid), jid.to_owned(), token.to_vec());
        self.write(Durability::Durable, move |tx| {
            let old = tx.record::<Token>(Tree::Wa, &key)?;
            if old.as_ref().is_some_and(|old| !old.token.is_empty() && token_timestamp < old.token_timestamp) {
                return Ok(());
            }
            let sender_timestamp = old.and_then(|old| old.sender_timestamp);
            tx.put_record(
                Tree::Wa,
                &key,
                &Token { jid: jid.clone(), token: token.clone(), token_timestamp, sender_timestamp },
            )
        })
        .await
    }

    pub(super) async fn delete_dead_tokens(&self, token_cutoff: i64, sender_cutoff: i64) -> Answer<u32> {
        let dead = self
            .collect(&self.key(WaKind::PrivacyToken), |key, value| {
                let row: Token = envelope::open_record(Tree::Wa, value)?;
                Ok((!row.alive(token_cutoff, sender_cutoff)).then(|| Key::new().bytes(key)))
            })
            .await?;
        let mut gone = 0;
        for job in cut(dead, |_| 0) {
            gone += self
                .write(Durability::Durable, move |tx| {
                    let mut gone = 0;
                    for key in &job {
                        // It may have come back to life since it was looked at.
                        let row = tx.record::<Token>(Tree::Wa, key)?;
                        if row.is_some_and(|row| !row.alive(token_cutoff, sender_cutoff)) {
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
