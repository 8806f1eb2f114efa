//! An alarm of an actor: rings once, at the earliest time it was set for.

use tokio::task::JoinHandle;
use tokio::time::Instant;

/// At most one task waits; it ends with this handle.
#[derive(Debug, Default)]
pub(crate) struct Alarm {
    set: Option<(Instant, JoinHandle<()>)>,
}

impl Alarm {
    /// Sets it for a time. One that is set for an earlier time stays.
    pub(crate) fn set(&mut self, at: Instant, ring: impl FnOnce() + Send + 'static) {
        if let Some((set, waiting)) = &self.set {
            if *set <= at {
                return;
            }
            waiting.abort();
        }
        let waiting = tokio::spawn(async move {
            tokio::time::sleep_until(at).await;
            ring();
        });
        self.set = Some((at, waiting));
    }

    /// It rang: the next one is set anew.
    pub(crate) fn rang(&mut self) {
        self.set = None;
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        if let Some((_, waiting)) = self.set.take() {
            waiting.abort();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_earliest_time_rings_once() {
        let rung = Arc::<AtomicU32>::default();
        let mut alarm = Alarm::default();
        let now = Instant::now();
        for (seconds, adds) in [(20, 1), (10, 100), (30, 10_000)] {
            let rung = Arc::clone(&rung);
            alarm.set(now + Duration::from_secs(seconds), move || {
                rung.fetch_add(adds, Ordering::SeqCst);
            });
        }
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(rung.load(Ordering::SeqCst), 100);
    }

    #[tokio::test(start_paused = true)]
    async fn a_dropped_alarm_is_silent() {
        let rung = Arc::<AtomicU32>::default();
        let mut alarm = Alarm::default();
        let ring = Arc::clone(&rung);
        alarm.set(Instant::now() + Duration::from_secs(1), move || {
            ring.fetch_add(1, Ordering::SeqCst);
        });
        drop(alarm);
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert_eq!(rung.load(Ordering::SeqCst), 0);
    }
}
