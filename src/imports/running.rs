//! An import runs: its file is read, and then comes into the list, commit by commit.

use std::collections::BTreeMap;

use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::{JoinHandle, spawn_blocking};
use tokio_util::sync::CancellationToken;
use wasup_actors::{ImportPlace, ListError, Lists, Principal};
use wasup_store::records::{ImportEnd, ImportPhase, ImportRecord, ListedContact};
use wasup_store::repo::imports::{Step, Stepped};
use wasup_store::repo::listed::Twice;

use super::listing::{Batch, Batches};
use super::parts::{Filled, bits};
use super::reading::{Job, Looked, read};
use super::{ImportFolder, SourceError};

/// Chunks that were looked at and wait to be noted.
const WAITING: usize = 8;
/// Rows after which it is noted how far the reading is.
const NOTED_ROWS: u64 = 20_000;
/// Problems after which they are noted.
const NOTED_PROBLEMS: usize = 1_000;

/// How it came to its end, where it did not come to that of the file.
enum Halt {
    /// The process stops: it goes on later.
    Stopped,
    /// It was forgotten, or its list was.
    Unwanted,
    /// The file.
    Source(SourceError),
    /// The store.
    Lists(ListError),
}

impl From<ListError> for Halt {
    fn from(error: ListError) -> Self {
        Self::Lists(error)
    }
}

impl From<SourceError> for Halt {
    fn from(error: SourceError) -> Self {
        match error {
            SourceError::Stopped => Self::Stopped,
            error => Self::Source(error),
        }
    }
}

struct Run<'a> {
    files: &'a ImportFolder,
    lists: &'a Lists,
    principal: &'a Principal,
    place: ImportPlace,
    stopping: &'a CancellationToken,
}

/// Runs an import to its end, or until it is told to stop.
pub(super) async fn run(
    files: &ImportFolder,
    lists: &Lists,
    principal: &Principal,
    place: ImportPlace,
    stopping: &CancellationToken,
) {
    let (how, why) = match (Run { files, lists, principal, place, stopping }).work().await {
        Ok(()) => (ImportEnd::Completed, None),
        Err(Halt::Stopped) => return,
        Err(Halt::Unwanted) => return drop(std::fs::remove_file(files.file(place))),
        Err(Halt::Source(error)) => of_file(&error),
        Err(Halt::Lists(error)) => (ImportEnd::Failed, Some(error.to_string())),
    };
    if how == ImportEnd::Failed {
        tracing::warn!(import.id = %place.id, why, "an import failed");
    }
    match lists.end_import(principal, (place.list, place.id), how, why).await {
        Ok(()) => drop(std::fs::remove_file(files.file(place))),
        // The file stays: the next process finds it, and goes on.
        Err(error) => tracing::warn!(import.id = %place.id, %error, "the end of an import could not be noted"),
    }
}

/// How an import ends whose file does not come to its end, and what to say of it.
fn of_file(error: &SourceError) -> (ImportEnd, Option<String>) {
    let how = match error {
        SourceError::TooLarge => ImportEnd::TooLarge,
        SourceError::Unreadable(_) => ImportEnd::Unreadable,
        SourceError::Stopped | SourceError::Io(_) => ImportEnd::Failed,
    };
    (how, Some(error.to_string()))
}

