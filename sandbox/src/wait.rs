//! Waiting for a condition with a deadline, woken by changes instead of by a clock.

use std::time::Duration;
use tokio::sync::Notify;

/// A condition did not come true in time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} did not happen within {within:?}")]
pub struct WaitError {
    /// What was waited for.
    pub what: String,
    /// The deadline that passed.
    pub within: Duration,
}

/// Waits until `check` gives a value. It is asked once at the start and after every change.
pub(crate) async fn until<T>(
    changed: &Notify,
    within: Duration,
    what: impl Into<String>,
    mut check: impl FnMut() -> Option<T>,
) -> Result<T, WaitError> {
    let watch = async {
        loop {
            let change = changed.notified();
            tokio::pin!(change);
            // Registered before the check, so a change in between is not missed.
            change.as_mut().enable();
            if let Some(value) = check() {
                return value;
            }
            change.await;
        }
    };
    tokio::time::timeout(within, watch).await.map_err(|_elapsed| WaitError { what: what.into(), within })
}
