//! Rows of the first sheet of a workbook, cell by cell: the sheet is never held. Its table of shared texts is, so what a
//! workbook unpacks to is counted first.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use calamine::{DataRef, Reader as _, Xlsx, XlsxCellReader};

use super::{RawRow, SourceError};

/// Most bytes of a workbook's table of texts, unpacked: it is held in memory while its sheet is read.
const TEXTS_MAX: u64 = 128 << 20;
/// Longest piece between two marks of its XML: a cell has 32,767 characters at most.
const PIECE_MAX: usize = 256 * 1024;
/// Most files in it.
const FILES_MAX: usize = 10_000;
/// Most columns that are looked at.
const COLUMNS_MAX: u32 = 512;
/// Bytes looked at at a time.
const STEP: usize = 64 * 1024;

/// Counts what a workbook unpacks to, by unpacking it: what it says of itself may be a lie.
fn weigh(path: &Path, most: u64) -> Result<(), SourceError> {
    let unreadable = |_| SourceError::Unreadable("the file is no workbook that can be read".into());
    let mut archive = zip::ZipArchive::new(BufReader::new(File::open(path)?)).map_err(unreadable)?;
    if archive.len() > FILES_MAX {
        return Err(SourceError::TooLarge);
    }
    let (mut all, mut buffer) = (0_u64, vec![0; STEP]);
    for n in 0..archive.len() {
        let mut file = archive.by_index(n).map_err(unreadable)?;
        let name = file.name().map_err(unreadable)?.to_ascii_lowercase();
        let is_read = name.ends_with(".xml") || name.ends_with(".rels");
        // Pictures and the like are never unpacked.
        if !is_read {
            continue;
        }
        let (mut size, mut piece) = (0_u64, 0_usize);
        loop {
            let read = file.read(&mut buffer).map_err(|_| SourceError::Unreadable("the workbook is damaged".into()))?;
            if read == 0 {
                break;
            }
            size += read as u64;
            for part in buffer[..read].split_inclusive(|byte| *byte == b'<') {
                piece += part.len();
                if piece > PIECE_MAX {
                    return Err(SourceError::TooLarge);
                }
                if part.ends_with(b"<") {
                    piece = 0;
                }
            }
            let is_texts = !name.contains("worksheets/");
            if all + size > most || (is_texts && size > TEXTS_MAX) {
                return Err(SourceError::TooLarge);
            }
        }
        all += size;
    }
    Ok(())
}

/// Gives every row of the first sheet to somebody, the first to whom the names of columns stand in.
pub(super) fn each_row(
    path: &Path,
    unpacked_max: u64,
    mut take: impl FnMut(RawRow) -> Result<(), SourceError>,
) -> Result<(), SourceError> {
    weigh(path, unpacked_max)?;
    let unreadable = |_| SourceError::Unreadable("the file is no workbook that can be read".into());
    let mut book: Xlsx<BufReader<File>> =
        calamine::open_workbook(path).map_err(|_: calamine::XlsxError| unreadable(()))?;
    let Some(sheet) = book.sheet_names().first().cloned() else {
        return Err(SourceError::Unreadable("the workbook has no sheet".into()));
    };
    let mut cells = book.worksheet_cells_reader(&sheet).map_err(|_| unreadable(()))?;
    rows(&mut cells, &mut take)
}

fn rows<R: Read + std::io::Seek>(
    cells: &mut XlsxCellReader<'_, R>,
    take: &mut impl FnMut(RawRow) -> Result<(), SourceError>,
) -> Result<(), SourceError> {
    let mut row: Option<(u32, Vec<String>)> = None;
    let mut told = |row: Option<(u32, Vec<String>)>| match row {
        Some((at, cells)) => take(RawRow { line: u64::from(at) + 1, cells: Ok(cells) }),
        None => Ok(()),
    };
    loop {
        let cell =
            cells.next_cell().map_err(|_| SourceError::Unreadable("the sheet can't be read to its end".into()))?;
        let Some(cell) = cell else { break };
        let (at, column) = cell.get_position();
        if row.as_ref().is_none_or(|(now, _)| *now != at) {
            // Rows may come in any order in a file that nobody's spreadsheet wrote; each is a row all the same.
            told(row.take())?;
            row = Some((at, Vec::new()));
        }
        if column >= COLUMNS_MAX {
            continue;
        }
        if let Some((_, cells)) = &mut row {
            let column = column as usize;
            if cells.len() <= column {
                cells.resize(column + 1, String::new());
            }
            cells[column] = text(cell.get_value());
        }
    }
    told(row)
}

/// A cell as a text: whole numbers without a point, so that phone numbers stay what they are.
fn text(value: &DataRef<'_>) -> String {
    match value {
        DataRef::Int(n) => n.to_string(),
        DataRef::Float(n) if n.fract() == 0.0 && n.abs() < 1e17 => format!("{n:.0}"),
        DataRef::Float(n) => n.to_string(),
        DataRef::String(text) | DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => text.clone(),
        DataRef::SharedString(text) => (*text).to_owned(),
        DataRef::Bool(yes) => yes.to_string(),
        DataRef::DateTime(at) => date(at),
        DataRef::Error(_) | DataRef::Empty => String::new(),
    }
}

/// A date as people write it, with the time where it has one.
fn date(at: &calamine::ExcelDateTime) -> String {
    let (year, month, day, hour, minute, second, _) = at.to_ymd_hms_milli();
    match (hour, minute, second) {
        (0, 0, 0) => format!("{year:04}-{month:02}-{day:02}"),
        _ => format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}"),
    }
}
