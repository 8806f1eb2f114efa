//! Keys derived from the master key: HKDF-SHA256 with the store's uuid as salt, a label and an account's number as info.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use hkdf::Hkdf;
use secrecy::{ExposeSecret, SecretBox};
use sha2::Sha256;

use super::MasterKey;

/// A key of 32 bytes, wiped from memory when it is dropped.
pub(super) type Secret = SecretBox<[u8; 32]>;

/// Accounts whose keys are kept; beyond it all are forgotten and derived again.
const MOST_KEPT: usize = 4_096;

const VALUES: &[u8] = b"wasup store value key 1";
const VEILS: &[u8] = b"wasup store veil key 1";
const CHECK: &[u8] = b"wasup store check key 1";

/// The keys of one account, or of the rows that belong to none (account 0).
pub(super) struct AccountKeys {
    /// Encrypts values.
    pub(super) values: Secret,
    /// Hides what names a human in keys.
    pub(super) veils: Secret,
}

/// What all keys of a store are derived from.
pub(super) struct Derived {
    root: Secret,
    accounts: RwLock<HashMap<u32, Arc<AccountKeys>>>,
}

impl Derived {
    pub(super) fn new(master: &MasterKey, uuid: &[u8; 16]) -> Self {
        let (mut root, _) = Hkdf::<Sha256>::extract(Some(uuid), master.expose());
        let kept = Secret::init_with_mut(|kept| kept.copy_from_slice(&root));
        root.fill(0);
        Self { root: kept, accounts: RwLock::default() }
    }

    fn derive(&self, label: &[u8], no: u32) -> Secret {
        let root = Hkdf::<Sha256>::from_prk(self.root.expose_secret()).expect("the root is as long as the digest");
        Secret::init_with_mut(|key| {
            root.expand(&[label, &no.to_be_bytes()].concat(), key).expect("one digest is a length that HKDF gives");
        })
    }

    /// By which a wrong master key is noticed.
    pub(super) fn check(&self) -> Secret {
        self.derive(CHECK, 0)
    }

    /// The keys of an account.
    pub(super) fn account(&self, no: u32) -> Arc<AccountKeys> {
        if let Some(keys) = self.accounts.read().unwrap_or_else(PoisonError::into_inner).get(&no) {
            return Arc::clone(keys);
        }
        let keys = Arc::new(AccountKeys { values: self.derive(VALUES, no), veils: self.derive(VEILS, no) });
        let mut accounts = self.accounts.write().unwrap_or_else(PoisonError::into_inner);
        if accounts.len() >= MOST_KEPT {
            accounts.clear();
        }
        accounts.insert(no, Arc::clone(&keys));
        keys
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_store_account_and_use_has_a_key_of_its_own() {
        let mut seen = std::collections::HashSet::new();
        for master in [[1; 32], [2; 32]] {
            for uuid in [[1; 16], [2; 16]] {
                let derived = Derived::new(&MasterKey::new(master), &uuid);
                assert!(seen.insert(*derived.check().expose_secret()));
                for no in [0, 1, 256] {
                    let keys = derived.account(no);
                    assert!(seen.insert(*keys.values.expose_secret()) && seen.insert(*keys.veils.expose_secret()));
                    assert!(Arc::ptr_eq(&keys, &derived.account(no)), "derived twice");
                }
            }
        }
    }

    #[test]
    fn the_kept_keys_are_bounded() {
        let derived = Derived::new(&MasterKey::new([1; 32]), &[1; 16]);
        let first = *derived.account(0).values.expose_secret();
        for no in 0..=u32::try_from(MOST_KEPT).unwrap() {
            derived.account(no);
        }
        assert!(derived.accounts.read().unwrap().len() <= MOST_KEPT);
        assert_eq!(derived.account(0).values.expose_secret(), &first);
    }
}
