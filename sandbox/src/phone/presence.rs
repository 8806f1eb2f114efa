//! A phone's user who comes, goes and types.

use super::{Phone, PhoneError};
use crate::presence;
use crate::wait::{WaitError, until};
use std::time::Duration;
use wacore_binary::builder::NodeBuilder;

/// The phone among an account's devices.
const PHONE: u16 = 0;

impl Phone {
    /// The user looks at the phone, or puts it away. Whoever watches hears of it.
    pub fn appear(&self, there: bool) {
        presence::appear(&self.registry, &self.account, PHONE, there);
    }

    /// The user types (`composing`), records (`recording`) or stops (`paused`) in the chat with a number or jid.
    ///
    /// # Errors
    /// When the phone is offline, nobody has the address, or there is no such word.
    pub fn type_to(&self, to: &str, what: &str) -> Result<(), PhoneError> {
        self.check_online()?;
        let child = match what {
            "composing" => NodeBuilder::new("composing"),
            "recording" => NodeBuilder::new("composing").attr("media", "audio"),
            "paused" => NodeBuilder::new("paused"),
            other => return Err(PhoneError::BadRecipient(other.to_owned())),
        };
        let (target, family) = self.recipient(to)?;
        presence::type_to(&self.account, &target, family, child.build());
        Ok(())
    }

    /// Numbers that watch whether the user is there, or did on a connection that is over.
    pub fn watchers(&self) -> Vec<String> {
        self.account.presence.watchers().into_iter().map(|(number, _)| number).collect()
    }

    /// Waits until a number watches this phone, or no more.
    ///
    /// # Errors
    /// When it does not within the time.
    pub async fn wait_for_watcher(&self, number: &str, watches: bool, within: Duration) -> Result<(), WaitError> {
        let changed = &self.registry.changed;
        until(changed, within, "a watcher", || {
            (self.watchers().iter().any(|one| one == number) == watches).then_some(())
        })
        .await
    }
}
