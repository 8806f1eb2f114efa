//! What names a row: a built [`Key`], or the bytes of a key that came out of a page.

use std::borrow::Cow;

use bytes::Bytes;

use crate::Tree;
use crate::key::Key;
use crate::keyring::Keyring;

/// A row's key, or the beginning of keys. In an encrypted store the parts of a [`Key`] that name a human are hidden when
/// it is used; bytes are a key as it is stored.
pub trait RowKey {
    /// The key as it is stored.
    fn stored(&self, tree: Tree, keyring: &Keyring) -> Cow<'_, [u8]>;
}

impl RowKey for Key {
    fn stored(&self, tree: Tree, keyring: &Keyring) -> Cow<'_, [u8]> {
        keyring.veil(tree, self)
    }
}

impl<T: RowKey + ?Sized> RowKey for &T {
    fn stored(&self, tree: Tree, keyring: &Keyring) -> Cow<'_, [u8]> {
        T::stored(self, tree, keyring)
    }
}

impl<const N: usize> RowKey for [u8; N] {
    fn stored(&self, _: Tree, _: &Keyring) -> Cow<'_, [u8]> {
        Cow::Borrowed(self)
    }
}

macro_rules! bytes {
    ($($of:ty),+) => {
        $(impl RowKey for $of {
            fn stored(&self, _: Tree, _: &Keyring) -> Cow<'_, [u8]> {
                Cow::Borrowed(self)
            }
        })+
    };
}

bytes!([u8], Vec<u8>, Bytes);
