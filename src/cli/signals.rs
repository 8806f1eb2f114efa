//! Signals: SIGTERM and SIGINT stop, SIGHUP reads the log's level and the accounts file again.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals that stop.
pub(super) struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
    /// Listens from now on.
    pub(super) fn listen() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// The next one.
    pub(super) async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// SIGHUP, from now on.
pub(super) fn hangups() -> io::Result<Signal> {
    signal(SignalKind::hangup())
}
