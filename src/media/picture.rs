//! Pictures: their size by their head, and a small one of them, within limits of memory.

use std::fs::File;
use std::io::{BufReader, Cursor};
use std::sync::Mutex;

use image::codecs::jpeg::JpegEncoder;
use image::{ImageReader, Limits};

use super::refusal::MediaRefusal;
use super::rules::PIXELS_MAX;

/// Width and height that a small picture has at most.
const SMALL: u32 = 100;

/// Bytes of a pixel while it is decoded, at most: 16 bits for each of four colours.
const PIXEL_BYTES: u64 = 8;

/// How well a small picture is kept, of 100: a few KiB.
const QUALITY: u8 = 60;

/// One picture at a time: each may take as much memory as the limit says.
static DECODING: Mutex<()> = Mutex::new(());

/// What was seen of a picture.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Picture {
    pub(super) width: u32,
    pub(super) height: u32,
    /// JPEG.
    pub(super) small: Option<Vec<u8>>,
}

fn reader(file: File) -> Result<ImageReader<BufReader<File>>, std::io::Error> {
    ImageReader::new(BufReader::new(file)).with_guessed_format()
}

/// Looks at a picture. The file is opened anew for each look. No small picture is made of one with more pixels than
/// `pixels_max`.
///
/// # Errors
/// [`MediaRefusal`] where it is none, or one that nobody should decode.
pub(super) fn look(open: impl Fn() -> std::io::Result<File>, pixels_max: u64) -> Result<Picture, MediaRefusal> {
    let damaged = |_| MediaRefusal::Damaged("a picture".into());
    let (width, height) = reader(open()?)?.into_dimensions().map_err(damaged)?;
    let pixels = u64::from(width) * u64::from(height);
    if pixels > PIXELS_MAX || pixels == 0 {
        return Err(MediaRefusal::TooManyPixels { width, height });
    }
    if pixels > pixels_max {
        return Ok(Picture { width, height, small: None });
    }
    let _one = DECODING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let mut whole = reader(open()?)?;
    let mut limits = Limits::default();
    limits.max_alloc = Some(pixels.saturating_mul(PIXEL_BYTES).max(1 << 20));
    whole.limits(limits);
    let small = whole.decode().map_err(damaged)?.thumbnail(SMALL, SMALL).into_rgb8();
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, QUALITY).encode_image(&small).map_err(damaged)?;
    Ok(Picture { width, height, small: Some(jpeg) })
}

/// Width and height that a picture of a group has at most, as the network shows it.
const SHOWN: u32 = 640;

/// How well it is kept, of 100.
const SHOWN_QUALITY: u8 = 85;

/// The middle of a picture as a square JPEG, as pictures of people and groups are.
///
/// # Errors
/// [`MediaRefusal`] where it is none, or one that nobody should decode.
pub fn square(bytes: &[u8]) -> Result<Vec<u8>, MediaRefusal> {
    let damaged = |_| MediaRefusal::Damaged("a picture".into());
    if bytes.is_empty() {
        return Err(MediaRefusal::Empty);
    }
    let reader = || ImageReader::new(Cursor::new(bytes)).with_guessed_format();
    let (width, height) = reader()?.into_dimensions().map_err(damaged)?;
    let pixels = u64::from(width) * u64::from(height);
    if pixels > PIXELS_MAX || pixels == 0 {
        return Err(MediaRefusal::TooManyPixels { width, height });
    }
    let _one = DECODING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let mut whole = reader()?;
    let mut limits = Limits::default();
    limits.max_alloc = Some(pixels.saturating_mul(PIXEL_BYTES).max(1 << 20));
    whole.limits(limits);
    let side = width.min(height);
    let cut = whole.decode().map_err(damaged)?.crop_imm((width - side) / 2, (height - side) / 2, side, side);
    let shown = if side > SHOWN { cut.thumbnail_exact(SHOWN, SHOWN) } else { cut };
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, SHOWN_QUALITY).encode_image(&shown.into_rgb8()).map_err(damaged)?;
    Ok(jpeg)
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{ImageFormat, RgbImage};
    use std::path::Path;

    fn write(path: &Path, width: u32, height: u32, format: ImageFormat) {
        RgbImage::from_fn(width, height, |x, y| image::Rgb([x as u8, y as u8, 7]))
            .save_with_format(path, format)
            .unwrap();
    }

    #[test]
    fn pictures_have_a_size_and_a_small_one_of_a_few_kilobytes() {
        let folder = tempfile::tempdir().unwrap();
        for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP, ImageFormat::Gif] {
            let path = folder.path().join("p");
            write(&path, 640, 320, format);
            let seen = look(|| File::open(&path), 1_000_000).unwrap();
            assert_eq!((seen.width, seen.height), (640, 320), "{format:?}");
            let small = seen.small.unwrap();
            assert!(small.len() < 8_192, "{format:?} {}", small.len());
            let (w, h) =
                ImageReader::new(std::io::Cursor::new(small)).with_guessed_format().unwrap().into_dimensions().unwrap();
            assert_eq!((w, h), (100, 50));
            assert_eq!(look(|| File::open(&path), 1_000).unwrap().small, None);
        }
    }

    #[test]
    fn a_square_is_cut_out_of_the_middle() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p");
        for (width, height, side) in [(1_300, 900, 640), (30, 70, 30)] {
            write(&path, width, height, ImageFormat::Png);
            let jpeg = square(&std::fs::read(&path).unwrap()).unwrap();
            assert!(jpeg.starts_with(&[0xff, 0xd8, 0xff]));
            let seen = ImageReader::new(Cursor::new(jpeg)).with_guessed_format().unwrap().into_dimensions().unwrap();
            assert_eq!(seen, (side, side));
        }
        assert!(matches!(square(b""), Err(MediaRefusal::Empty)));
        assert!(matches!(square(b"no picture at all"), Err(MediaRefusal::Damaged(_))));
    }

    #[test]
    fn what_would_blow_memory_or_is_cut_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p");
        write(&path, 100, 100, ImageFormat::Png);
        let mut bytes = std::fs::read(&path).unwrap();
        // The head says 60,000 × 60,000; the checksum of the head is not looked at before the size.
        bytes[16..20].copy_from_slice(&60_000_u32.to_be_bytes());
        bytes[20..24].copy_from_slice(&60_000_u32.to_be_bytes());
        let crc = crc_of(&bytes[12..29]);
        bytes[29..33].copy_from_slice(&crc.to_be_bytes());
        std::fs::write(&path, &bytes).unwrap();
        assert!(matches!(
            look(|| File::open(&path), 1_000_000),
            Err(MediaRefusal::TooManyPixels { width: 60_000, .. })
        ));
        write(&path, 100, 100, ImageFormat::Png);
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
        assert!(matches!(look(|| File::open(&path), 1_000_000), Err(MediaRefusal::Damaged(_))));
        std::fs::write(&path, b"\x89PNG\r\n\x1a\nrubbish").unwrap();
        assert!(matches!(look(|| File::open(&path), 1_000_000), Err(MediaRefusal::Damaged(_))));
    }

    fn crc_of(bytes: &[u8]) -> u32 {
        let mut crc = u32::MAX;
        for byte in bytes {
            crc ^= u32::from(*byte);
            for _ in 0..8 {
                crc = if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
            }
        }
        !crc
    }
}
