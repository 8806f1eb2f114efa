//! What a file is by its first bytes, and whether that is what it was said to be.

use super::refusal::MediaRefusal;

/// A type that says nothing.
pub(super) const UNKNOWN: &str = "application/octet-stream";

/// What the first bytes say; `None` where nothing is known by them.
pub(super) fn sniff(head: &[u8]) -> Option<&'static str> {
    if head.starts_with(b"OggS") {
        return Some(ogg(head));
    }
    if let Some(brand) = head.get(4..8).filter(|tag| *tag == b"ftyp").and_then(|_| head.get(8..12)) {
        return Some(match brand {
            b"M4A " | b"M4B " => "audio/mp4",
            b"3gp4" | b"3gp5" | b"3gp6" | b"3g2a" => "video/3gpp",
            b"qt  " => "video/quicktime",
            b"heic" | b"heix" | b"mif1" => "image/heic",
            b"avif" => "image/avif",
            _ => "video/mp4",
        });
    }
    // Sound without a container: a frame's sync, or a tag before it.
    if matches!(head, [0xff, 0xf1 | 0xf9, ..]) {
        return Some("audio/aac");
    }
    if head.starts_with(b"#!AMR") {
        return Some("audio/amr");
    }
    infer::get(head).map(|kind| kind.mime_type())
}

fn ogg(head: &[u8]) -> &'static str {
    let first = head.get(28..).unwrap_or_default();
    if first.starts_with(b"OpusHead") {
        "audio/ogg; codecs=opus"
    } else if first.starts_with(b"\x80theora") {
        "video/ogg"
    } else {
        "audio/ogg"
    }
}

fn essence(mimetype: &str) -> String {
    mimetype.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Containers whose bytes do not say whether there is a picture in them.
fn same_container(declared: &str, found: &str) -> bool {
    let pair = |a: &str, b: &str| (declared == a && found == b) || (declared == b && found == a);
    pair("audio/mp4", "video/mp4")
        || pair("audio/x-m4a", "audio/mp4")
        || pair("audio/m4a", "audio/mp4")
        || pair("audio/webm", "video/webm")
        || pair("audio/opus", "audio/ogg")
        || pair("audio/3gpp", "video/3gpp")
        || pair("audio/mp3", "audio/mpeg")
        || pair("application/ogg", "audio/ogg")
}

fn has_bytes_of_its_own(mimetype: &str) -> bool {
    mimetype.starts_with("image/") && mimetype != "image/svg+xml"
        || mimetype.starts_with("video/")
        || mimetype.starts_with("audio/")
        || mimetype == "application/pdf"
}

/// The type that a file is given: what its bytes are, in the words that it was declared with where they agree.
///
/// # Errors
/// [`MediaRefusal::TypeMismatch`] where they do not.
pub(super) fn agree(declared: Option<&str>, head: &[u8]) -> Result<String, MediaRefusal> {
    let found = sniff(head);
    let Some(declared) = declared.map(str::trim).filter(|text| !text.is_empty() && essence(text) != UNKNOWN) else {
        return Ok(found.unwrap_or(UNKNOWN).to_owned());
    };
    let (said, mismatch) = (essence(declared), |found: &str| MediaRefusal::TypeMismatch {
        declared: essence(declared),
        found: found.to_owned(),
    });
    let Some(found) = found else {
        // Text and most documents have no first bytes of their own; pictures, films and sounds have.
        return if has_bytes_of_its_own(&said) { Err(mismatch("nothing that is known")) } else { Ok(said) };
    };
    let is = essence(found);
    if said == is {
        // What the bytes say may be the more exact: `audio/ogg; codecs=opus`.
        return Ok(if found.len() > said.len() { found.to_owned() } else { said });
    }
    let (family, family_is) = (said.split('/').next().unwrap_or_default(), is.split('/').next().unwrap_or_default());
    let both_shown = |family: &str| matches!(family, "image" | "video" | "audio");
    if same_container(&said, &is) {
        return Ok(if said == "audio/opus" || said == "application/ogg" { found.to_owned() } else { said });
    }
    if both_shown(family) && family == family_is {
        // A JPEG that is called a PNG is a picture all the same: its bytes decide.
        return Ok(found.to_owned());
    }
    if !both_shown(family) && !both_shown(family_is) && !has_bytes_of_its_own(&said) {
        return Ok(said);
    }
    Err(mismatch(&is))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
    const JPEG: &[u8] = b"\xff\xd8\xff\xe0\0\x10JFIF";
    const PDF: &[u8] = b"%PDF-1.7\n";
    const ZIP: &[u8] = b"PK\x03\x04\x14\0\0\0";

    #[test]
    fn the_bytes_decide_and_must_agree_with_what_is_said() {
        for (declared, head, result) in [
            (None, PNG, Some("image/png")),
            (Some("image/png"), PNG, Some("image/png")),
            (Some("image/jpeg"), PNG, Some("image/png")),
            (Some("image/jpeg"), JPEG, Some("image/jpeg")),
            (Some("application/octet-stream"), JPEG, Some("image/jpeg")),
            (Some("image/png"), PDF, None),
            (Some("application/pdf"), PNG, None),
            (Some("application/pdf"), b"hello".as_slice(), None),
            (Some("video/mp4"), b"hello", None),
            (Some("text/plain; charset=utf-8"), b"hello", Some("text/plain")),
            (Some("text/plain"), PNG, None),
            (
                Some("application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
                ZIP,
                Some("application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
            ),
            (Some("application/pdf"), ZIP, None),
            (None, b"hello", Some("application/octet-stream")),
            (Some("audio/mp4"), b"\0\0\0\x20ftypisom", Some("audio/mp4")),
            (Some("image/jpeg"), b"\0\0\0\x20ftypisom", None),
        ] {
            let got = agree(declared, head).ok();
            assert_eq!(got.as_deref(), result, "{declared:?} {:?}", String::from_utf8_lossy(head));
        }
    }

    #[test]
    fn opus_in_ogg_is_told_from_other_ogg() {
        let mut head = b"OggS".to_vec();
        head.resize(28, 0);
        let opus = [head.clone(), b"OpusHead".to_vec()].concat();
        assert_eq!(agree(Some("audio/ogg"), &opus).unwrap(), "audio/ogg; codecs=opus");
        assert_eq!(agree(None, &head).unwrap(), "audio/ogg");
    }
}
