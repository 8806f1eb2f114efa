//! The envelope every stored value wears: `[codec u8][key-id u8][body]`.
//!
//! Key-id 0 means the body is plain, which it always is up here: [`crate::keyring`] seals and opens values below. A row
//! under another id that comes here all the same is answered with [`StoreError::Sealed`], never misread.

use bytes::{BufMut, Bytes, BytesMut};
use serde::{Serialize, de::DeserializeOwned};

use crate::{StoreError, Tree};

/// Key-id of a body that is not encrypted.
pub(crate) const PLAIN: u8 = 0;
/// Bytes before the body.
pub(crate) const HEADER: usize = 2;

/// How a body is laid out. The numbers are on disk and never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Codec {
    /// A record: MessagePack map with field names; unknown fields are skipped, missing ones take defaults.
    Record = 1,
    /// Bytes that the protocol library encoded itself.
    Raw = 2,
    /// Big-endian numbers in a fixed order, or nothing: index rows.
    Fixed = 3,
}

impl Codec {
    fn from_byte(byte: u8) -> Option<Self> {
        [Self::Record, Self::Raw, Self::Fixed].into_iter().find(|c| *c as u8 == byte)
    }
}

/// Wraps a body.
#[must_use]
pub fn seal(codec: Codec, body: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(HEADER + body.len());
    out.put_u8(codec as u8);
    out.put_u8(PLAIN);
    out.put_slice(body);
    out.freeze()
}

/// Wraps a record.
///
/// # Errors
/// [`StoreError::Corrupt`] when the record can't be expressed, which is a bug in its type.
pub fn seal_record<T: Serialize>(tree: Tree, record: &T) -> Result<Bytes, StoreError> {
    let mut out = vec![Codec::Record as u8, PLAIN];
    rmp_serde::encode::write_named(&mut out, record)
        .map_err(|_| StoreError::corrupt(tree, "the record can't be encoded"))?;
    Ok(out.into())
}

/// Takes the envelope off and checks that the body is laid out as expected.
///
/// # Errors
/// [`StoreError::Corrupt`] for another layout, [`StoreError::Sealed`] for an encrypted body.
pub fn open(tree: Tree, codec: Codec, value: &Bytes) -> Result<Bytes, StoreError> {
    if value.len() < HEADER {
        return Err(StoreError::corrupt(tree, "the envelope is cut off"));
    }
    if value[1] != PLAIN {
        return Err(StoreError::Sealed { tree: tree.name() });
    }
    match Codec::from_byte(value[0]) {
        Some(found) if found == codec => Ok(value.slice(HEADER..)),
        Some(_) => Err(StoreError::corrupt(tree, "the body has another layout than expected")),
        None => Err(StoreError::corrupt(tree, "the body has an unknown layout")),
    }
}

/// Takes the envelope off a record and decodes it.
///
/// # Errors
/// As [`open`], and [`StoreError::Corrupt`] when the body does not decode.
pub fn open_record<T: DeserializeOwned>(tree: Tree, value: &Bytes) -> Result<T, StoreError> {
    let body = open(tree, Codec::Record, value)?;
    rmp_serde::from_slice(&body).map_err(|_| StoreError::corrupt(tree, "the record does not decode"))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    struct Old {
        a: u32,
    }

    #[derive(Serialize, Deserialize, PartialEq, Debug, Default)]
    #[serde(default)]
    struct New {
        a: u32,
        b: String,
    }

    #[test]
    fn records_read_across_versions_both_ways() {
        let old = seal_record(Tree::Meta, &Old { a: 7 }).unwrap();
        assert_eq!(open_record::<New>(Tree::Meta, &old).unwrap(), New { a: 7, b: String::new() });
        let new = seal_record(Tree::Meta, &New { a: 8, b: "x".into() }).unwrap();
        assert_eq!(open_record::<Old>(Tree::Meta, &new).unwrap(), Old { a: 8 });
    }

    #[test]
    fn another_layout_or_a_key_is_an_error_not_a_guess() {
        let raw = seal(Codec::Raw, b"abc");
        assert_eq!(open(Tree::Wa, Codec::Raw, &raw).unwrap(), Bytes::from_static(b"abc"));
        assert!(matches!(open(Tree::Wa, Codec::Fixed, &raw), Err(StoreError::Corrupt { .. })));
        assert!(matches!(open(Tree::Wa, Codec::Raw, &Bytes::from_static(&[2, 9, 1])), Err(StoreError::Sealed { .. })));
        assert!(matches!(open(Tree::Wa, Codec::Raw, &Bytes::from_static(&[2])), Err(StoreError::Corrupt { .. })));
    }
}
