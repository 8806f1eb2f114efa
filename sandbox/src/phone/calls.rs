//! A phone that calls.

use super::{Phone, PhoneError};
use crate::call::{self, CallSeen};
use crate::wait::{WaitError, until};
use std::time::Duration;

impl Phone {
    /// Calls a number (digits) or the jid of a person. Returns what names the call.
    ///
    /// # Errors
    /// When the phone is offline, or nobody has the address.
    pub fn call(&self, to: &str, video: bool) -> Result<String, PhoneError> {
        self.check_online()?;
        let (to, family) = self.recipient(to)?;
        Ok(call::ring(&self.registry, &self.account, &to, family, video))
    }

    /// Ends a call that this phone made. A reason (`accepted_elsewhere`, `rejected_elsewhere`, `timeout`) is what the
    /// other side's companions hear where their phone did something about it.
    ///
    /// # Errors
    /// When this phone made no such call.
    pub fn end_call(&self, id: &str, reason: Option<&str>) -> Result<(), PhoneError> {
        self.check_online()?;
        let ended = call::end(&self.registry, &self.account, id, self.account.home_family(), reason);
        ended.ok_or_else(|| PhoneError::UnknownRecipient(id.to_owned()))
    }

    /// The calls that this phone made.
    pub fn calls(&self) -> Vec<CallSeen> {
        self.account.calls.all()
    }

    /// Waits until a call that this phone made is as wanted.
    ///
    /// # Errors
    /// When it is not within the time.
    pub async fn wait_for_call(
        &self,
        id: &str,
        within: Duration,
        wanted: impl Fn(&CallSeen) -> bool,
    ) -> Result<CallSeen, WaitError> {
        until(&self.account.phone.changed, within, "a call", || {
            self.calls().into_iter().find(|call| call.id == id && wanted(call))
        })
        .await
    }
}
