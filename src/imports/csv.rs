//! Rows of a CSV file, one after another, in buffers that never grow: a row without an end is one row that is too long.

use std::io::{BufRead, BufReader, Read};

use csv_core::{ReadRecordResult, Reader};
use wasup_store::records::RowFault;

use super::{RawRow, SourceError};

/// Longest row, in bytes.
const ROW_MAX: usize = 128 * 1024;
/// Most columns.
const COLUMNS_MAX: usize = 512;
/// Bytes read from the disk at a time.
const PIECE: usize = 64 * 1024;

const BOM: &[u8] = b"\xef\xbb\xbf";

/// A CSV file that is being read.
pub(super) struct CsvRows<R> {
    input: BufReader<R>,
    core: Reader,
    line: u64,
    cells: Vec<u8>,
    ends: Vec<usize>,
}

impl<R: Read> CsvRows<R> {
    /// Looks at the beginning: the mark of UTF-8, and what stands between values.
    pub(super) fn open(file: R) -> Result<Self, SourceError> {
        let mut input = BufReader::with_capacity(PIECE, file);
        let head = input.fill_buf()?;
        if head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff") {
            return Err(SourceError::Unreadable("the file is UTF-16; save it as UTF-8".into()));
        }
        if head.contains(&0) {
            return Err(SourceError::Unreadable("the file is neither CSV nor XLSX".into()));
        }
        let mark = if head.starts_with(BOM) { BOM.len() } else { 0 };
        let (delimiter, said) = delimiter(&head[mark..]);
        let line = 1 + u64::from(said > 0);
        input.consume(mark + said);
        let core = csv_core::ReaderBuilder::new().delimiter(delimiter).build();
        Ok(Self { input, core, line, cells: vec![0; ROW_MAX], ends: vec![0; COLUMNS_MAX] })
    }

    /// Passes over ends of lines before a row; `false` at the end of the file.
    fn begin(&mut self) -> Result<bool, SourceError> {
        loop {
            let piece = self.input.fill_buf()?;
            let Some(first) = piece.first() else { return Ok(false) };
            match first {
                b'\n' => self.line += 1,
                b'\r' => {}
                _ => return Ok(true),
            }
            self.input.consume(1);
        }
    }

    /// The next row that is not empty; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<RawRow>, SourceError> {
        if !self.begin()? {
            return Ok(None);
        }
        let (line, mut too_long, mut out, mut count) = (self.line, false, 0, 0);
        loop {
            let piece = self.input.fill_buf()?;
            let (told, taken, written, ended) =
                self.core.read_record(piece, &mut self.cells[out..], &mut self.ends[count..]);
            self.line += bytes_of(&piece[..taken], b'\n');
            self.input.consume(taken);
            (out, count) = (out + written, count + ended);
            match told {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull | ReadRecordResult::OutputEndsFull => {
                    (too_long, out, count) = (true, 0, 0);
                }
                ReadRecordResult::Record => break,
                // The last row of a file may have no end of its line.
                ReadRecordResult::End if too_long => break,
                ReadRecordResult::End => return Ok(None),
            }
        }
        if too_long {
            return Ok(Some(RawRow { line, cells: Err(RowFault::TooLong) }));
        }
        let mut from = 0;
        let cells = self.ends[..count].iter().map(|to| {
            let cell = std::str::from_utf8(&self.cells[from..*to]).map(str::to_owned);
            from = *to;
            cell.map_err(|_| RowFault::NotText)
        });
        Ok(Some(RawRow { line, cells: cells.collect() }))
    }
}

fn bytes_of(piece: &[u8], wanted: u8) -> u64 {
    piece.iter().filter(|byte| **byte == wanted).count() as u64
}

