//! A listener for syncs, for measurements that a clock of milliseconds is too coarse for.

use std::fmt;
use std::sync::OnceLock;

use crate::id::Position;

type Listener = Box<dyn Fn(Position) + Send + Sync>;

/// At most one listener.
#[derive(Default)]
pub(crate) struct SyncWatch(OnceLock<Listener>);

impl fmt::Debug for SyncWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SyncWatch").field("set", &self.0.get().is_some()).finish()
    }
}

impl SyncWatch {
    /// Sets the listener; `false` when there is one.
    pub(crate) fn set(&self, listener: Listener) -> bool {
        self.0.set(listener).is_ok()
    }

    /// Everything up to this position of the event log is on disk.
    pub(crate) fn tell(&self, position: Position) {
        if let Some(listener) = self.0.get() {
            listener(position);
        }
    }
}
