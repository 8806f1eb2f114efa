//! Who acknowledged what: the books a crash test compares with the product's own.

use crate::lock::hold;
use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// A message the server accepted from a device: its ack carried no error.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Accepted {
    /// The message id the sender chose.
    pub id: String,
    /// The sending device of the account; 0 is the phone.
    pub device: u16,
    /// The chat it was addressed to, as the sender wrote it.
    pub to: String,
    /// When the server accepted it, in milliseconds since the epoch.
    pub at_ms: u64,
}

/// A list that counts everything and keeps a limited number.
pub(crate) struct Book<T> {
    limit: Option<usize>,
    kept: Mutex<VecDeque<T>>,
    count: AtomicU64,
}

impl<T: Clone> Book<T> {
    pub(crate) fn new(limit: Option<usize>) -> Self {
        Self { limit, kept: Mutex::default(), count: AtomicU64::new(0) }
    }

    pub(crate) fn enter(&self, entry: T) {
        self.count.fetch_add(1, Ordering::Relaxed);
        let mut kept = hold(&self.kept);
        kept.push_back(entry);
        if self.limit.is_some_and(|limit| kept.len() > limit) {
            kept.pop_front();
        }
    }

    pub(crate) fn all(&self) -> Vec<T> {
        hold(&self.kept).iter().cloned().collect()
    }

    /// How many were entered, kept or not.
    pub(crate) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }
}

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// What happened on the network since it started.
        #[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
        pub struct Stats { $($(#[$doc])* pub $name: u64,)* }

        #[derive(Default)]
        pub(crate) struct Counters { $(pub(crate) $name: Counter,)* }

        impl Counters {
            pub(crate) fn snapshot(&self) -> Stats {
                Stats { $($name: self.$name.get(),)* }
            }
        }
    };
}

counters! {
    /// Connections whose handshake was finished.
    connections,
    /// Handshakes that resumed a known server key.
    resumptions,
    /// Connections refused by a fault.
    connections_refused,
    /// Devices paired.
    pairings,
    /// Logins accepted.
    logins,
    /// Logins refused: of devices that are not linked, or by a fault.
    logins_refused,
    /// Messages accepted from clients and phones: acknowledged without error.
    messages_accepted,
    /// Messages answered with an error.
    messages_refused,
    /// Acks of messages that a fault swallowed.
    acks_swallowed,
    /// Stanzas of silenced connections that were read and ignored.
    unheard,
    /// Copies of messages handed to devices, phones included.
    deliveries,
    /// Stanzas that devices acknowledged.
    acknowledged,
    /// Receipts relayed.
    receipts,
    /// Retry receipts relayed: a device could not decrypt a message.
    retries,
    /// Messages to groups whose sender had an old list of the group's devices, and was told so.
    stale_hashes,
    /// Key bundles handed out.
    bundles,
    /// Messages that phones dropped because they had shown the same id before.
    phone_repeats,
    /// Messages that phones could not decrypt.
    phone_undecryptable,
    /// Files that came to the media host.
    media_uploads,
    /// Downloads of files, whole or in part.
    media_downloads,
    /// Files that phones brought again after the network had forgotten them.
    media_brought_again,
    /// Stanzas refused as malformed.
    violations,
}

/// A number that only grows.
#[derive(Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add_one(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The logins of one account.
#[derive(Default)]
pub(crate) struct LoginBook {
    attempts: Counter,
    accepted: Counter,
}

impl LoginBook {
    pub(crate) fn attempt(&self) {
        self.attempts.add_one();
    }

    pub(crate) fn accept(&self) {
        self.accepted.add_one();
    }

    /// Attempts and accepted ones.
    pub(crate) fn read(&self) -> (u64, u64) {
        (self.attempts.get(), self.accepted.get())
    }
}

/// A number that only grows, with a mark from which a test counts.
#[derive(Default)]
pub(crate) struct MarkedCounter {
    count: Counter,
    mark: AtomicU64,
}

impl MarkedCounter {
    pub(crate) fn add_one(&self) {
        self.count.add_one();
    }

    pub(crate) fn get(&self) -> u64 {
        self.count.get()
    }

    pub(crate) fn mark(&self) {
        self.mark.store(self.get(), Ordering::Relaxed);
    }

    pub(crate) fn since_mark(&self) -> u64 {
        self.get().saturating_sub(self.mark.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_book_counts_beyond_what_it_keeps() {
        let book = Book::new(Some(2));
        for entry in 1..=5 {
            book.enter(entry);
        }
        assert_eq!(book.all(), [4, 5]);
        assert_eq!(book.count(), 5);
    }
}
