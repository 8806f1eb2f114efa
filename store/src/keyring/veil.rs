//! Veils: what stands in a key for a part that names a human.
//!
//! A part becomes the base32hex text of 16 bytes of HMAC-SHA256 under the veil key of the row's account, over the tree
//! and all of the plain key up to the part's end. So the same human looks different in every account and every kind of
//! row, while equal keys stay equal, and a prefix that ends with a whole part stays a prefix. Order among veiled parts
//! means nothing.

use std::borrow::Cow;

use hmac::Mac;

use super::{Keyring, Loaded, mac};
use crate::Tree;
use crate::id::base32;
use crate::key::Key;

/// Bytes of the HMAC that are kept: enough that two parts never meet by chance, 26 characters in a key.
const KEPT: usize = 16;

impl Keyring {
    /// The key as it is stored.
    pub(crate) fn veil<'a>(&self, tree: Tree, key: &'a Key) -> Cow<'a, [u8]> {
        match &self.0 {
            Some(loaded) if !key.personal_parts().is_empty() => Cow::Owned(loaded.veil(tree, key)),
            _ => Cow::Borrowed(key.plain()),
        }
    }
}

impl Loaded {
    fn veil(&self, tree: Tree, key: &Key) -> Vec<u8> {
        let plain = key.plain();
        let keys = self.keys.account(tree.account_in(plain));
        let mut out = Vec::with_capacity(plain.len());
        let mut from = 0;
        for part in key.personal_parts() {
            out.extend_from_slice(&plain[from..part.start]);
            let veil = mac(&keys.veils).chain_update([tree.number()]).chain_update(&plain[..part.end]);
            let veil = veil.finalize().into_bytes();
            out.extend_from_slice(base32().encode(&veil[..KEPT]).as_bytes());
            from = part.end;
        }
        out.extend_from_slice(&plain[from..]);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyring::MasterKey;

    fn keyring(first: u8) -> Keyring {
        let mut key = [7; 32];
        key[0] = first;
        Keyring::new(&MasterKey::new(key), 42)
    }

    fn key(no: u32, who: &str) -> Key {
        Key::new().u32(no).u8(3).personal(who.as_bytes()).wire(b"3EB0")
    }

    /// The form on disk: a change of it makes every encrypted store forget whom it knows.
    #[test]
    fn the_stored_keys_are_the_ones_on_disk() {
        let two = Key::new().u32(1).personal(b"a").u8(2).personal(&[b'b'; 100]);
        let shown =
            [key(1, "62812@s.whatsapp.net"), two].map(|key| keyring(1).veil(Tree::Wa, &key).escape_ascii().to_string());
        insta::assert_snapshot!(shown.join("\n"));
    }

    #[test]
    fn a_veil_depends_on_the_human_and_the_place_and_on_nothing_else() {
        let ours = keyring(1);
        let veiled = |tree, key: &Key| ours.veil(tree, key).into_owned();
        let one = veiled(Tree::Wa, &key(1, "62812"));
        assert_eq!(one, keyring(1).veil(Tree::Wa, &key(1, "62812")).into_owned(), "after a restart");
        let others = [
            veiled(Tree::Wa, &key(1, "62813")),
            veiled(Tree::Person, &key(1, "62812")),
            veiled(Tree::Wa, &key(2, "62812")),
            veiled(Tree::Wa, &Key::new().u32(1).u8(4).personal(b"62812").wire(b"3EB0")),
            keyring(2).veil(Tree::Wa, &key(1, "62812")).into_owned(),
        ];
        for other in others {
            assert_ne!(one[5..31], other[5..31]);
        }
        assert_eq!(one.len(), 5 + 26 + 1 + 5);
        assert!(one.starts_with(&veiled(Tree::Wa, &Key::new().u32(1).u8(3).personal(b"62812"))), "a prefix stays one");
    }

    #[test]
    fn a_plain_store_and_impersonal_keys_are_left_alone() {
        let plain = Key::new().u32(1).u8(3).wire(b"62812").wire(b"3EB0");
        assert_eq!(Keyring::plain().veil(Tree::Wa, &key(1, "62812")), plain.as_slice());
        assert_eq!(keyring(1).veil(Tree::Wa, &plain), plain.as_slice());
    }
}
