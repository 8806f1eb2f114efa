//! Faults and cuts: a network made to fail on purpose.

use super::{Network, NotFound};
use crate::account::Account;
use crate::fault::{Cut, Fault, Scope};
use crate::pairing::complete::{Change, announce};
use crate::registry::Registry;
use std::sync::Arc;
use tokio::time::Instant;

impl Network {
    /// Makes something go wrong in a scope, until it is used up or healed.
    ///
    /// # Errors
    /// When the scope names nobody.
    pub fn inject(&self, scope: &Scope, fault: &Fault) -> Result<(), NotFound> {
        let now = Instant::now();
        match scope {
            Scope::Network => self.registry.faults.set(fault, now),
            Scope::Account(number) => self.account(number)?.faults.set(fault, now),
            Scope::Device(number, 0) => self.account(number)?.phone.faults.set(fault, now),
            Scope::Device(number, id) => self.device(number, *id)?.faults.set(fault, now),
        }
        Ok(())
    }

    /// Ends every fault of exactly this scope.
    ///
    /// # Errors
    /// When the scope names nobody.
    pub fn heal(&self, scope: &Scope) -> Result<(), NotFound> {
        match scope {
            Scope::Network => self.registry.faults.heal(),
            Scope::Account(number) => self.account(number)?.faults.heal(),
            Scope::Device(number, 0) => self.account(number)?.phone.faults.heal(),
            Scope::Device(number, id) => self.device(number, *id)?.faults.heal(),
        }
        // Connections that were left hanging go on.
        self.registry.changed.notify_waiters();
        Ok(())
    }

    /// Ends connections. Returns how many were open. In the network's scope this takes in
    /// connections that have not logged in; with [`Cut::DeviceRemoved`] the devices are unlinked,
    /// connected or not.
    ///
    /// # Errors
    /// When the scope names nobody.
    pub fn disconnect(&self, scope: &Scope, cut: Cut) -> Result<usize, NotFound> {
        if *scope == Scope::Network && cut != Cut::DeviceRemoved {
            let links = self.registry.links();
            links.iter().for_each(|link| cut.end(link));
            return Ok(links.len());
        }
        let mut ended = 0;
        for (account, device) in self.companions(scope)? {
            let link = account.device(device).and_then(|device| device.mailbox().link().cloned());
            if cut == Cut::DeviceRemoved {
                unlink(&self.registry, &account, device);
            } else if let Some(link) = &link {
                cut.end(link);
            }
            ended += usize::from(link.is_some());
        }
        Ok(ended)
    }

    fn companions(&self, scope: &Scope) -> Result<Vec<(Arc<Account>, u16)>, NotFound> {
        let all_of = |account: Arc<Account>| {
            let devices = account.devices();
            devices.into_iter().map(move |device| (account.clone(), device.id))
        };
        Ok(match scope {
            Scope::Network => self.registry.accounts().into_iter().flat_map(all_of).collect(),
            Scope::Account(number) => all_of(self.account(number)?).collect(),
            Scope::Device(number, id) => {
                self.device(number, *id)?;
                vec![(self.account(number)?, *id)]
            }
        })
    }
}

/// Unlinks a companion: everyone is told, its connection ends, its next login is refused.
pub(crate) fn unlink(registry: &Registry, account: &Arc<Account>, device: u16) {
    let Some(removed) = account.remove_device(device) else {
        return;
    };
    announce(registry, account, Change::Removed, (device, removed.key_index));
    let link = removed.mailbox().link().cloned();
    if let Some(link) = link {
        Cut::DeviceRemoved.end(&link);
    }
    registry.changed.notify_waiters();
}
