//! Films: how long they play and how large they are, from the boxes of an MP4 (ISO 14496-12).

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

/// Most boxes looked at: a file made to be slow ends here.
const MOST: usize = 512;

/// What was seen of a film.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Film {
    pub(super) seconds: Option<u32>,
    pub(super) width: Option<u32>,
    pub(super) height: Option<u32>,
}

/// Reads the boxes that say it. A file without them is no less a file.
pub(super) fn look(mut file: File) -> io::Result<Film> {
    let len = file.metadata()?.len();
    let (mut film, mut left) = (Film::default(), MOST);
    walk(&mut file, 0, len, &mut film, &mut left)?;
    Ok(film)
}

fn walk(file: &mut File, from: u64, to: u64, film: &mut Film, left: &mut usize) -> io::Result<()> {
    let mut at = from;
    while at.saturating_add(8) <= to && *left > 0 {
        *left -= 1;
        file.seek(SeekFrom::Start(at))?;
        let mut head = [0; 8];
        file.read_exact(&mut head)?;
        let mut size = u64::from(u32::from_be_bytes([head[0], head[1], head[2], head[3]]));
        let mut body = at + 8;
        if size == 1 {
            let mut large = [0; 8];
            if file.read_exact(&mut large).is_err() {
                return Ok(());
            }
            (size, body) = (u64::from_be_bytes(large), at + 16);
        } else if size == 0 {
            size = to - at;
        }
        let end = at.saturating_add(size);
        if end <= at || end > to || body > end {
            return Ok(());
        }
        match &head[4..8] {
            b"moov" | b"trak" => walk(file, body, end, film, left)?,
            b"mvhd" => film.seconds = length(&read_some(file, body, end)?),
            b"tkhd" => measure(&read_some(file, body, end)?, film),
            _ => {}
        }
        at = end;
    }
    Ok(())
}

fn read_some(file: &mut File, from: u64, to: u64) -> io::Result<Vec<u8>> {
    let mut some = vec![0; usize::try_from(to - from).unwrap_or(usize::MAX).min(128)];
    file.seek(SeekFrom::Start(from))?;
    file.read_exact(&mut some)?;
    Ok(some)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..at + 4)?.try_into().ok().map(|four| u64::from(u32::from_be_bytes(four)))
}

/// Version 1 has times of 64 bits.
fn length(mvhd: &[u8]) -> Option<u32> {
    let (scale, duration) = match mvhd.first()? {
        1 => (u32_at(mvhd, 20)?, u32_at(mvhd, 24)? << 32 | u32_at(mvhd, 28)?),
        _ => (u32_at(mvhd, 12)?, u32_at(mvhd, 16)?),
    };
    let seconds = duration.checked_div(scale)?;
    Some(u32::try_from(seconds.max(1)).unwrap_or(u32::MAX))
}

/// The first track that has a size; sound has none. 16 bits before the point, 16 behind it.
fn measure(tkhd: &[u8], film: &mut Film) {
    let at = if tkhd.first() == Some(&1) { 88 } else { 76 };
    let pixels = |at| u32_at(tkhd, at).map(|fixed| u32::try_from(fixed >> 16).unwrap_or_default()).filter(|n| *n > 0);
    if film.width.is_none()
        && let (Some(width), Some(height)) = (pixels(at), pixels(at + 4))
    {
        (film.width, film.height) = (Some(width), Some(height));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn boxed(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
        [&u32::try_from(body.len() + 8).unwrap().to_be_bytes()[..], kind, body].concat()
    }

    fn film(bytes: &[u8]) -> Film {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        look(file).unwrap()
    }

    #[test]
    fn length_and_size_are_found_wherever_the_box_stands() {
        let mut mvhd = vec![0; 100];
        mvhd[12..16].copy_from_slice(&1_000_u32.to_be_bytes());
        mvhd[16..20].copy_from_slice(&12_345_u32.to_be_bytes());
        let mut tkhd = vec![0; 84];
        let sound = boxed(b"trak", &boxed(b"tkhd", &tkhd));
        tkhd[76..80].copy_from_slice(&(640_u32 << 16).to_be_bytes());
        tkhd[80..84].copy_from_slice(&(480_u32 << 16).to_be_bytes());
        let seen = boxed(b"trak", &boxed(b"tkhd", &tkhd));
        let moov = boxed(b"moov", &[boxed(b"mvhd", &mvhd), sound, seen].concat());
        let (ftyp, mdat) = (boxed(b"ftyp", b"isom"), boxed(b"mdat", &[1; 5_000]));
        let found = Film { seconds: Some(12), width: Some(640), height: Some(480) };
        assert_eq!(film(&[ftyp.clone(), moov.clone(), mdat.clone()].concat()), found);
        assert_eq!(film(&[ftyp, mdat, moov].concat()), found);
    }

    #[test]
    fn boxes_that_lie_end_the_look() {
        assert_eq!(film(b"\0\0\0\x20ftypisom"), Film::default());
        assert_eq!(
            film(&[b"\0\0\0\x01moov\xff\xff\xff\xff\xff\xff\xff\xff".as_slice(), &[0; 50]].concat()),
            Film::default()
        );
        assert_eq!(film(&boxed(b"moov", b"").repeat(10_000)), Film::default());
    }
}
