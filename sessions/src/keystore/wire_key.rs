//! Keys made of several parts that come from the wire.

use sha2::{Digest, Sha256};
use wasup_store::key::Key;

/// Parts whose lengths add up to more go in as one digest: three parts of the longest form that [`Key::wire`] lets
/// through, together with account, link and kind, would not fit into a key.
const PLAIN: usize = 150;

/// Appends a chat, a sender and a message's id. A key of the digest form has one part, all others have three, so they can't
/// meet.
pub(super) fn three(key: Key, [a, b, c]: [&str; 3]) -> Key {
    if a.len() + b.len() + c.len() <= PLAIN {
        return key.personal(a.as_bytes()).personal(b.as_bytes()).wire(c.as_bytes());
    }
    let mut digest = Sha256::new();
    for part in [a, b, c] {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part.as_bytes());
    }
    key.personal(&digest.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasup_store::key::MAX_KEY;
    use wasup_store::keyring::Keyring;
    use wasup_store::{RowKey, Tree};

    #[test]
    fn no_choice_of_parts_makes_a_long_or_shared_key() {
        let mut seen = std::collections::HashSet::new();
        for a in [0, 1, 64, 65, 150, 5_000] {
            for b in [0, 1, 64, 65, 86] {
                for c in [0, 1, 22, 64, 65, 100_000] {
                    let parts = ["a".repeat(a), "b".repeat(b), "c".repeat(c)];
                    let key = three(Key::new().u32(1).u32(1).u8(1), [&parts[0], &parts[1], &parts[2]]);
                    let key = key.stored(Tree::Wa, &Keyring::plain()).into_owned();
                    assert!(key.len() <= MAX_KEY, "{a} {b} {c}: {}", key.len());
                    assert!(seen.insert(key), "{a} {b} {c}");
                }
            }
        }
        assert_ne!(three(Key::new(), ["ab", "c", ""]), three(Key::new(), ["a", "bc", ""]));
    }
}
