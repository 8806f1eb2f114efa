//! Sealed values: their bytes, and everything that must not open.

use data_encoding::HEXLOWER;

use super::*;
use crate::envelope::seal;

const UUID: u128 = 0x0011_2233_4455_6677_8899_aabb_ccdd_eeff;

fn keyring(first: u8) -> Keyring {
    let mut key = [7; MASTER_KEY_LEN];
    key[0] = first;
    Keyring::new(&MasterKey::new(key), UUID)
}

fn sealed(key: &[u8], codec: Codec, body: &[u8]) -> Bytes {
    let keyring = keyring(1);
    keyring.0.as_ref().unwrap().seal(Tree::Wa, key, &seal(codec, body), [0x24; NONCE])
}

/// The layout on disk. A change of any of these makes every encrypted store unreadable.
#[test]
fn the_stored_bytes_are_the_ones_on_disk() {
    let one = HEXLOWER.encode(&sealed(&[0, 0, 0, 1, 9], Codec::Raw, b"a body"));
    let empty = HEXLOWER.encode(&sealed(&[0, 0, 0, 1, 9], Codec::Record, b""));
    let other = HEXLOWER.encode(&sealed(&[0, 0, 0, 2, 9], Codec::Raw, b"a body"));
    let check = HEXLOWER.encode(&keyring(1).check_row().unwrap());
    insta::assert_snapshot!([one, empty, other, check].join("\n"));
}

#[test]
fn what_was_sealed_opens_at_its_own_place_only() {
    let key = [0, 0, 0, 1, 9];
    let value = seal(Codec::Raw, b"a body");
    let ours = keyring(1);
    let stored = ours.seal(Tree::Wa, &key, value.clone());
    assert_eq!(stored.len(), value.len() + NONCE + TAG);
    assert_eq!(ours.open(Tree::Wa, &key, stored.clone()).unwrap(), value);
    assert_eq!(keyring(1).open(Tree::Wa, &key, stored.clone()).unwrap(), value, "after a restart");
    let moved = [
        ours.open(Tree::Wa, &[0, 0, 0, 1, 8], stored.clone()),
        ours.open(Tree::Wa, &[0, 0, 0, 1, 9, 0], stored.clone()),
        ours.open(Tree::Wa, &[0, 0, 0, 2, 9], stored.clone()),
        ours.open(Tree::Msg, &key, stored.clone()),
        ours.open(Tree::Event, &key, stored.clone()),
        keyring(2).open(Tree::Wa, &key, stored.clone()),
        Keyring::new(&MasterKey::new([7; 32]), UUID + 1).open(Tree::Wa, &key, stored.clone()),
    ];
    for answer in moved {
        assert!(matches!(answer, Err(StoreError::Corrupt { .. })), "{answer:?}");
    }
    assert!(matches!(Keyring::plain().open(Tree::Wa, &key, stored), Err(StoreError::Sealed { .. })));
}

#[test]
fn no_bit_can_be_flipped_and_no_byte_cut_off() {
    let key = [0, 0, 0, 1, 9];
    for codec in [Codec::Record, Codec::Raw] {
        let stored = sealed(&key, codec, b"a body");
        let ours = keyring(1);
        for bit in 0..stored.len() * 8 {
            let mut flipped = stored.to_vec();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let answer = ours.open(Tree::Wa, &key, flipped.into());
            assert!(matches!(answer, Err(StoreError::Corrupt { .. } | StoreError::Sealed { .. })), "bit {bit}");
        }
        for length in HEADER..stored.len() {
            assert!(ours.open(Tree::Wa, &key, stored.slice(..length)).is_err(), "{length} bytes");
        }
    }
}

#[test]
fn a_plain_row_can_not_be_smuggled_in_and_numbers_stay_plain() {
    let ours = keyring(1);
    for codec in [Codec::Record, Codec::Raw] {
        let plain = seal(codec, b"not from us");
        assert!(matches!(ours.open(Tree::Wa, b"k", plain.clone()), Err(StoreError::Corrupt { .. })));
        assert_eq!(Keyring::plain().open(Tree::Wa, b"k", plain.clone()).unwrap(), plain);
        assert_eq!(Keyring::plain().seal(Tree::Wa, b"k", plain.clone()), plain);
    }
    let fixed = seal(Codec::Fixed, &[1, 2]);
    assert_eq!(ours.seal(Tree::Wa, b"k", fixed.clone()), fixed);
    assert_eq!(ours.open(Tree::Wa, b"k", fixed.clone()).unwrap(), fixed);
    // Sealed under the codec that is never sealed: nobody wrote that.
    let odd = ours.0.as_ref().unwrap().seal(Tree::Wa, b"k", &fixed, [1; NONCE]);
    assert!(matches!(ours.open(Tree::Wa, b"k", odd), Err(StoreError::Corrupt { .. })));
}

#[test]
fn nonces_never_repeat() {
    let ours = keyring(1);
    let value = seal(Codec::Raw, b"the same");
    let mut seen = std::collections::HashSet::new();
    for _ in 0..1_000 {
        let stored = ours.seal(Tree::Wa, b"same", value.clone());
        assert!(seen.insert(stored[HEADER..HEADER + NONCE].to_vec()));
    }
}

#[test]
fn a_wrong_key_is_recognised() {
    let row = keyring(1).check_row().unwrap();
    assert_eq!(keyring(1).matches(&row), Some(true));
    assert_eq!(keyring(2).matches(&row), Some(false));
    assert_eq!(keyring(1).matches(&[&[2], &row[1..]].concat()), None, "a key-id of a later version");
    assert_eq!(keyring(1).matches(&row[..9]), None);
    assert_eq!(Keyring::plain().check_row(), None);
}
