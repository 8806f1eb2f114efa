//! The file that is imported: numbers in no order, a name, a tag of ten, and two fields.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

/// How many numbers there are; they are all those of one series of mobiles.
const SERIES: u64 = 10_000_000;
/// Goes through all of them in no order that anybody sees: it has no divisor in common with how many there are.
const STEP: u64 = 7_919_993;
/// Every so manieth contact is one of a few.
pub(super) const RARE: u64 = 10_000;

/// The n-th number.
pub(super) fn number(n: u64, seed: u64) -> String {
    format!("62812{:07}", (n.wrapping_mul(STEP) + seed % SERIES) % SERIES)
}

/// Writes it; its bytes.
pub(super) fn write(path: &Path, contacts: u64, seed: u64) -> std::io::Result<u64> {
    let mut out = BufWriter::new(File::create(path)?);
    writeln!(out, "number,name,tags,city,order")?;
    for n in 0..contacts {
        let number = number(n, seed);
        let rare = if n % RARE == 0 { ";rare" } else { "" };
        writeln!(out, "+{number},Person {n},group{}{rare},Town {},A-{n}", n % 10, n % 500)?;
    }
    out.flush()?;
    Ok(out.get_ref().metadata()?.len())
}
