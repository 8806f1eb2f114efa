//! What a gateway counts and shows: its catalogue, its own recorder, and the text of a scrape.
//!
//! Counters and histograms are recorded where the thing happens, through handles that the gateway makes and hands down:
//! nothing is global, so two gateways in one process do not see each other's counts. Gauges of *stored* state are not
//! recorded at all: they are computed from the store's counters at a scrape, so they are right from the first scrape
//! after a restart.

mod catalogue;
mod collect;
mod http;
mod process;
mod recorder;
mod reloads;
mod scans;
mod streams;
mod text;

pub use catalogue::{Cut, Family, Kind, Label, Values, catalogue};
pub(crate) use collect::{Collected, Limits};
pub(crate) use http::HttpMeters;
pub(crate) use process::resident_bytes;
pub use recorder::Metrics;
pub(crate) use reloads::{ReloadMeters, ReloadOutcome};
pub(crate) use scans::{ScanMeters, ScanOutcome};
pub(crate) use streams::{OpenStream, StreamEnd, StreamKind, StreamMeters};
