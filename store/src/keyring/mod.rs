//! Encryption of values, between the plain rows above and the engine's below.
//!
//! A store is encrypted from its creation on or never. In an encrypted one every value with the codec `Record` or `Raw`
//! is `[codec][key-id][nonce 24][ciphertext][tag 16]`: XChaCha20-Poly1305 under the value key of the row's account, a
//! random nonce, and the row's own place as associated data, so that a value can't be moved. Values with the codec
//! `Fixed` stay plain: they are numbers that indexes need (positions, times, row numbers, counts) and never a text, an
//! address or a key, and the rows that must be read before a key is known are among them. Nobody else may use that codec.
//!
//! Keys are not encrypted, because rows are found by them. Their parts that name a human are veiled ([`veil`]).

mod derived;
mod master;
mod veil;

use bytes::Bytes;
use chacha20poly1305::aead::AeadInOut;
use chacha20poly1305::{KeyInit, Tag, XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use secrecy::ExposeSecret;
use sha2::Sha256;

pub use master::{BadMasterKey, MASTER_KEY_LEN, MasterKey};

use self::derived::{Derived, Secret};
use crate::envelope::{Codec, HEADER, PLAIN};
use crate::{StoreError, Tree};

/// The one key-id of this version.
const KEY_ID: u8 = 1;

const NONCE: usize = 24;
const TAG: usize = 16;

/// Bytes of a key's check value.
const CHECK: usize = 32;

/// What a store's rows are sealed and opened with: nothing at all in a plain store.
pub struct Keyring(Option<Loaded>);

struct Loaded {
    uuid: [u8; 16],
    keys: Derived,
}

impl std::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.is_plain() { "Keyring(plain)" } else { "Keyring(…)" })
    }
}

impl Keyring {
    /// Of a store without encryption.
    #[must_use]
    pub const fn plain() -> Self {
        Self(None)
    }

    /// Of the encrypted store with this uuid.
    #[must_use]
    pub fn new(key: &MasterKey, uuid: u128) -> Self {
        let uuid = uuid.to_be_bytes();
        Self(Some(Loaded { uuid, keys: Derived::new(key, &uuid) }))
    }

    /// Whether values and keys are left as they are.
    #[must_use]
    pub const fn is_plain(&self) -> bool {
        self.0.is_none()
    }

    /// What an encrypted store keeps to know its key by: `[key-id][HMAC of the uuid]`.
    pub(crate) fn check_row(&self) -> Option<Vec<u8>> {
        let Loaded { uuid, keys } = self.0.as_ref()?;
        let check = mac(&keys.check()).chain_update(uuid).finalize().into_bytes();
        Some([&[KEY_ID], &check[..]].concat())
    }

    /// Whether this is the key that the row was written with; `None` where the row is not one of this version.
    pub(crate) fn matches(&self, row: &[u8]) -> Option<bool> {
        let Loaded { uuid, keys } = self.0.as_ref()?;
        match row.split_first() {
            Some((&KEY_ID, check)) if check.len() == CHECK => {
                Some(mac(&keys.check()).chain_update(uuid).verify_slice(check).is_ok())
            }
            _ => None,
        }
    }

    /// The value as it is stored.
    pub(crate) fn seal(&self, tree: Tree, key: &[u8], value: Bytes) -> Bytes {
        match &self.0 {
            Some(loaded) if wants_key(&value) => loaded.seal(tree, key, &value, rand::random()),
            _ => value,
        }
    }

    /// The enveloped, plain value of a row as the engine answered it, its pieces put together.
    ///
    /// # Errors
    /// [`StoreError::Sealed`] when its key is not loaded, [`StoreError::Corrupt`] when it is not what was written to
    /// this place with this key.
    pub fn open(&self, tree: Tree, key: &[u8], stored: Bytes) -> Result<Bytes, StoreError> {
        let Some(id) = stored.get(1).copied() else { return Ok(stored) };
        match &self.0 {
            None if id == PLAIN => Ok(stored),
            Some(_) if id == PLAIN && wants_key(&stored) => {
                Err(StoreError::corrupt(tree, "a plain row where only encrypted ones are written"))
            }
            Some(_) if id == PLAIN => Ok(stored),
            Some(loaded) if id == KEY_ID => loaded.open(tree, key, &stored),
            _ => Err(StoreError::Sealed { tree: tree.name() }),
        }
    }
}

impl Loaded {
    fn cipher(&self, tree: Tree, key: &[u8]) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(self.keys.account(tree.account_in(key)).values.expose_secret().into())
    }

    /// Uuid, tree, codec and key-id have fixed lengths and the key comes last: no two places look alike.
    fn place(&self, tree: Tree, codec: u8, key: &[u8]) -> Vec<u8> {
        [&self.uuid[..], &[tree.number(), codec, KEY_ID], key].concat()
    }

    fn seal(&self, tree: Tree, key: &[u8], value: &[u8], nonce: [u8; NONCE]) -> Bytes {
        let mut out = Vec::with_capacity(value.len() + NONCE + TAG);
        out.extend_from_slice(&[value[0], KEY_ID]);
        out.extend_from_slice(&nonce);
        out.extend_from_slice(&value[HEADER..]);
        let place = self.place(tree, value[0], key);
        let body = out[HEADER + NONCE..].as_mut();
        let tag = self.cipher(tree, key).encrypt_inout_detached(&XNonce::from(nonce), &place, body.into());
        out.extend_from_slice(&tag.expect("a value is far shorter than the cipher's 256 GiB"));
        out.into()
    }

    fn open(&self, tree: Tree, key: &[u8], stored: &[u8]) -> Result<Bytes, StoreError> {
        let refused = || StoreError::corrupt(tree, "an encrypted row that was not written to this place with this key");
        let (header, rest) = stored.split_at_checked(HEADER).ok_or_else(refused)?;
        let (nonce, rest) = rest.split_first_chunk::<NONCE>().ok_or_else(refused)?;
        let (body, tag) = rest.split_last_chunk::<TAG>().ok_or_else(refused)?;
        let mut out = Vec::with_capacity(HEADER + body.len());
        out.extend_from_slice(&[header[0], PLAIN]);
        out.extend_from_slice(body);
        let place = self.place(tree, header[0], key);
        let plain = out[HEADER..].as_mut();
        let cipher = self.cipher(tree, key);
        cipher
            .decrypt_inout_detached(&XNonce::from(*nonce), &place, plain.into(), &Tag::from(*tag))
            .map_err(|_| refused())?;
        // A row that authenticates was made by `seal`, which never takes another codec.
        if wants_key(&out) { Ok(out.into()) } else { Err(refused()) }
    }
}

/// Whether an enveloped value is encrypted where a key is loaded.
fn wants_key(value: &[u8]) -> bool {
    value.len() >= HEADER && [Codec::Record as u8, Codec::Raw as u8].contains(&value[0])
}

fn mac(key: &Secret) -> Hmac<Sha256> {
    Hmac::new_from_slice(key.expose_secret()).expect("HMAC takes a key of any length")
}

#[cfg(test)]
mod tests;
