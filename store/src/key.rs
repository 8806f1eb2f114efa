//! How keys are built and taken apart: big-endian numbers, short strings, and long wire parts as their SHA-256.
//!
//! What names a human (addresses, phone numbers, accounts) goes in as a personal part. In a plain store it stands there as
//! any other; an encrypted one stores a veil in its place (see [`crate::keyring`]).

use std::fmt;
use std::ops::Range;

use sha2::{Digest, Sha256};

/// The longest key a row may have, in bytes. An index node of the engine holds up to 256 keys and must stay well
/// below a quarter of a segment.
pub const MAX_KEY: usize = 200;

/// The longest key part taken over from the wire as it is; longer ones go in as their SHA-256.
pub const MAX_WIRE_PART: usize = 64;

/// Builds a key part by part.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Key {
    bytes: Vec<u8>,
    personal: Vec<Range<usize>>,
}

/// Shows the length only: keys may hold phone numbers, and debug output ends in logs.
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({} bytes)", self.bytes.len())
    }
}

impl Key {
    /// An empty key.
    #[must_use]
    pub fn new() -> Self {
        Self { bytes: Vec::with_capacity(40), personal: Vec::new() }
    }

    /// Appends one byte.
    #[must_use]
    pub fn u8(mut self, value: u8) -> Self {
        self.bytes.push(value);
        self
    }

    /// Appends a big-endian number.
    #[must_use]
    pub fn u32(mut self, value: u32) -> Self {
        self.bytes.extend_from_slice(&value.to_be_bytes());
        self
    }

    /// Appends a big-endian number.
    #[must_use]
    pub fn u64(mut self, value: u64) -> Self {
        self.bytes.extend_from_slice(&value.to_be_bytes());
        self
    }

    /// Appends bytes of fixed length, or the last part of the key.
    #[must_use]
    pub fn bytes(mut self, value: &[u8]) -> Self {
        self.bytes.extend_from_slice(value);
        self
    }

    /// Appends a part that came from the wire, ended by a zero byte. A part that is longer than [`MAX_WIRE_PART`] or
    /// holds a zero byte goes in as `0x01` and its SHA-256, so that a peer can't choose a giant or colliding key; its
    /// full text belongs in the value.
    #[must_use]
    pub fn wire(mut self, value: &[u8]) -> Self {
        if value.len() <= MAX_WIRE_PART && !value.contains(&0) && value.first() != Some(&1) {
            self.bytes.extend_from_slice(value);
        } else {
            self.bytes.push(1);
            self.bytes.extend_from_slice(data_encoding::HEXLOWER.encode(&Sha256::digest(value)).as_bytes());
        }
        self.bytes.push(0);
        self
    }

    /// Appends a part as [`Key::wire`] does, of which an encrypted store shows nothing: for whatever names a human.
    #[must_use]
    pub fn personal(mut self, value: &[u8]) -> Self {
        let start = self.bytes.len();
        self = self.wire(value);
        // Its end stays outside, so that parts can be told apart.
        self.personal.push(start..self.bytes.len() - 1);
        self
    }

    /// The finished key, which must have no personal parts: those are not stored as they are.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        debug_assert!(self.personal.is_empty(), "a personal key was to be used without its veil");
        &self.bytes
    }

    /// The finished key, as [`Key::as_slice`].
    #[must_use]
    pub fn into_vec(self) -> Vec<u8> {
        debug_assert!(self.personal.is_empty(), "a personal key was to be used without its veil");
        self.bytes
    }

    /// The key without any veil.
    pub(crate) fn plain(&self) -> &[u8] {
        &self.bytes
    }

    /// Where its personal parts stand, in order.
    pub(crate) fn personal_parts(&self) -> &[Range<usize>] {
        &self.personal
    }
}

/// The first key after every key that begins with `prefix`, or `None` where no such key exists.
#[must_use]
pub fn prefix_end(prefix: &[u8]) -> Option<Vec<u8>> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < 0xff {
            end.push(last + 1);
            return Some(end);
        }
    }
    None
}

/// Reads fixed-width parts from the front of a key. Answers `None` where the key is shorter than asked.
#[derive(Debug, Clone, Copy)]
pub struct Parts<'a>(pub &'a [u8]);

impl<'a> Parts<'a> {
    /// The next byte.
    pub fn u8(&mut self) -> Option<u8> {
        self.take(1).map(|b| b[0])
    }

    /// The next big-endian number.
    pub fn u32(&mut self) -> Option<u32> {
        self.take(4).and_then(|b| b.try_into().ok()).map(u32::from_be_bytes)
    }

    /// The next big-endian number.
    pub fn u64(&mut self) -> Option<u64> {
        self.take(8).and_then(|b| b.try_into().ok()).map(u64::from_be_bytes)
    }

    /// The next `n` bytes.
    pub fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(n)?;
        self.0 = rest;
        Some(head)
    }

    /// What is left.
    #[must_use]
    pub fn rest(self) -> &'a [u8] {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_or_odd_wire_parts_become_a_digest_of_fixed_length() {
        let short = Key::new().wire(b"3EB0ABCDEF").into_vec();
        assert_eq!(short, b"3EB0ABCDEF\0");
        for odd in [vec![b'x'; 65], b"a\0b".to_vec(), b"\x01fake".to_vec(), vec![b'y'; 100_000]] {
            let key = Key::new().wire(&odd).into_vec();
            assert_eq!(key.len(), 66);
            assert_eq!(key[0], 1);
        }
    }

    #[test]
    fn a_prefix_ends_before_its_successor() {
        assert_eq!(prefix_end(b"ab"), Some(b"ac".to_vec()));
        assert_eq!(prefix_end(b"a\xff"), Some(b"b".to_vec()));
        assert_eq!(prefix_end(b"\xff\xff"), None);
    }
}
