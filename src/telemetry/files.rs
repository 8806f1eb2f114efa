//! The log files of a process: each with a queue and a thread of its own, so that no disk holds up who logs.

use std::fs::DirBuilder;
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tracing::{Level, Metadata};
use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::fmt::MakeWriter;

use super::TelemetryError;
use super::log_file::LogFile;
use crate::config::{LogFileKind, LogFilesConfig};

/// Target of lines about trouble with log files. They are for standard error only: in the files they would add to it.
pub(super) const TROUBLE: &str = "wasup::log_files";

/// Lines that wait for one file; further ones are lost. Some megabytes at most.
const QUEUE_LINES: usize = 8_192;

/// Where lines for files go.
pub(super) struct LogFiles {
    files: Vec<(Level, NonBlocking)>,
}

/// How many lines did not reach their file.
#[derive(Clone, Default)]
pub(super) struct Losses {
    failed: Arc<AtomicU64>,
    queues: Vec<ErrorCounter>,
}

impl Losses {
    pub(super) fn count(&self) -> u64 {
        let dropped: usize = self.queues.iter().map(ErrorCounter::dropped_lines).sum();
        self.failed.load(Ordering::Relaxed) + dropped as u64
    }
}

/// Writes what is queued when dropped, and ends the threads.
#[derive(Debug, Default)]
#[must_use = "dropped at the end of the process, it writes what is still queued"]
pub struct LogsEnd {
    _guards: Vec<WorkerGuard>,
}

/// The files of the config, opened.
///
/// # Errors
/// [`TelemetryError::Files`] where the folder can't be written to for another reason than want of room.
pub(super) fn open(config: &LogFilesConfig) -> Result<(Option<LogFiles>, Losses, LogsEnd), TelemetryError> {
    let (mut losses, mut guards, mut files) = (Losses::default(), Vec::new(), Vec::new());
    if !config.is_on() {
        return Ok((None, losses, LogsEnd::default()));
    }
    let refused = |path: PathBuf| move |source| TelemetryError::Files { path, source };
    // A folder that is there keeps its owner's choice.
    tolerated(DirBuilder::new().recursive(true).mode(0o700).create(&config.dir))
        .map_err(refused(config.dir.clone()))?;
    for kind in &config.write {
        let path = config.dir.join(kind.file_name());
        let max_files = usize::try_from(config.max_files).unwrap_or(usize::MAX);
        let mut file = LogFile::new(path.clone(), config.max_size.0, max_files, Arc::clone(&losses.failed));
        tolerated(file.open()).map_err(refused(path))?;
        let queue = NonBlockingBuilder::default().lossy(true).buffered_lines_limit(QUEUE_LINES);
        let (queue, guard) = queue.thread_name(kind.file_name()).finish(file);
        losses.queues.push(queue.error_counter());
        guards.push(guard);
        files.push((level(*kind), queue));
    }
    Ok((Some(LogFiles { files }), losses, LogsEnd { _guards: guards }))
}

/// A full disk is no reason not to start.
fn tolerated(opened: io::Result<()>) -> io::Result<()> {
    match opened {
        Err(error) if matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded) => Ok(()),
        other => other,
    }
}

/// The least grave lines that go into a file.
const fn level(kind: LogFileKind) -> Level {
    match kind {
        LogFileKind::Error => Level::ERROR,
        LogFileKind::Warnings => Level::WARN,
        LogFileKind::Combined => Level::TRACE,
    }
}

/// One line's way into the files that want it.
pub(super) struct Line<'a> {
    files: &'a [(Level, NonBlocking)],
    level: Option<Level>,
}

impl<'a> MakeWriter<'a> for LogFiles {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line { files: &self.files, level: Some(Level::TRACE) }
    }

    fn make_writer_for(&'a self, metadata: &Metadata<'_>) -> Line<'a> {
        let level = (metadata.target() != TROUBLE).then(|| *metadata.level());
        Line { files: &self.files, level }
    }
}

impl Write for Line<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        for (least, queue) in self.files {
            // Graver is less.
            if self.level.is_some_and(|level| level <= *least) {
                queue.clone().write_all(line)?;
            }
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
