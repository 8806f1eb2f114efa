//! Small files of every kind, made here.

use std::io::Cursor;

use image::{ImageFormat, RgbImage};

/// A picture that has no small copy of itself: its bytes are what they are.
pub(crate) fn picture(format: ImageFormat) -> Vec<u8> {
    let drawn = RgbImage::from_fn(160, 80, |x, y| image::Rgb([x as u8, y as u8, (x * y) as u8]));
    let mut bytes = Cursor::new(Vec::new());
    drawn.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// A film of 12 seconds, 640 × 480, without a picture in it.
pub(crate) fn film() -> Vec<u8> {
    let boxed =
        |kind: &[u8; 4], body: &[u8]| [&u32::try_from(body.len() + 8).unwrap().to_be_bytes()[..], kind, body].concat();
    let mut mvhd = vec![0; 100];
    mvhd[12..16].copy_from_slice(&1_000_u32.to_be_bytes());
    mvhd[16..20].copy_from_slice(&12_345_u32.to_be_bytes());
    let mut tkhd = vec![0; 84];
    tkhd[76..80].copy_from_slice(&(640_u32 << 16).to_be_bytes());
    tkhd[80..84].copy_from_slice(&(480_u32 << 16).to_be_bytes());
    let moov = boxed(b"moov", &[boxed(b"mvhd", &mvhd), boxed(b"trak", &boxed(b"tkhd", &tkhd))].concat());
    [boxed(b"ftyp", b"isom\0\0\0\0isom"), moov, boxed(b"mdat", &pattern(50_000))].concat()
}

/// A voice note of 3 seconds: pages and packets of ogg with opus, and nothing to hear in them.
pub(crate) fn voice() -> Vec<u8> {
    let page = |granule: u64, packets: &[Vec<u8>]| {
        let mut page = b"OggS\0\0".to_vec();
        page.extend(granule.to_le_bytes());
        page.extend([0; 12]);
        page.push(u8::try_from(packets.len()).unwrap());
        page.extend(packets.iter().map(|packet| u8::try_from(packet.len()).unwrap()));
        page.extend(packets.concat());
        page
    };
    let mut head = b"OpusHead\x01\x01".to_vec();
    head.extend([0; 9]);
    let second = |n: u64| page(n * 48_000, &vec![vec![1; 40 + 60 * usize::try_from(n).unwrap()]; 50]);
    [page(0, &[head]), page(0, &[b"OpusTags".to_vec()]), second(1), second(2), second(3)].concat()
}

/// Sound as a file: 10 seconds of an MP3 with a constant rate.
pub(crate) fn sound() -> Vec<u8> {
    [&[0xff, 0xfb, 0x90, 0][..], &vec![0; 160_000]].concat()
}

/// Bytes that are nothing.
pub(crate) fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at % 251) as u8).collect()
}

/// Each kind with a file that is one, and its type.
pub(crate) fn of_every_kind() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    vec![
        ("image", "image/png", picture(ImageFormat::Png)),
        ("image", "image/jpeg", picture(ImageFormat::Jpeg)),
        ("video", "video/mp4", film()),
        ("gif", "video/mp4", film()),
        ("audio", "audio/mpeg", sound()),
        ("voice", "audio/ogg; codecs=opus", voice()),
        ("document", "application/pdf", [b"%PDF-1.7\n".as_slice(), &pattern(70_000)].concat()),
        ("sticker", "image/webp", picture(ImageFormat::WebP)),
    ]
}
