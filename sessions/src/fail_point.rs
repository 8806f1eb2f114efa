//! A place where a test stops the world, to see what a crash at this very moment leaves behind.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// Stops the first task that passes after it was armed, for good. Only in builds with the sandbox.
#[derive(Debug, Default)]
pub struct FailPoint {
    armed: AtomicBool,
    reached: Notify,
}

impl FailPoint {
    /// The next task that passes stops.
    pub fn arm(&self) {
        self.armed.store(true, Ordering::SeqCst);
    }

    /// Resolves when a task has stopped.
    pub async fn reached(&self) {
        self.reached.notified().await;
    }

    pub(crate) async fn pass(&self) {
        if self.armed.swap(false, Ordering::SeqCst) {
            self.reached.notify_one();
            std::future::pending::<()>().await;
        }
    }
}