/// What stands between the values of the first line: what is there most, outside quotes. And how many bytes of a first line
/// that says so itself (`sep=;`, as Excel writes it).
fn delimiter(head: &[u8]) -> (u8, usize) {
    let end = head.iter().position(|byte| *byte == b'\n').unwrap_or(head.len());
    let first = head[..end].trim_ascii_end();
    if let Some([said]) = first.strip_prefix(b"sep=") {
        return (*said, (end + 1).min(head.len()));
    }
    let mut quoted = false;
    let mut counts = [(b',', 0), (b';', 0), (b'\t', 0)];
    for byte in head {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' if !quoted => break,
            byte if !quoted => counts.iter_mut().filter(|(one, _)| one == byte).for_each(|(_, count)| *count += 1),
            _ => {}
        }
    }
    // Of equals the first.
    let most = counts.iter().rev().max_by_key(|(_, count)| *count);
    (most.map_or(b',', |(byte, _)| *byte), 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Told = Vec<(u64, Result<Vec<String>, RowFault>)>;

    fn rows(file: &[u8]) -> Told {
        let mut rows = CsvRows::open(file).unwrap();
        let mut told = Vec::new();
        while let Some(row) = rows.next().unwrap() {
            told.push((row.line, row.cells));
        }
        told
    }

    fn row(line: u64, cells: &[&str]) -> (u64, Result<Vec<String>, RowFault>) {
        (line, Ok(cells.iter().map(|cell| (*cell).to_owned()).collect()))
    }

    #[test]
    fn files_of_every_habit_are_the_same_rows() {
        let expected = [row(1, &["a", "b"]), row(2, &["1", "x, y"]), row(3, &["2", "q\"q"])];
        for file in [
            "a,b\n1,\"x, y\"\n2,\"q\"\"q\"\n",
            "a,b\r\n1,\"x, y\"\r\n2,\"q\"\"q\"\r\n",
            "\u{feff}a,b\n1,\"x, y\"\n2,\"q\"\"q\"",
            "a;b\n1;x, y\n2;\"q\"\"q\"",
            "a\tb\n1\tx, y\n2\t\"q\"\"q\"",
            "\u{feff}a;b\r\n1;x, y\r\n2;\"q\"\"q\"\r\n",
        ] {
            assert_eq!(rows(file.as_bytes()), expected, "{file:?}");
        }
        assert_eq!(rows(b"sep=;\r\na,b;c\r\n"), [row(2, &["a,b", "c"])]);
        assert_eq!(rows(b"\"a;;;;\",b\n1,2"), [row(1, &["a;;;;", "b"]), row(2, &["1", "2"])]);
    }

    #[test]
    fn lines_are_told_past_empty_ones_and_breaks_inside_cells() {
        let file = "a,b\r\n\r\n1,\"x\r\ny\"\r\n\n2,z\n";
        assert_eq!(rows(file.as_bytes()), [row(1, &["a", "b"]), row(3, &["1", "x\r\ny"]), row(6, &["2", "z"])]);
        assert_eq!(rows(b""), []);
        assert_eq!(rows(b"\n\n"), []);
    }

    #[test]
    fn what_is_too_long_or_no_text_is_one_bad_row() {
        let huge = format!("a,b\n1,{}\n2,z\n", "x".repeat(ROW_MAX * 5));
        assert_eq!(rows(huge.as_bytes()), [row(1, &["a", "b"]), (2, Err(RowFault::TooLong)), row(3, &["2", "z"])]);
        // A quote that nobody closes takes the rest of the file.
        let open = format!("a,b\n1,\"{}\n2,z\n", "x\n".repeat(ROW_MAX));
        assert_eq!(rows(open.as_bytes()), [row(1, &["a", "b"]), (2, Err(RowFault::TooLong))]);
        let wide = format!("a,b\n{}\n2,z\n", ",".repeat(COLUMNS_MAX + 9));
        assert_eq!(rows(wide.as_bytes()), [row(1, &["a", "b"]), (2, Err(RowFault::TooLong)), row(3, &["2", "z"])]);
        assert_eq!(rows(b"a,b\n1,\xe9t\xe9\n2,z")[1], (2, Err(RowFault::NotText)));
        assert!(CsvRows::open(&b"\xff\xfea\0"[..]).is_err());
        assert!(CsvRows::open(&b"\x7fELF\0\0"[..]).is_err());
    }
}
