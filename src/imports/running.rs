//! An import runs: its file is read, and then comes into the list, commit by commit.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::mpsc::{Receiver, channel};
use tokio::task::{JoinHandle, spawn_blocking};
use tokio_util::sync::CancellationToken;
use wasup_actors::{ListError, Lists, Principal};
use wasup_store::records::{ImportEnd, ImportPhase, ImportRecord};
use wasup_store::repo::imports::Step;

use super::listing::{Batch, batches};
use super::parts::{Filled, bits};
use super::reading::{Job, Looked, read};
use super::{Inner, SourceError, Which};

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
    inner: &'a Inner,
    principal: &'a Principal,
    which: Which,
}

/// Runs an import to its end, or until the process stops.
pub(super) async fn run(inner: &Inner, principal: &Principal, which: Which) {
    let turn = tokio::select! {
        turn = inner.turns.acquire() => turn,
        () = inner.stopping.cancelled() => return,
    };
    let done = Run { inner, principal, which }.work().await;
    drop(turn);
    let (how, why) = match done {
        Ok(()) => (ImportEnd::Completed, None),
        Err(Halt::Stopped) => return,
        Err(Halt::Unwanted) => return drop(std::fs::remove_file(inner.file(which))),
        Err(Halt::Source(error)) => of_file(&error),
        Err(Halt::Lists(error)) => (ImportEnd::Failed, Some(error.to_string())),
    };
    if how == ImportEnd::Failed {
        tracing::warn!(import.id = %which.id, why, "an import failed");
    }
    match inner.lists.end_import(principal, (which.list, which.id), how, why).await {
        Ok(()) => drop(std::fs::remove_file(inner.file(which))),
        // The file stays: the next process finds it, and goes on.
        Err(error) => tracing::warn!(import.id = %which.id, %error, "the end of an import could not be noted"),
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
    const fn place(&self) -> (wasup_store::id::ListId, wasup_store::id::ImportId) {
        (self.which.list, self.which.id)
    }

    async fn work(&self) -> Result<(), Halt> {
        let record = self.inner.lists.read_import(self.principal, self.which.list, self.which.id).await?;
        let record = record.ok_or(Halt::Unwanted)?;
        let stopping = self.inner.stopping.child_token();
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
        let filled = Arc::new(filled?);
        if record.phase == ImportPhase::Reading {
            self.step(Step { phase: ImportPhase::Listing, ..Step::default() }, Vec::new()).await?;
        }
        self.list(&record, filled).await
    }

    fn start_reading(
        &self,
        record: ImportRecord,
        told: tokio::sync::mpsc::Sender<Looked>,
        stopping: CancellationToken,
    ) -> JoinHandle<Result<Filled, SourceError>> {
        let file = self.inner.file(self.which);
        let folder = file.with_extension(format!("{}-parts", self.which.id));
        let unpacked_max = self.inner.limits.unpacked;
        spawn_blocking(move || {
            let bits = bits(record.size);
            let job = Job { record: &record, file: &file, folder: &folder, bits, unpacked_max, stopping: &stopping };
            read(&job, &told)
        })
    }

    async fn step(&self, step: Step, contacts: Vec<wasup_store::records::ListedContact>) -> Result<(), Halt> {
        let noted = self.inner.lists.import_step(self.principal, self.place(), step, contacts).await?;
        noted.map(|_| ()).ok_or(Halt::Unwanted)
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

    /// Brings the contacts into the list. While a commit goes to disk the next part is read.
    async fn list(&self, record: &ImportRecord, filled: Arc<Filled>) -> Result<(), Halt> {
        let (mut done, mut under_way) = (record.listed, None::<JoinHandle<Result<bool, ListError>>>);
        for part in 0..filled.parts() {
            let (from, twice, mut skip) = (Arc::clone(&filled), record.twice, done);
            let read = spawn_blocking(move || {
                let rows = from.part(part)?;
                let batches = batches(rows, twice, &mut skip);
                Ok::<_, std::io::Error>((batches, skip))
            });
            let read = read.await.map_err(std::io::Error::other).and_then(|read| read);
            let (batches, left) = read.map_err(|error| Halt::Source(error.into()))?;
            done = left;
            for batch in batches {
                if self.inner.stopping.is_cancelled() {
                    return Err(Halt::Stopped);
                }
                // One after another: how far it is counts numbers in their order.
                settle(under_way.take()).await?;
                under_way = Some(self.commit(batch));
            }
        }
        settle(under_way).await
    }

    /// Starts the commit of a batch.
    fn commit(&self, batch: Batch) -> JoinHandle<Result<bool, ListError>> {
        let Batch { contacts, tally, problems } = batch;
        let step = Step { tally, problems, listed: contacts.len() as u64, phase: ImportPhase::Listing };
        let (lists, principal, place): (Lists, _, _) = (self.inner.lists.clone(), self.principal.clone(), self.place());
        tokio::spawn(async move { Ok(lists.import_step(&principal, place, step, contacts).await?.is_some()) })
    }
}

/// Waits for a commit, where one is under way.
async fn settle(commit: Option<JoinHandle<Result<bool, ListError>>>) -> Result<(), Halt> {
    let Some(commit) = commit else { return Ok(()) };
    match commit.await {
        Ok(Ok(true)) => Ok(()),
        Ok(Ok(false)) => Err(Halt::Unwanted),
        Ok(Err(error)) => Err(error.into()),
        Err(_) => Err(Halt::Source(std::io::Error::other("a commit panicked").into())),
    }
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
