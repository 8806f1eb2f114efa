//! Waiting for the network to reach a state.

use super::{Network, NumberCounts};
use crate::connection::Connects;
use crate::ledger::Stats;
use crate::violation::Violation;
use crate::wait::{WaitError, until};
use std::time::Duration;

impl Network {
    /// Waits until a companion of the account is connected and has taken over what waited.
    ///
    /// # Errors
    /// When it has not within the time.
    pub async fn wait_connected(&self, number: &str, within: Duration) -> Result<(), WaitError> {
        until(&self.registry.changed, within, "a connection", || self.is_connected(number).then_some(())).await
    }

    /// Waits until exactly so many devices are connected and have taken over what waited.
    ///
    /// # Errors
    /// When there are not within the time.
    pub async fn wait_live(&self, devices: usize, within: Duration) -> Result<(), WaitError> {
        let reached = || (self.live() == devices).then_some(());
        until(&self.registry.changed, within, "so many live devices", reached).await
    }

    /// Waits until no companion of the account is connected.
    ///
    /// # Errors
    /// When one still is after the time.
    pub async fn wait_disconnected(&self, number: &str, within: Duration) -> Result<(), WaitError> {
        until(&self.registry.changed, within, "a disconnection", || {
            let connected = self.connections().iter().any(|held| held.number == number);
            (!connected).then_some(())
        })
        .await
    }

    /// Waits until the counters satisfy a condition.
    ///
    /// # Errors
    /// When they do not within the time.
    pub async fn wait_for_stats(&self, within: Duration, reached: impl Fn(&Stats) -> bool) -> Result<Stats, WaitError> {
        until(&self.registry.changed, within, "the network's counts", || Some(self.stats()).filter(&reached)).await
    }

    /// Waits until the listener's counts satisfy a condition.
    ///
    /// # Errors
    /// When they do not within the time.
    pub async fn wait_for_connects(
        &self,
        within: Duration,
        reached: impl Fn(&Connects) -> bool,
    ) -> Result<Connects, WaitError> {
        until(&self.registry.changed, within, "the listener's counts", || Some(self.connects()).filter(&reached)).await
    }

    /// Waits until the logins of a number satisfy a condition.
    ///
    /// # Errors
    /// When they do not within the time, or there is no such account.
    pub async fn wait_for_logins(
        &self,
        number: &str,
        within: Duration,
        reached: impl Fn(&NumberCounts) -> bool,
    ) -> Result<NumberCounts, WaitError> {
        until(&self.registry.changed, within, "the number's logins", || self.logins_of(number).ok().filter(&reached))
            .await
    }

    /// Waits until a violation satisfies a condition.
    ///
    /// # Errors
    /// When none does within the time.
    pub async fn wait_for_violation(
        &self,
        within: Duration,
        wanted: impl Fn(&Violation) -> bool,
    ) -> Result<Violation, WaitError> {
        until(&self.registry.changed, within, "a violation", || self.violations().into_iter().find(&wanted)).await
    }

    /// Waits until a device has acknowledged everything sent to it.
    ///
    /// # Errors
    /// When it has not within the time, or there is no such device.
    pub async fn wait_settled(&self, number: &str, device: u16, within: Duration) -> Result<(), WaitError> {
        until(&self.registry.changed, within, "an empty mailbox", || {
            (self.waiting(number, device) == Ok(0)).then_some(())
        })
        .await
    }
}
