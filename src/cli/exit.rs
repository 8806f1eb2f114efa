//! How the process ends: one number for each cause that somebody would act on.

use std::io::Write as _;
use std::process::ExitCode;

/// The exit codes. They are part of the interface: scripts and service managers tell causes apart by them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Exit {
    /// Asked to stop, and stopped in order.
    Ok = 0,
    /// Something nobody foresaw; also what `healthcheck` answers for an unhealthy server.
    Unexpected = 1,
    /// The command line is wrong (clap's own code).
    Usage = 2,
    /// The address to listen on can't be taken, most often because another process has it.
    PortInUse = 69,
    /// The root supervisor spent its restarts.
    SupervisorGaveUp = 70,
    /// Another process holds the store.
    StoreLocked = 72,
    /// The store is damaged. Nothing was repaired or deleted.
    StoreDamaged = 73,
    /// The store could not write (a full or failing disk) and stopped. Nothing acknowledged is lost.
    StorePoisoned = 74,
    /// The store was written by a newer version.
    StoreTooNew = 76,
    /// The data folder can't be made, read or written.
    DataFolder = 77,
    /// The config, the accounts file or the key is wrong.
    BadConfig = 78,
    /// A second signal came while stopping: ended at once.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why the process can't go on, as it is told to its operator.
#[derive(Debug)]
pub struct Failure {
    /// The code it ends with.
    pub exit: Exit,
    /// What happened.
    pub what: String,
    /// What to do about it.
    pub hint: &'static str,
}

impl Failure {
    /// A failure with its causes, outermost first.
    pub(crate) fn new(exit: Exit, error: &dyn std::error::Error, hint: &'static str) -> Self {
        let mut what = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            let text = error.to_string();
            // Transparent errors say the same twice.
            if !what.contains(&text) {
                what = format!("{what}: {text}");
            }
            cause = error.source();
        }
        Self { exit, what, hint }
    }

    /// Tells the operator, on standard error.
    #[must_use]
    pub fn report(&self) -> Exit {
        // With standard error closed there is nobody to tell.
        let _ = writeln!(std::io::stderr(), "wasup: {}\n  {}", self.what, self.hint);
        self.exit
    }
}
