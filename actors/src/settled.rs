//! Wakes those who wait for a message to be settled.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use tokio::sync::watch;
use wasup_store::id::MessageId;

use crate::door::lock;

/// Waiters by message. A wake-up says only "look again"; what is true stands in the store.
#[derive(Clone, Default)]
pub(crate) struct Settled {
    waiting: Arc<Mutex<HashMap<MessageId, watch::Sender<()>>>>,
}

/// One who waits. Dropping it ends the waiting.
pub(crate) struct Waiter {
    id: MessageId,
    hub: Settled,
    woken: watch::Receiver<()>,
}

impl Settled {
    /// Begins to wait. To be called before the message is looked at, so that no wake-up falls between.
    pub(crate) fn wait_for(&self, id: MessageId) -> Waiter {
        let woken = lock(&self.waiting).entry(id).or_default().subscribe();
        Waiter { id, hub: self.clone(), woken }
    }

    /// Wakes whoever waits for these.
    pub(crate) fn wake(&self, ids: impl IntoIterator<Item = MessageId>) {
        let waiting = lock(&self.waiting);
        if waiting.is_empty() {
            return;
        }
        for id in ids {
            if let Some(waiters) = waiting.get(&id) {
                waiters.send_replace(());
            }
        }
    }
}

impl Waiter {
    /// Resolves at the next wake-up.
    pub(crate) async fn woken(&mut self) {
        if self.woken.changed().await.is_err() {
            // The sender lives as long as a waiter does.
            std::future::pending::<()>().await;
        }
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let mut waiting = lock(&self.hub.waiting);
        // This receiver is still alive here: one left means nobody else waits.
        if waiting.get(&self.id).is_some_and(|waiters| waiters.receiver_count() <= 1) {
            waiting.remove(&self.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasup_store::id::{AccountNo, MessageKey};

    #[tokio::test]
    async fn every_waiter_of_a_message_is_woken_and_nothing_is_left_behind() {
        let hub = Settled::default();
        let id = |n| MessageId { account: AccountNo(1), key: MessageKey::new(n, n) };
        let (mut a, mut b) = (hub.wait_for(id(1)), hub.wait_for(id(1)));
        let other = hub.wait_for(id(2));
        hub.wake([id(1), id(3)]);
        a.woken().await;
        b.woken().await;
        assert!(!other.woken.has_changed().unwrap());
        drop((a, b, other));
        assert!(lock(&hub.waiting).is_empty());
    }
}
