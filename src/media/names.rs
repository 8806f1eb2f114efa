//! Names of files.

/// Longest name, in bytes: what file systems take.
const LONGEST: usize = 255;

/// What is wrong with a name, if anything. A name with a path would end where its sender wants it to on a careless
/// receiver's disk.
#[must_use]
pub fn unfit_name(name: &str) -> Option<&'static str> {
    if name.trim().is_empty() {
        return Some("must not be empty");
    }
    if name.len() > LONGEST {
        return Some("must not be longer than 255 bytes");
    }
    if name.contains(['/', '\\']) || name == "." || name == ".." {
        return Some("must be a name without a path");
    }
    if name.chars().any(|c| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')) {
        return Some("must not have characters that can't be seen");
    }
    None
}

/// The last part of an address's path, where it is fit for a name.
pub(super) fn of_address(url: &url::Url) -> Option<String> {
    let last = url.path_segments()?.next_back()?;
    let name = percent_decoded(last)?;
    unfit_name(&name).is_none().then_some(name)
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        if *first == b'%' && tail.len() >= 2 {
            let pair = std::str::from_utf8(&tail[..2]).ok()?;
            bytes.push(u8::from_str_radix(pair, 16).ok()?);
            rest = &tail[2..];
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_no_path_and_nothing_hidden() {
        for bad in ["", " ", "../x", "a/b", "C:\\x", "..", "a\0b", "a\nb", "photo\u{202e}gpj.exe", &"x".repeat(256)] {
            assert!(unfit_name(bad).is_some(), "{bad:?}");
        }
        for good in ["a.pdf", "Übersicht 2026.xlsx", "..pdf", "文件.txt"] {
            assert_eq!(unfit_name(good), None, "{good}");
        }
    }

    #[test]
    fn an_address_gives_its_last_part() {
        let of = |text: &str| of_address(&text.parse().unwrap());
        assert_eq!(of("https://a.example/x/photo%20one.jpg?y=z").as_deref(), Some("photo one.jpg"));
        assert_eq!(of("https://a.example/x/..%2Fetc"), None);
        assert_eq!(of("https://a.example/"), None);
    }
}
