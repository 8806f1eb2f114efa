//! Files: what a scanner found in them.

use super::{Cut, Family, counter, histogram, label};

pub(crate) static SCANS: Family = counter(
    "wasup_media_scans_total",
    "Scans of files by clamd, by outcome. failed: it could not be asked, or said something else than what it found.",
    &[label("outcome", &["clean", "infected", "failed"])],
);

pub(crate) static SCAN_TIME: Family =
    histogram("wasup_media_scan_seconds", Cut::Slow, "Time that scans of files took.", &[]);

pub(super) const ALL: &[&Family] = &[&SCANS, &SCAN_TIME];
