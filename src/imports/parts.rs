//! Contacts of a file in parts by place, on the disk: so that they come into the list in its own order, each of its rows
//! written once, and a number that stands twice in the file meets itself. In memory there is one part at most, packed.
//!
//! A row there: its bytes from here on (u32), its line (u64), number, name, fields and tags; texts behind their lengths (u32).

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use wasup_store::records::ListedContact;
use wasup_store::repo::listed::place;

/// Bits of a place.
const PLACE_BITS: u32 = 24;
/// Most parts, as a power of two.
const MOST_BITS: u32 = 8;
/// Bytes of a file for each part, about.
const PART_BYTES: u64 = 256 * 1024;
/// Bytes of a length.
const LENGTH: usize = 4;
/// Bytes of a part that wait in memory for the disk.
const BUFFER: usize = 16 * 1024;

/// A contact and the line of the file where it stands.
pub(super) type Numbered = (u64, ListedContact);

/// Parts that are being filled.
pub(super) struct Parts {
    folder: PathBuf,
    files: Vec<BufWriter<File>>,
}

/// Rows on their way to the parts: bytes by part.
#[derive(Default)]
pub(super) struct Sorted(BTreeMap<usize, Vec<u8>>);

/// How many parts a file of this size comes to, as a power of two. The same file always has as many.
pub(super) fn bits(size: u64) -> u32 {
    let parts = size.div_ceil(PART_BYTES).max(1);
    parts.next_power_of_two().ilog2().min(MOST_BITS)
}

fn path(folder: &Path, part: usize) -> PathBuf {
    folder.join(part.to_string())
}

impl Parts {
    /// Empty parts in a folder of their own. What an earlier process left there goes.
    pub(super) fn create(folder: &Path, bits: u32) -> io::Result<Self> {
        match std::fs::remove_dir_all(folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => std::fs::create_dir_all(folder)?,
        }
        let open = |part| {
            let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path(folder, part))?;
            Ok(BufWriter::with_capacity(BUFFER, file))
        };
        let files = (0..1_usize << bits).map(open).collect::<io::Result<_>>()?;
        Ok(Self { folder: folder.to_owned(), files })
    }

    pub(super) fn push(&mut self, rows: Sorted) -> io::Result<()> {
        rows.0.into_iter().try_for_each(|(part, bytes)| self.files[part].write_all(&bytes))
    }

    /// All is there.
    pub(super) fn finish(mut self) -> io::Result<Filled> {
        self.files.iter_mut().try_for_each(Write::flush)?;
        Ok(Filled { folder: self.folder, parts: self.files.len() })
    }
}

impl Sorted {
    pub(super) fn push(&mut self, bits: u32, line: u64, contact: &ListedContact) {
        let part = (place(&contact.number) >> (PLACE_BITS - bits)) as usize;
        let out = self.0.entry(part).or_default();
        let begin = out.len();
        count(out, 0);
        out.extend_from_slice(&line.to_le_bytes());
        put(out, &contact.number);
        put(out, contact.name.as_deref().unwrap_or_default());
        count(out, contact.fields.len());
        for (name, value) in &contact.fields {
            put(out, name);
            put(out, value);
        }
        count(out, contact.tags.len());
        contact.tags.iter().for_each(|tag| put(out, tag));
        let length = u32::try_from(out.len() - begin - LENGTH).unwrap_or(u32::MAX);
        out[begin..begin + LENGTH].copy_from_slice(&length.to_le_bytes());
    }
}

fn count(out: &mut Vec<u8>, n: usize) {
    out.extend_from_slice(&u32::try_from(n).unwrap_or(u32::MAX).to_le_bytes());
}

fn put(out: &mut Vec<u8>, text: &str) {
    count(out, text.len());
    out.extend_from_slice(text.as_bytes());
}

/// Parts that are whole. They go when this does.
pub(super) struct Filled {
    folder: PathBuf,
    parts: usize,
}

