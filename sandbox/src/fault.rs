//! Faults: what a test or an operator makes go wrong, and where.
//!
//! A fault belongs to a scope. When several scopes hold the same fault, the narrowest one is used
//! up first: device, then account, then network.
//!
//! What concerns connections, acks and refusals is about companions: a phone has no connection and
//! what it sends is always accepted. A phone's deliveries can be doubled, not delayed; a phone that
//! is to get nothing goes offline.

use crate::lock::hold;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Where a fault applies.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Every connection and device.
    Network,
    /// Every device of the account with this number.
    Account(String),
    /// One device of an account; 0 is the phone.
    Device(String, u16),
}

impl Scope {
    /// Every device of an account.
    pub fn account(number: impl Into<String>) -> Self {
        Self::Account(number.into())
    }

    /// One device of an account.
    pub fn device(number: impl Into<String>, device: u16) -> Self {
        Self::Device(number.into(), device)
    }
}

/// Something that goes wrong until it is used up or healed.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Fault {
    /// Every stanza to the device is held back this long. Zero ends it.
    Delay {
        /// Milliseconds.
        millis: u64,
    },
    /// The next `count` messages are delivered twice.
    Duplicate {
        /// How many messages.
        count: u32,
    },
    /// The acks of the next `count` messages from the device are not sent.
    SwallowAcks {
        /// How many acks.
        count: u32,
        /// Whether the messages themselves are delivered.
        deliver: bool,
    },
    /// The next `count` messages from the device are answered with an error and not delivered.
    RefuseMessages {
        /// How many messages.
        count: u32,
        /// The code in the ack, such as 463.
        code: u16,
    },
    /// The next `count` connections are closed before they are answered. In the network's scope
    /// that is at once; in narrower scopes it is after the login names the account.
    RefuseConnections {
        /// How many connections.
        count: u32,
    },
    /// Connections are closed as above for this long.
    RefuseConnectionsFor {
        /// Milliseconds.
        millis: u64,
    },
    /// The server neither reads nor answers, but keeps the connection: the client's keep-alive
    /// must notice.
    Silence,
}

/// How a connection is ended on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cut {
    /// The socket is dropped without a word.
    Drop,
    /// `<stream:error code="503">`: service unavailable.
    Unavailable,
    /// `<stream:error code="515">`: reconnect at once.
    Restart,
    /// `<conflict type="replaced">`: another connection took over.
    Replaced,
    /// `<conflict type="device_removed">` with code 401. The device is unlinked: its next login
    /// is refused with 401.
    DeviceRemoved,
}

#[derive(Default)]
struct Armed {
    delay: Option<Duration>,
    duplicate: u32,
    swallow: u32,
    swallow_delivers: bool,
    refuse: u32,
    refuse_code: u16,
    connections: u32,
    connections_until: Option<Instant>,
    silent: bool,
}

/// The faults of one scope.
#[derive(Default)]
pub(crate) struct FaultSet {
    /// Lets the message path skip the lock while nothing was ever set.
    any: AtomicBool,
    armed: Mutex<Armed>,
}

impl FaultSet {
    /// Adds or replaces a fault of this kind.
    pub(crate) fn set(&self, fault: &Fault, now: Instant) {
        let mut armed = hold(&self.armed);
        match *fault {
            Fault::Delay { millis } => {
                armed.delay = (millis > 0).then(|| Duration::from_millis(millis));
            }
            Fault::Duplicate { count } => armed.duplicate = count,
            Fault::SwallowAcks { count, deliver } => {
                armed.swallow = count;
                armed.swallow_delivers = deliver;
            }
            Fault::RefuseMessages { count, code } => {
                armed.refuse = count;
                armed.refuse_code = code;
            }
            Fault::RefuseConnections { count } => armed.connections = count,
            Fault::RefuseConnectionsFor { millis } => {
                armed.connections_until = Some(now + Duration::from_millis(millis));
            }
            Fault::Silence => armed.silent = true,
        }
        self.any.store(true, Ordering::Release);
    }

    /// Removes every fault of this scope.
    pub(crate) fn heal(&self) {
        *hold(&self.armed) = Armed::default();
        self.any.store(false, Ordering::Release);
    }

