//! A file is read, its rows looked at on several threads, and sorted into parts. It blocks.

use std::fs::File;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc::Sender;
use tokio_util::sync::CancellationToken;
use wasup_store::records::{ImportFormat, ImportRecord, ImportTally, RowProblem};

use super::columns::columns;
use super::contact::{Reading, contact, unguarded};
use super::csv::CsvRows;
use super::parts::{Filled, Parts, Sorted};
use super::{RawRow, SourceError, xlsx};

/// Rows that are looked at together.
const CHUNK: usize = 512;
/// Chunks that wait for somebody to look at them.
const WAITING: usize = 4;
/// Threads that look at rows: what takes the time is the rules of phone numbers.
const LOOKERS: usize = 2;

/// What became of some rows, and the how manieth of the file's chunks they are.
#[derive(Debug)]
pub(super) struct Looked {
    pub(super) chunk: u64,
    pub(super) tally: ImportTally,
    pub(super) problems: Vec<RowProblem>,
}

/// Rows as they come, and the how manieth chunk they are.
type Chunk = (u64, Vec<RawRow>);

/// What is to be read.
pub(super) struct Job<'a> {
    pub(super) record: &'a ImportRecord,
    pub(super) file: &'a Path,
    pub(super) folder: &'a Path,
    pub(super) bits: u32,
    pub(super) unpacked_max: u64,
    pub(super) stopping: &'a CancellationToken,
}

/// Reads a file to its end.
pub(super) fn read(job: &Job<'_>, told: &Sender<Looked>) -> Result<Filled, SourceError> {
    let parts = Mutex::new(Parts::create(job.folder, job.bits)?);
    let (sender, receiver) = sync_channel::<Chunk>(WAITING);
    // Gone with the last who looks: then whoever reads the file need not go on.
    let receiver = Arc::new(Mutex::new(receiver));
    let (to_lookers, readings) = std::sync::mpsc::channel::<Reading>();
    let read = std::thread::scope(|scope| {
        let parts = &parts;
        let lookers = scope.spawn(move || {
            let receiver = receiver;
            // Nothing can be looked at before the names of the columns are known; without them there is nothing to do.
            let Ok(reading) = readings.recv() else { return Ok(()) };
            std::thread::scope(|scope| {
                let lookers = [(); LOOKERS].map(|()| scope.spawn(|| look(&reading, job.bits, &receiver, parts, told)));
                let joined = |looker: std::thread::ScopedJoinHandle<'_, Result<(), SourceError>>| {
                    looker.join().unwrap_or_else(|_| Err(io::Error::other("looking at rows panicked").into()))
                };
                lookers.into_iter().try_for_each(joined)
            })
        });
        // A file that trips its reader over is no file that can be read; and whoever waits to look must not wait for ever.
        let read = catch_unwind(AssertUnwindSafe(|| rows(job, &to_lookers, sender)));
        let read = read.unwrap_or_else(|_| Err(SourceError::Unreadable("the file can't be read to its end".into())));
        drop(to_lookers);
        let looked: Result<(), SourceError> =
            lookers.join().unwrap_or_else(|_| Err(io::Error::other("looking at rows panicked").into()));
        // A disk that failed says more than a reader that found nobody to look.
        looked.and(read)
    });
    read?;
    Ok(parts.into_inner().unwrap_or_else(PoisonError::into_inner).finish()?)
}

/// Reads the rows, and tells first what the columns are.
fn rows(
    job: &Job<'_>,
    reading: &std::sync::mpsc::Sender<Reading>,
    sender: SyncSender<Chunk>,
) -> Result<(), SourceError> {
    let mut header = true;
    let (mut chunk, mut waiting) = (0, Vec::with_capacity(CHUNK));
    let mut take = |row: RawRow| {
        if header {
            let names =
                row.cells.map_err(|_| SourceError::Unreadable("the first row is not UTF-8, or too long".into()))?;
            let names: Vec<String> = names.iter().map(|name| unguarded(name.trim()).to_owned()).collect();
            let columns = columns(&names, &job.record.columns)?;
            let (region, tags) = (job.record.region.clone(), job.record.tags.clone());
            header = false;
            // They wait for it, and are gone only with this thread.
            let _ = reading.send(Reading { columns, region, tags });
            return Ok(());
        }
        waiting.push(row);
        if waiting.len() == CHUNK {
            if job.stopping.is_cancelled() {
                return Err(SourceError::Stopped);
            }
            let full = std::mem::replace(&mut waiting, Vec::with_capacity(CHUNK));
            sender.send((chunk, full)).map_err(|_| SourceError::Stopped)?;
            chunk += 1;
        }
        Ok(())
    };
    match job.record.format {
        ImportFormat::Csv => {
            let mut rows = CsvRows::open(File::open(job.file)?)?;
            while let Some(row) = rows.next()? {
                take(row)?;
            }
        }
        ImportFormat::Xlsx => xlsx::each_row(job.file, job.unpacked_max, &mut take)?,
    }
    if header {
        return Err(SourceError::Unreadable("the file has no rows".into()));
    }
    sender.send((chunk, waiting)).map_err(|_| SourceError::Stopped)
}

/// Looks at rows until there are no more.
fn look(
    reading: &Reading,
    bits: u32,
    rows: &Mutex<Receiver<Chunk>>,
    parts: &Mutex<Parts>,
    told: &Sender<Looked>,
) -> Result<(), SourceError> {
    loop {
        let next = rows.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((chunk, rows)) = next else { return Ok(()) };
        let (mut sorted, mut looked) =
            (Sorted::default(), Looked { chunk, tally: ImportTally::default(), problems: Vec::new() });
        for row in rows {
            let line = row.line;
            let Some(made) = contact(reading, row) else { continue };
            looked.tally.rows += 1;
            match made {
                Ok(contact) => sorted.push(bits, line, &contact),
                Err(problem) => {
                    looked.tally.fault(problem.fault);
                    looked.problems.push(problem);
                }
            }
        }
        parts.lock().unwrap_or_else(PoisonError::into_inner).push(sorted)?;
        // Whoever does not listen knows it already: the file is read once more after a stop.
        let _ = told.blocking_send(looked);
    }
}
