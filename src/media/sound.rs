//! Sound: how long it plays, and how loud a voice note is along its way.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};

/// Values of a drawn loudness, and the largest of them (seen on the real network).
const VALUES: usize = 64;
const LOUDEST: u64 = 100;

/// Samples in a second of opus, whatever it was recorded with (RFC 7845).
const OPUS_RATE: u64 = 48_000;

/// Bytes of a page's head before its table (RFC 3533).
const PAGE_HEAD: usize = 27;

/// What was heard of a file.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Sound {
    pub(super) seconds: Option<u32>,
    pub(super) waveform: Option<Vec<u8>>,
}

/// Reads the pages of an ogg file. The waveform is drawn by the sizes of the packets, not by their samples: opus spends
/// bytes where there is something to hear, and nothing here decodes it.
pub(super) fn ogg(file: File, opus: bool) -> io::Result<Sound> {
    let mut reader = BufReader::with_capacity(64 * 1024, file);
    let (mut sizes, mut packet, mut last, mut skipped) = (Vec::new(), 0_u64, 0_u64, 0_u64);
    let mut head = [0; PAGE_HEAD];
    while read_whole(&mut reader, &mut head)? {
        if &head[..4] != b"OggS" {
            break;
        }
        let granule = u64::from_le_bytes(head[6..14].try_into().unwrap_or_default());
        let mut table = vec![0; usize::from(head[26])];
        if !read_whole(&mut reader, &mut table)? {
            break;
        }
        let body: u64 = table.iter().map(|length| u64::from(*length)).sum();
        let mut data = vec![0; usize::try_from(body).unwrap_or_default()];
        if !read_whole(&mut reader, &mut data)? {
            break;
        }
        if opus && data.starts_with(b"OpusHead") && data.len() >= 12 {
            skipped = u64::from(u16::from_le_bytes([data[10], data[11]]));
        }
        // −1 stands on pages on which no packet ends.
        if granule != u64::MAX {
            last = last.max(granule);
        }
        for length in &table {
            packet += u64::from(*length);
            if *length < 255 {
                sizes.push(packet);
                packet = 0;
            }
        }
    }
    // The first two packets are the head and the comments.
    let spoken = sizes.get(2..).unwrap_or_default();
    let seconds = opus.then(|| last.saturating_sub(skipped).div_ceil(OPUS_RATE)).filter(|_| last > 0);
    Ok(Sound {
        seconds: seconds.map(|seconds| u32::try_from(seconds.max(1)).unwrap_or(u32::MAX)),
        waveform: opus.then(|| drawn(spoken)).flatten(),
    })
}

fn read_whole(reader: &mut impl Read, out: &mut [u8]) -> io::Result<bool> {
    match reader.read_exact(out) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

/// 64 values of 0 to 100: the mean size of the packets in each part, of the largest mean.
fn drawn(sizes: &[u64]) -> Option<Vec<u8>> {
    if sizes.is_empty() {
        return None;
    }
    let mean = |part: usize| {
        let from = part * sizes.len() / VALUES;
        let to = ((part + 1) * sizes.len() / VALUES).max(from + 1).min(sizes.len());
        let part = &sizes[from.min(sizes.len() - 1)..to];
        part.iter().sum::<u64>() / part.len() as u64
    };
    let means: Vec<u64> = (0..VALUES).map(mean).collect();
    let most = means.iter().copied().max().unwrap_or_default().max(1);
    Some(means.into_iter().map(|mean| u8::try_from(mean * LOUDEST / most).unwrap_or(100)).collect())
}

/// How long an MP3 of a constant rate plays: by the rate of its first frame.
pub(super) fn mp3(mut file: File) -> io::Result<Option<u32>> {
    const KBITS: [u64; 15] = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
    let len = file.metadata()?.len();
    let mut head = [0; 10];
    if !read_whole(&mut file, &mut head)? {
        return Ok(None);
    }
    let tag = match &head {
        // A tag's length has seven bits in each byte.
        [b'I', b'D', b'3', _, _, _, size @ ..] => {
            10 + size.iter().fold(0, |sum, byte| sum << 7 | u64::from(*byte & 0x7f))
        }
        _ => 0,
    };
    file.seek(SeekFrom::Start(tag))?;
    let mut frame = [0; 4];
    if !read_whole(&mut file, &mut frame)? || frame[0] != 0xff || frame[1] & 0xfe != 0xfa {
        return Ok(None);
    }
    let rate = KBITS.get(usize::from(frame[2] >> 4)).copied().unwrap_or_default() * 1_000;
    let seconds = (len.saturating_sub(tag) * 8).checked_div(rate);
    Ok(seconds.map(|seconds| u32::try_from(seconds.max(1)).unwrap_or(u32::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn page(granule: u64, packets: &[Vec<u8>]) -> Vec<u8> {
        let mut table = Vec::new();
        for packet in packets {
            table.extend(std::iter::repeat_n(255_u8, packet.len() / 255));
            table.push((packet.len() % 255) as u8);
        }
        let mut page = b"OggS\0\0".to_vec();
        page.extend(granule.to_le_bytes());
        page.extend([0; 12]);
        page.push(u8::try_from(table.len()).unwrap());
        page.extend(table);
        page.extend(packets.concat());
        page
    }

    /// A voice note of 50 packets a second whose second half is louder.
    fn voice(seconds: u64) -> File {
        let mut head = b"OpusHead\x01\x01".to_vec();
        head.extend(312_u16.to_le_bytes());
        head.extend([0; 7]);
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&page(0, &[head])).unwrap();
        file.write_all(&page(0, &[b"OpusTags".to_vec()])).unwrap();
        for second in 1..=seconds {
            let loud = if second * 2 > seconds { 300 } else { 30 };
            file.write_all(&page(312 + second * OPUS_RATE, &vec![vec![1; loud]; 50])).unwrap();
        }
        file.rewind().unwrap();
        file
    }

    #[test]
    fn a_voice_note_says_how_long_and_how_loud_it_is() {
        let heard = ogg(voice(8), true).unwrap();
        assert_eq!(heard.seconds, Some(8));
        let drawn = heard.waveform.unwrap();
        assert_eq!((drawn.len(), drawn[0], drawn[63]), (64, 10, 100));
        assert_eq!(ogg(voice(1), true).unwrap().waveform.unwrap().len(), 64);
    }

    #[test]
    fn what_is_no_sound_has_no_length() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"OggS and nothing more").unwrap();
        file.rewind().unwrap();
        assert_eq!(ogg(file, true).unwrap(), Sound::default());
        assert_eq!(drawn(&[]), None);
    }

    #[test]
    fn an_mp3_plays_as_long_as_its_rate_says() {
        let mut file = tempfile::tempfile().unwrap();
        // MPEG 1 layer 3, 128 kbit/s: 16,000 bytes a second.
        file.write_all(b"ID3\x04\0\0\0\0\0\0").unwrap();
        file.write_all(&[0xff, 0xfb, 0x90, 0]).unwrap();
        file.write_all(&vec![0; 160_000]).unwrap();
        file.rewind().unwrap();
        assert_eq!(mp3(file).unwrap(), Some(10));
    }
}
