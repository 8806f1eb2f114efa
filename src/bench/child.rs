//! Other processes of this very program, ended with whoever started them.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail};
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

/// Longest time for a process to end after it was told to.
const PATIENCE: Duration = Duration::from_secs(60);

/// A process.
pub(super) struct Process {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Process {
    /// Starts this program with other arguments, and without what the environment says to wasup.
    ///
    /// # Errors
    /// When the system can't.
    pub(super) fn start(arguments: &[&str]) -> anyhow::Result<Self> {
        let own = std::env::current_exe().context("the path of this program is not known")?;
        let mut command = Command::new(own);
        for (name, _) in std::env::vars_os() {
            if name.to_str().is_some_and(|name| name.starts_with("WASUP_")) {
                command.env_remove(name);
            }
        }
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().context("this program does not start again")?;
        let stdout = child.stdout.take().context("the process has no output")?;
        Ok(Self { child, lines: BufReader::new(stdout).lines() })
    }

    /// Its number; 0 once it has ended.
    #[must_use]
    pub(super) fn number(&self) -> u32 {
        self.child.id().unwrap_or(0)
    }

    /// What follows a word at the start of one of its lines.
    ///
    /// # Errors
    /// When its output ends without.
    pub(super) async fn line(&mut self, word: &str) -> anyhow::Result<String> {
        while let Some(line) = self.lines.next_line().await? {
            if let Some(rest) = line.strip_prefix(word) {
                return Ok(rest.trim().to_owned());
            }
        }
        bail!("the process ended without saying its {word}")
    }

    /// Asks it to end and waits for that.
    ///
    /// # Errors
    /// When it does not in time, or not well.
    pub(super) async fn end(mut self) -> anyhow::Result<()> {
        let number = self.child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        kill_process(number.context("the process has ended by itself")?, Signal::INT)?;
        let status = tokio::time::timeout(PATIENCE, self.child.wait()).await.context("the process does not end")??;
        if status.success() { Ok(()) } else { bail!("the process ended with {status}") }
    }
}
