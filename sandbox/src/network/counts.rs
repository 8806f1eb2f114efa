//! Connections and logins, counted: how a test proves that a limit was kept.

use super::{Network, NotFound};
use crate::connection::Connects;
use tokio::time::Instant;

/// The logins of one number.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct NumberCounts {
    /// Logins that named the number, accepted or not.
    pub attempts: u64,
    /// Logins that were accepted.
    pub logins: u64,
    /// Connections of its companions at present.
    pub connected: usize,
    /// Each companion's.
    pub devices: Vec<DeviceLogins>,
}

/// The logins of one companion.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct DeviceLogins {
    /// The account's number.
    pub number: String,
    /// The device.
    pub device: u16,
    /// Logins that were accepted since it was linked.
    pub logins: u64,
    /// Of these, those since [`Network::mark_logins`].
    pub since_mark: u64,
}

impl Network {
    /// Connections as the listener sees them: how many were opened, how many are being made, how many came in a minute.
    pub fn connects(&self) -> Connects {
        self.registry.connecting.read(Instant::now())
    }

    /// Starts the counts and peaks of [`Self::connects`] anew. What was opened in the last minute still counts as the
    /// last minute.
    pub fn forget_connects(&self) {
        self.registry.connecting.forget(Instant::now());
    }

    /// The logins of a number.
    ///
    /// # Errors
    /// When there is no such account.
    pub fn logins_of(&self, number: &str) -> Result<NumberCounts, NotFound> {
        let account = self.account(number)?;
        let devices = account.devices();
        let (attempts, logins) = account.logins.read();
        let connected = devices.iter().filter(|device| device.mailbox().link().is_some()).count();
        let devices = devices.iter().map(|device| DeviceLogins {
            number: number.to_owned(),
            device: device.id,
            logins: device.logins.get(),
            since_mark: device.logins.since_mark(),
        });
        Ok(NumberCounts { attempts, logins, connected, devices: devices.collect() })
    }

    /// From now on [`Self::logins_since_mark`] counts from 0.
    pub fn mark_logins(&self) {
        for account in self.registry.accounts() {
            account.devices().iter().for_each(|device| device.logins.mark());
        }
    }

    /// Devices that have logged in since [`Self::mark_logins`], with how often. Empty proves that nobody reconnected.
    pub fn logins_since_mark(&self) -> Vec<DeviceLogins> {
        let mut all = Vec::new();
        for account in self.registry.accounts() {
            for device in account.devices() {
                let since_mark = device.logins.since_mark();
                if since_mark > 0 {
                    let logins = device.logins.get();
                    all.push(DeviceLogins { number: account.number.clone(), device: device.id, logins, since_mark });
                }
            }
        }
        all
    }
}
