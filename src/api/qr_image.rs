//! A QR code as a picture: PNG, SVG, or blocks for a terminal.

use qrcode::render::{svg, unicode};
use qrcode::{Color, QrCode};

/// Pixels for a side of a module.
const SCALE: usize = 8;
/// Modules of white around the code, as the standard asks.
const QUIET: usize = 4;

/// A code can't be drawn.
#[derive(Debug, thiserror::Error)]
pub enum QrImageError {
    /// It is too long for a QR code.
    #[error("the code is too long for a QR code")]
    TooLong(#[from] qrcode::types::QrError),
    /// The picture can't be written.
    #[error("the picture can't be written")]
    Png(#[from] png::EncodingError),
}

/// The code as PNG, black on white, one bit a pixel.
pub(super) fn png(code: &str) -> Result<Vec<u8>, QrImageError> {
    let code = QrCode::new(code)?;
    let (width, modules) = (code.width(), code.to_colors());
    let side = (width + 2 * QUIET) * SCALE;
    let dark = |x: usize, y: usize| {
        let (x, y) = ((x / SCALE).checked_sub(QUIET), (y / SCALE).checked_sub(QUIET));
        matches!((x, y), (Some(x), Some(y)) if x < width && y < width && modules[y * width + x] == Color::Dark)
    };
    let mut rows = Vec::with_capacity(side * side / 8);
    for y in 0..side {
        // A bit that is set is white; the side is a multiple of eight.
        rows.extend(
            (0..side / 8).map(|byte| (0..8).fold(0_u8, |bits, bit| bits << 1 | u8::from(!dark(byte * 8 + bit, y)))),
        );
    }
    let mut picture = Vec::new();
    let pixels = u32::try_from(side).unwrap_or(u32::MAX);
    let mut encoder = png::Encoder::new(&mut picture, pixels, pixels);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::One);
    encoder.write_header()?.write_image_data(&rows)?;
    Ok(picture)
}

/// The code as SVG.
pub(super) fn svg(code: &str) -> Result<String, QrImageError> {
    Ok(QrCode::new(code)?.render::<svg::Color<'_>>().min_dimensions(256, 256).build())
}

/// The code as blocks for a terminal, two modules a character. Drawn light on dark, as terminals mostly are.
///
/// # Errors
/// [`QrImageError::TooLong`].
pub fn terminal(code: &str) -> Result<String, QrImageError> {
    let blocks = QrCode::new(code)?
        .render::<unicode::Dense1x2>()
        .dark_color(unicode::Dense1x2::Light)
        .light_color(unicode::Dense1x2::Dark)
        .build();
    Ok(blocks + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As long as the codes that WhatsApp shows.
    fn code() -> String {
        format!("2@{},{},{}", "a".repeat(120), "b".repeat(44), "c".repeat(44))
    }

    #[test]
    fn the_png_holds_the_same_modules() {
        let bytes = png(&code()).unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().unwrap();
        let mut rows = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut rows).unwrap();
        let original = QrCode::new(code()).unwrap();
        let side = (original.width() + 2 * QUIET) * SCALE;
        assert_eq!((info.width as usize, info.height as usize), (side, side));
        let white = |x: usize, y: usize| rows[y * side / 8 + x / 8] >> (7 - x % 8) & 1 == 1;
        for (at, module) in original.to_colors().iter().enumerate() {
            let middle = |module: usize| (module + QUIET) * SCALE + SCALE / 2;
            let (x, y) = (at % original.width(), at / original.width());
            assert_eq!(white(middle(x), middle(y)), *module == Color::Light, "module {x},{y}");
        }
        assert!(white(0, 0) && white(side - 1, side - 1));
    }

    #[test]
    fn svg_and_blocks_are_drawn() {
        assert!(svg(&code()).unwrap().contains("<svg"));
        let blocks = terminal(&code()).unwrap();
        let widths: Vec<usize> = blocks.lines().map(|line| line.chars().count()).collect();
        assert!(widths.iter().all(|width| *width == widths[0]) && widths[0] > 40);
        assert!(png(&"x".repeat(9_000)).is_err());
    }
}
