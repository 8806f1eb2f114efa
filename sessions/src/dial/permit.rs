//! How many accounts may be connecting at once. A restart of a server with hundreds of accounts must not look like an
//! attack to the network, nor starve this machine of its processors.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// Longest wait for a permit: the library gives up a connect after 20 s, and the connect itself needs its share.
const LONGEST_WAIT: Duration = Duration::from_secs(15);

/// Permits to be connecting, shared by all links of the process.
pub(crate) struct ConnectPermits {
    free: Arc<Semaphore>,
    at_once: usize,
    refused: Mutex<VecDeque<Weak<Notify>>>,
}

impl ConnectPermits {
    /// `at_once` accounts may connect at a time; 0 counts as 1.
    pub(crate) fn new(at_once: usize) -> Arc<Self> {
        let at_once = at_once.max(1);
        Arc::new(Self { free: Arc::new(Semaphore::new(at_once)), at_once, refused: Mutex::default() })
    }

    /// How many are held at the moment.
    pub(crate) fn held(&self) -> usize {
        self.at_once.saturating_sub(self.free.available_permits())
    }

    /// Waits for a permit. An account that is refused has `wake` notified when one is given back.
    pub(crate) async fn acquire(self: &Arc<Self>, wake: &Arc<Notify>) -> Option<Permit> {
        let free = Arc::clone(&self.free).acquire_owned();
        match tokio::time::timeout(LONGEST_WAIT, free).await {
            Ok(Ok(permit)) => Some(Permit { permit: Some(permit), of: Arc::clone(self) }),
            _ => {
                let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
                refused.retain(|waiting| waiting.strong_count() > 0);
                if !refused.iter().any(|waiting| std::ptr::eq(waiting.as_ptr(), Arc::as_ptr(wake))) {
                    refused.push_back(Arc::downgrade(wake));
                }
                None
            }
        }
    }

    fn wake_next(&self) {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(waiting) = refused.pop_front() {
            if let Some(waiting) = waiting.upgrade() {
                waiting.notify_one();
                return;
            }
        }
    }
}

/// The right to be connecting. Given back when dropped.
pub(crate) struct Permit {
    permit: Option<OwnedSemaphorePermit>,
    of: Arc<ConnectPermits>,
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.permit.take();
        self.of.wake_next();
    }
}

/// Where an account keeps its permit while it connects.
#[derive(Default)]
pub(crate) struct PermitSlot(Mutex<Option<Permit>>);

impl PermitSlot {
    /// Keeps a permit; an older one is given back.
    pub(crate) fn keep(&self, permit: Permit) {
        let old = self.0.lock().unwrap_or_else(PoisonError::into_inner).replace(permit);
        drop(old);
    }

    /// Gives the permit back, if there is one.
    pub(crate) fn release(&self) {
        let old = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(old);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_refused_account_is_woken_when_a_permit_is_given_back() {
        let permits = ConnectPermits::new(1);
        let (first, second) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let slot = PermitSlot::default();
        slot.keep(permits.acquire(&first).await.unwrap());
        assert_eq!(permits.held(), 1);
        let before = tokio::time::Instant::now();
        assert!(permits.acquire(&second).await.is_none());
        assert_eq!(before.elapsed(), LONGEST_WAIT);
        slot.release();
        assert_eq!(permits.held(), 0);
        second.notified().await;
        assert!(permits.acquire(&second).await.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn an_account_that_is_gone_does_not_swallow_the_wake() {
        let permits = ConnectPermits::new(1);
        let held = permits.acquire(&Arc::new(Notify::new())).await.unwrap();
        let gone = Arc::new(Notify::new());
        assert!(permits.acquire(&gone).await.is_none());
        drop(gone);
        let waiting = Arc::new(Notify::new());
        assert!(permits.acquire(&waiting).await.is_none());
        drop(held);
        waiting.notified().await;
    }
}