impl Drop for Filled {
    fn drop(&mut self) {
        // What stays goes when the process starts again.
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

impl Filled {
    pub(super) const fn parts(&self) -> usize {
        self.parts
    }

    /// The contacts of a part, in the order of the list, and of their lines where numbers are equal.
    pub(super) fn part(&self, part: usize) -> io::Result<Part> {
        let mut bytes = Vec::new();
        File::open(path(&self.folder, part))?.read_to_end(&mut bytes)?;
        Ok(Part::of(bytes).ok_or(io::ErrorKind::InvalidData)?)
    }
}

/// Rows of a part, still packed: contacts take many times as much memory, so each is unpacked when its turn comes.
pub(super) struct Part {
    bytes: Vec<u8>,
    /// Where each begins, in the order of the list.
    order: std::vec::IntoIter<usize>,
}

impl Part {
    fn of(bytes: Vec<u8>) -> Option<Self> {
        let (mut rows, mut at) = (Vec::new(), 0);
        while at < bytes.len() {
            let mut rest = bytes.get(at..)?;
            let length = number(&mut rest)?;
            let line = take(&mut rest, 8)?;
            let digits = slice(&mut rest)?;
            rows.push((place(digits), digits, u64::from_le_bytes(line.try_into().ok()?), at + LENGTH));
            at += LENGTH + length;
        }
        rows.sort_unstable();
        let order: Vec<usize> = rows.into_iter().map(|(.., at)| at).collect();
        Some(Self { bytes, order: order.into_iter() })
    }
}

impl Iterator for Part {
    type Item = io::Result<Numbered>;

    fn next(&mut self) -> Option<io::Result<Numbered>> {
        let at = self.order.next()?;
        let unpacked = self.bytes.get(at..).and_then(|mut rest| row(&mut rest));
        Some(unpacked.ok_or_else(|| io::ErrorKind::InvalidData.into()))
    }
}

fn take<'a>(rest: &mut &'a [u8], n: usize) -> Option<&'a [u8]> {
    let (head, tail) = rest.split_at_checked(n)?;
    *rest = tail;
    Some(head)
}

fn number(rest: &mut &[u8]) -> Option<usize> {
    let bytes = take(rest, 4)?.try_into().ok()?;
    usize::try_from(u32::from_le_bytes(bytes)).ok()
}

fn slice<'a>(rest: &mut &'a [u8]) -> Option<&'a str> {
    let length = number(rest)?;
    std::str::from_utf8(take(rest, length)?).ok()
}

fn text(rest: &mut &[u8]) -> Option<String> {
    slice(rest).map(str::to_owned)
}

fn row(rest: &mut &[u8]) -> Option<Numbered> {
    let line = u64::from_le_bytes(take(rest, 8)?.try_into().ok()?);
    let digits = text(rest)?;
    let name = Some(text(rest)?).filter(|name| !name.is_empty());
    let fields = (0..number(rest)?).map(|_| Some((text(rest)?, text(rest)?))).collect::<Option<BTreeMap<_, _>>>()?;
    let tags = (0..number(rest)?).map(|_| text(rest)).collect::<Option<BTreeSet<_>>>()?;
    Some((line, ListedContact { number: digits, name, fields, tags, added_ms: 0 }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_in_comes_out_in_the_order_of_the_list() {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().join("parts");
        for _ in 0..2 {
            let mut parts = Parts::create(&at, 3).unwrap();
            let contact = |n: u64| ListedContact {
                number: format!("62812{:07}", n % 90),
                name: n.is_multiple_of(2).then(|| format!("N{n}")),
                fields: BTreeMap::from([("city".into(), "größe".into())]),
                tags: BTreeSet::from(["a".into(), n.to_string()]),
                added_ms: 0,
            };
            for chunk in (0..100_u64).collect::<Vec<_>>().chunks(7) {
                let mut sorted = Sorted::default();
                chunk.iter().for_each(|n| sorted.push(3, *n, &contact(*n)));
                parts.push(sorted).unwrap();
            }
            let filled = parts.finish().unwrap();
            let all = (0..filled.parts()).flat_map(|part| filled.part(part).unwrap());
            let all: Vec<Numbered> = all.collect::<io::Result<_>>().unwrap();
            assert_eq!(all.len(), 100);
            assert!(all.iter().all(|(line, one)| *one == contact(*line)));
            let order: Vec<_> = all.iter().map(|(line, one)| (place(&one.number), one.number.clone(), *line)).collect();
            assert!(order.is_sorted());
            drop(filled);
            assert!(!at.exists());
        }
        assert_eq!([0, 1, 300_000, 30_000_000, 1 << 40].map(bits), [0, 0, 1, 7, 8]);
        for damaged in [&[1, 0, 0, 0][..], &[0; 11], &[200; 40]] {
            assert!(Part::of(damaged.to_vec()).is_none());
        }
    }
}
