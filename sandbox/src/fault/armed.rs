//! What is armed in one scope, and in the scopes that apply to one device.

use super::Fault;
use crate::lock::hold;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::Instant;

/// What a refused login is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LoginRefusal {
    pub(crate) reason: u16,
    pub(crate) code: Option<u16>,
    pub(crate) expire: Option<u64>,
}

/// What a refused request for a pairing code is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CodeRefusal {
    pub(crate) code: u16,
    pub(crate) backoff: Option<u32>,
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
    login: Option<(Left, LoginRefusal)>,
    code: Option<(Left, CodeRefusal)>,
    silent: bool,
}

/// How often a refusal is still to be used; `None` has no end.
type Left = Option<u32>;

/// Uses up one of a refusal.
fn refuse<T: Copy>(slot: &mut Option<(Left, T)>) -> Option<T> {
    let (left, refusal) = slot.as_mut()?;
    if let Some(left) = left {
        spend(left)?;
    }
    Some(*refusal)
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
            Fault::RefuseLogins { count, reason, code, expire } => {
                armed.login = Some((count, LoginRefusal { reason, code, expire }));
            }
            Fault::RefuseCodes { count, code, backoff } => armed.code = Some((count, CodeRefusal { code, backoff })),
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

    /// Whether this scope is dead silent.
    pub(crate) fn silent(&self) -> bool {
        self.use_one(|armed| armed.silent.then_some(())).is_some()
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

    /// What this login is refused with. Uses up one.
    pub(crate) fn refuses_login(&self) -> Option<LoginRefusal> {
        self.first(|armed| refuse(&mut armed.login))
    }

    /// What this request for a pairing code is refused with. Uses up one.
    pub(crate) fn refuses_code(&self) -> Option<CodeRefusal> {
        self.first(|armed| refuse(&mut armed.code))
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
    fn logins_are_refused_by_count_or_until_healed() {
        let (device, network, scope) = scope();
        let refuse = |count, reason| Fault::RefuseLogins { count, reason, code: None, expire: None };
        device.set(&refuse(Some(1), 503), Instant::now());
        network.set(&refuse(None, 405), Instant::now());
        let reasons: Vec<_> = (0..4).map(|_| scope.refuses_login().unwrap().reason).collect();
        assert_eq!(reasons, [503, 405, 405, 405]);
        network.heal();
        assert_eq!(scope.refuses_login(), None);
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
