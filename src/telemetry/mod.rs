//! Log lines: for people or for machines, on standard error and in files, with a level that can be changed while
//! running.
//!
//! Libraries that log through `log` (the protocol library does) are bridged in, kept at `warn`, and every line that is
//! not ours is scrubbed, wherever it goes: see [`scrub`].

mod files;
mod filter;
mod format;
mod log_file;
mod scrub;

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use tracing_subscriber::fmt::format::JsonFields;
use tracing_subscriber::layer::{Layer, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Registry, fmt, reload};

use crate::config::{Colour, LogConfig, LogFormat};
use files::{LogFiles, Losses};
use format::{PlainFields, Scrubbed};

pub use files::LogsEnd;
pub use filter::filter;
pub use scrub::scrub;

/// Why logging can't be set up or changed.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The level is neither a level nor a filter.
    #[error("{0:?} is neither a level nor a filter")]
    BadLevel(String),
    /// Another subscriber is installed in this process.
    #[error("logging is set up already")]
    Installed,
    /// The log files can't be written, and not for want of room.
    #[error("{path} can't be written: {source}")]
    Files {
        /// The folder or the file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
}

/// The running log: the way to change its level.
#[derive(Clone)]
pub struct Logs {
    switch: reload::Handle<EnvFilter, Registry>,
    level: Arc<Mutex<String>>,
    losses: Losses,
}

type Filtered = tracing_subscriber::layer::Layered<reload::Layer<EnvFilter, Registry>, Registry>;
type Lines = Box<dyn Layer<Filtered> + Send + Sync>;

impl Logs {
    /// Starts logging to standard error, and to files where the config names some. Once a process. What is queued for
    /// the files is written when the second value is dropped.
    ///
    /// # Errors
    /// [`TelemetryError`].
    pub fn start(config: &LogConfig) -> Result<(Self, LogsEnd), TelemetryError> {
        let (filter, switch) = reload::Layer::new(filter(&config.level)?);
        let (files, losses, end) = files::open(&config.files)?;
        let registry = tracing_subscriber::registry().with(filter);
        let lines = std::iter::once(to_stderr(config)).chain(files.map(|files| to_files(config.format, files)));
        registry.with(lines.collect::<Vec<Lines>>()).try_init().map_err(|_| TelemetryError::Installed)?;
        Ok((Self { switch, level: Arc::new(Mutex::new(config.level.clone())), losses }, end))
    }

    /// Changes what is logged, at once.
    ///
    /// # Errors
    /// [`TelemetryError::BadLevel`]; the old level stays.
    pub fn set_level(&self, level: &str) -> Result<(), TelemetryError> {
        let filter = filter(level)?;
        self.switch.reload(filter).map_err(|_| TelemetryError::Installed)?;
        // The bridge from `log` has a ceiling of its own that was set for the first filter.
        tracing_log::log::set_max_level(tracing_log::AsLog::as_log(&tracing::level_filters::LevelFilter::current()));
        *self.level.lock().unwrap_or_else(PoisonError::into_inner) = level.to_owned();
        Ok(())
    }

    /// What is logged, as it was set.
    #[must_use]
    pub fn level(&self) -> String {
        self.level.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Lines that did not reach a log file since the start: its disk was full, or slower than the lines came.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.losses.count()
    }
}

fn to_stderr(config: &LogConfig) -> Lines {
    let colour = match config.colour {
        Colour::Auto => std::io::stderr().is_terminal(),
        Colour::Always => true,
        Colour::Never => false,
    };
    // A standard error that takes nothing (a full disk behind it) must stay without effect.
    let lines = fmt::layer().with_writer(std::io::stderr).log_internal_errors(false);
    match config.format {
        LogFormat::Human => {
            let format = Scrubbed::human(fmt::format().with_ansi(colour));
            lines.with_ansi(colour).event_format(format).boxed()
        }
        LogFormat::Json => lines.fmt_fields(JsonFields::new()).event_format(format::json()).boxed(),
    }
}

fn to_files(format: LogFormat, files: LogFiles) -> Lines {
    let lines = fmt::layer().with_writer(files).with_ansi(false).log_internal_errors(false);
    match format {
        LogFormat::Human => {
            let format = Scrubbed::human(fmt::format().with_ansi(false));
            lines.fmt_fields(PlainFields::default()).event_format(format).boxed()
        }
        LogFormat::Json => lines.fmt_fields(JsonFields::new()).event_format(format::json()).boxed(),
    }
}
