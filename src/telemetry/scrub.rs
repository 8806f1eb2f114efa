//! Takes out of foreign log lines what must not be in a log: phone numbers, addresses of people, keys.

use std::sync::LazyLock;

/// What stands where something was taken out.
const CUT: &str = "…";

/// Digits in a row that are a phone number rather than a count.
const DIGITS: usize = 7;

/// Characters in a row that are a key or a code rather than a word.
const BLOB: usize = 40;

/// Masks runs of seven digits or more (also those of a `+62 812-…` number), the part before an `@`, and blobs of 40
/// characters or more.
#[must_use]
pub fn scrub(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (taken, masked) = number(rest).or_else(|| word(rest)).unwrap_or((first.len_utf8(), false));
        out.push_str(if masked { CUT } else { &rest[..taken] });
        rest = &rest[taken..];
    }
    out
}

/// A number with its country code and separators, from its `+` on.
fn number(text: &str) -> Option<(usize, bool)> {
    let body = text.strip_prefix('+')?;
    let end = body.find(|c: char| !c.is_ascii_digit() && !matches!(c, ' ' | '-' | '(' | ')')).unwrap_or(body.len());
    let written = body[..end].trim_end_matches([' ', '-', '(']);
    let digits = written.bytes().filter(u8::is_ascii_digit).count();
    (digits >= DIGITS).then_some((1 + written.len(), true))
}

/// A run of characters that names, keys and numbers are made of.
fn word(text: &str) -> Option<(usize, bool)> {
    let end = text.find(|c: char| !IN_WORD[c as usize & 0x7f] || !c.is_ascii()).unwrap_or(text.len());
    if end == 0 {
        return None;
    }
    let word = &text[..end];
    let address = text[end..].starts_with('@');
    let digits = word.split(|c: char| !c.is_ascii_digit()).any(|run| run.len() >= DIGITS);
    Some((end, address || digits || word.len() >= BLOB))
}

static IN_WORD: LazyLock<[bool; 128]> = LazyLock::new(|| {
    let mut table = [false; 128];
    for byte in (0..128_u8).filter(|byte| byte.is_ascii_alphanumeric() || b"._-=/+".contains(byte)) {
        table[usize::from(byte)] = true;
    }
    table
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_addresses_and_keys_are_cut() {
        for (text, expected) in [
            ("sent to 6281234567890@s.whatsapp.net ok", "sent to …@s.whatsapp.net ok"),
            ("from 12345:3@lid", "from 12345:…@lid"),
            ("call +62 812-3456-7890, now", "call …, now"),
            ("number 1234567", "number …"),
            ("took 123456 ms in 3 tries", "took 123456 ms in 3 tries"),
            ("id 3EB01234567890ABCDEF", "id …"),
            ("key AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= end", "key … end"),
            ("key AAAAAAAAAAAAAAAAAA+AAAAAAAAAAAAAAAA+AAAAAAAA= end", "key … end"),
            ("stream:error (515) ünïcode", "stream:error (515) ünïcode"),
            ("1 + 1 = 2", "1 + 1 = 2"),
            ("", ""),
        ] {
            assert_eq!(scrub(text), expected);
        }
    }
}