impl Run<'_> {
    async fn work(&self) -> Result<(), Halt> {
        let record = self.lists.read_import(self.principal, self.place.list, self.place.id).await?;
        let record = record.ok_or(Halt::Unwanted)?;
        if record.end.is_some() {
            return Err(Halt::Unwanted);
        }
        let stopping = self.stopping.child_token();
        let (told, looked) = channel(WAITING);
        let reading = self.start_reading(record.clone(), told, stopping.clone());
        let noted = match record.phase {
            ImportPhase::Reading => self.note(looked).await,
            // What is to say of the rows was noted before the stop.
            _ => drain(looked).await,
        };
        if noted.is_err() {
            stopping.cancel();
        }
        let filled = reading.await.map_err(|_| Halt::Source(std::io::Error::other("reading panicked").into()))?;
        noted?;
        let filled = filled?;
        if record.phase == ImportPhase::Reading {
            self.step(Step { phase: ImportPhase::Listing, ..Step::default() }, Vec::new()).await?;
        }
        self.list(&record, filled).await
    }

    fn start_reading(
        &self,
        record: ImportRecord,
        told: Sender<Looked>,
        stopping: CancellationToken,
    ) -> JoinHandle<Result<Filled, SourceError>> {
        let (file, folder) = (self.files.file(self.place), self.files.parts(self.place));
        let unpacked_max = self.files.limits.unpacked;
        spawn_blocking(move || {
            let bits = bits(record.size);
            let job = Job { record: &record, file: &file, folder: &folder, bits, unpacked_max, stopping: &stopping };
            read(&job, &told)
        })
    }

    async fn step(&self, step: Step, contacts: Vec<ListedContact>) -> Result<(), Halt> {
        let place = (self.place.list, self.place.id);
        match self.lists.import_step(self.principal, place, step, contacts).await? {
            Stepped::Noted(_) => Ok(()),
            Stepped::Gone => Err(Halt::Unwanted),
            // Whoever went on with it needs the file.
            Stepped::Overtaken => Err(Halt::Stopped),
        }
    }

    /// Notes what becomes of rows while the file is read, in the order of the file.
    async fn note(&self, mut looked: Receiver<Looked>) -> Result<(), Halt> {
        let (mut early, mut next, mut step) = (BTreeMap::new(), 0, Step::default());
        while let Some(some) = looked.recv().await {
            early.insert(some.chunk, some);
            while let Some(some) = early.remove(&next) {
                next += 1;
                add(&mut step, some);
            }
            if step.tally.rows >= NOTED_ROWS || step.problems.len() >= NOTED_PROBLEMS {
                self.step(std::mem::take(&mut step), Vec::new()).await?;
            }
        }
        self.step(step, Vec::new()).await
    }

    /// Brings the contacts into the list. While a commit goes to disk the next batch is made.
    async fn list(&self, record: &ImportRecord, filled: Filled) -> Result<(), Halt> {
        let (ready, mut batches) = channel(1);
        let (twice, done) = (record.twice, record.listed);
        let making = spawn_blocking(move || make(&filled, twice, done, &ready));
        let mut from = done;
        while let Some(batch) = batches.recv().await {
            if self.stopping.is_cancelled() {
                return Err(Halt::Stopped);
            }
            from = self.commit(from, batch).await?;
        }
        let made = making.await.map_err(std::io::Error::other).and_then(|made| made);
        made.map_err(|error| Halt::Source(error.into()))
    }

    /// Brings a batch into the list; answers how many numbers of the file are done then.
    async fn commit(&self, from: u64, batch: Batch) -> Result<u64, Halt> {
        let Batch { contacts, tally, problems } = batch;
        let listed = contacts.len() as u64;
        let step = Step { tally, problems, listed, from: Some(from), phase: ImportPhase::Listing };
        self.step(step, contacts).await?;
        Ok(from + listed)
    }
}

/// Makes batches of all parts, until nobody takes them any more. It blocks.
fn make(filled: &Filled, twice: Twice, mut done: u64, ready: &Sender<Batch>) -> std::io::Result<()> {
    for part in 0..filled.parts() {
        let mut batches = Batches::new(filled.part(part)?, twice, done);
        for batch in batches.by_ref() {
            if ready.blocking_send(batch?).is_err() {
                return Ok(());
            }
        }
        done = batches.done;
    }
    Ok(())
}

async fn drain(mut looked: Receiver<Looked>) -> Result<(), Halt> {
    while looked.recv().await.is_some() {}
    Ok(())
}

fn add(step: &mut Step, mut looked: Looked) {
    let (to, more) = (&mut step.tally, looked.tally);
    to.rows += more.rows;
    to.missing_number += more.missing_number;
    to.bad_number += more.bad_number;
    to.not_text += more.not_text;
    to.too_long += more.too_long;
    step.problems.append(&mut looked.problems);
}
