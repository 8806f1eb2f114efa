//! Log lines: for people or for machines, with a level that can be changed while running.
//!
//! Libraries that log through `log` (the protocol library does) are bridged in, kept at `warn`, and every line that is
//! not ours is scrubbed: see [`scrub`].

mod filter;
mod format;
mod scrub;

use std::io::IsTerminal as _;
use std::sync::{Arc, Mutex, PoisonError};

use tracing_subscriber::fmt::format::JsonFields;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Registry, fmt, reload};

use crate::config::{Colour, LogConfig, LogFormat};
use format::Scrubbed;

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
}

/// The running log: the way to change its level.
#[derive(Clone)]
pub struct Logs {
    switch: reload::Handle<EnvFilter, Registry>,
    level: Arc<Mutex<String>>,
}

impl Logs {
    /// Starts logging to standard error. Once a process.
    ///
    /// # Errors
    /// [`TelemetryError`].
    pub fn start(config: &LogConfig) -> Result<Self, TelemetryError> {
        let (filter, switch) = reload::Layer::new(filter(&config.level)?);
        let colour = match config.colour {
            Colour::Auto => std::io::stderr().is_terminal(),
            Colour::Always => true,
            Colour::Never => false,
        };
        let lines = fmt::layer().with_writer(std::io::stderr);
        let registry = tracing_subscriber::registry().with(filter);
        let installed = match config.format {
            LogFormat::Human => {
                let format = Scrubbed::human(fmt::format().with_ansi(colour));
                registry.with(lines.with_ansi(colour).event_format(format)).try_init()
            }
            LogFormat::Json => {
                let format = Scrubbed::json(fmt::format().json().flatten_event(true));
                registry.with(lines.fmt_fields(JsonFields::new()).event_format(format)).try_init()
            }
        };
        installed.map_err(|_| TelemetryError::Installed)?;
        Ok(Self { switch, level: Arc::new(Mutex::new(config.level.clone())) })
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
}