    fn use_one<T>(&self, pick: impl FnOnce(&mut Armed) -> Option<T>) -> Option<T> {
        if !self.any.load(Ordering::Acquire) {
            return None;
        }
        pick(&mut hold(&self.armed))
    }

    /// Whether this connection is to be refused.
    pub(crate) fn refuses_connection(&self, now: Instant) -> bool {
        self.use_one(|armed| {
            if armed.connections_until.is_some_and(|until| now < until) {
                return Some(());
            }
            spend(&mut armed.connections)
        })
        .is_some()
    }
}

fn spend(budget: &mut u32) -> Option<()> {
    *budget = budget.checked_sub(1)?;
    Some(())
}

/// The scopes that apply to one device, narrowest first.
#[derive(Clone)]
pub(crate) struct FaultScope(Arc<[Arc<FaultSet>]>);

impl FaultScope {
    pub(crate) fn new(sets: impl IntoIterator<Item = Arc<FaultSet>>) -> Self {
        Self(sets.into_iter().collect())
    }

    fn first<T>(&self, pick: impl Fn(&mut Armed) -> Option<T>) -> Option<T> {
        self.0.iter().find_map(|set| set.use_one(&pick))
    }

    /// How long a stanza to the device is held back.
    pub(crate) fn delay(&self) -> Option<Duration> {
        self.first(|armed| armed.delay)
    }

    /// Whether the device's connection is dead silent.
    pub(crate) fn silent(&self) -> bool {
        self.first(|armed| armed.silent.then_some(())).is_some()
    }

    /// Whether this delivery is doubled. Uses up one.
    pub(crate) fn duplicates(&self) -> bool {
        self.first(|armed| spend(&mut armed.duplicate)).is_some()
    }

    /// Whether this message's ack is swallowed, and then whether the message is delivered. Uses up
    /// one.
    pub(crate) fn swallows_ack(&self) -> Option<bool> {
        self.first(|armed| spend(&mut armed.swallow).map(|()| armed.swallow_delivers))
    }

    /// The code with which this message is refused. Uses up one.
    pub(crate) fn refusal(&self) -> Option<u16> {
        self.first(|armed| spend(&mut armed.refuse).map(|()| armed.refuse_code))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope() -> (Arc<FaultSet>, Arc<FaultSet>, FaultScope) {
        let (device, network) = (Arc::<FaultSet>::default(), Arc::<FaultSet>::default());
        let scope = FaultScope::new([device.clone(), network.clone()]);
        (device, network, scope)
    }

    #[test]
    fn the_narrowest_scope_is_used_up_first() {
        let (device, network, scope) = scope();
        let now = Instant::now();
        network.set(&Fault::RefuseMessages { count: 1, code: 500 }, now);
        device.set(&Fault::RefuseMessages { count: 1, code: 463 }, now);
        assert_eq!(scope.refusal(), Some(463));
        assert_eq!(scope.refusal(), Some(500));
        assert_eq!(scope.refusal(), None);
    }

    #[test]
    fn swallowing_says_whether_to_deliver() {
        let (device, _, scope) = scope();
        let fault = Fault::SwallowAcks { count: 1, deliver: true };
        device.set(&fault, Instant::now());
        assert_eq!(scope.swallows_ack(), Some(true));
        assert_eq!(scope.swallows_ack(), None);
    }

    #[test]
    fn connections_are_refused_by_count_and_by_time() {
        let set = FaultSet::default();
        let now = Instant::now();
        set.set(&Fault::RefuseConnections { count: 1 }, now);
        assert!(set.refuses_connection(now));
        assert!(!set.refuses_connection(now));
        set.set(&Fault::RefuseConnectionsFor { millis: 50 }, now);
        assert!(set.refuses_connection(now + Duration::from_millis(49)));
        assert!(!set.refuses_connection(now + Duration::from_millis(50)));
    }

    #[test]
    fn healing_ends_everything() {
        let (device, _, scope) = scope();
        device.set(&Fault::Silence, Instant::now());
        device.set(&Fault::Delay { millis: 5 }, Instant::now());
        assert!(scope.silent());
        device.heal();
        assert!(!scope.silent() && scope.delay().is_none());
    }
}
