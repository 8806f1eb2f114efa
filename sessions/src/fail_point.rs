//! A place where a test stops the world, to see what a crash at this very moment leaves behind.

use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

/// Stops the first task that passes with a name it was armed for, for good. Only in builds with the sandbox.
#[derive(Debug, Default)]
pub struct FailPoint {
    armed: Mutex<Option<String>>,
    reached: Notify,
}

impl FailPoint {
    /// The next task that passes with a name that begins like this stops.
    pub fn arm(&self, name: &str) {
        *self.armed.lock().unwrap_or_else(PoisonError::into_inner) = Some(name.to_owned());
    }

    /// Resolves when a task has stopped.
    pub async fn reached(&self) {
        self.reached.notified().await;
    }

    pub(crate) async fn pass(&self, names: impl Iterator<Item = &str>) {
        if self.stops(names) {
            self.reached.notify_one();
            std::future::pending::<()>().await;
        }
    }

    fn stops<'a>(&self, mut names: impl Iterator<Item = &'a str>) -> bool {
        let mut armed = self.armed.lock().unwrap_or_else(PoisonError::into_inner);
        let stops = armed.as_ref().is_some_and(|armed| names.any(|name| name.starts_with(armed)));
        if stops {
            *armed = None;
        }
        stops
    }
}
