//! The books: who acknowledged what, what the server accepted, what still waits.

use super::{Network, NotFound};
use crate::ledger::Accepted;

impl Network {
    /// How many stanzas wait for a device or are not acknowledged by it.
    ///
    /// # Errors
    /// When there is no such device.
    pub fn waiting(&self, number: &str, device: u16) -> Result<usize, NotFound> {
        let account = self.account(number)?;
        if device == 0 {
            return Ok(account.phone.waiting());
        }
        let found = account.device(device);
        let device = found.ok_or_else(|| NotFound::Device(number.to_owned(), device))?;
        let waiting = device.mailbox().waiting();
        Ok(waiting)
    }

    /// Ids of the messages a device has acknowledged, in order; 0 is the phone, which
    /// acknowledges what it has decrypted.
    ///
    /// # Errors
    /// When there is no such device.
    pub fn acked_by(&self, number: &str, device: u16) -> Result<Vec<String>, NotFound> {
        let account = self.account(number)?;
        if device == 0 {
            return Ok(account.phone.acked.all());
        }
        let found = account.device(device);
        let device = found.ok_or_else(|| NotFound::Device(number.to_owned(), device))?;
        Ok(device.acked.all())
    }

    /// How many messages a device has acknowledged, whether or not their ids are still kept.
    ///
    /// # Errors
    /// When there is no such device.
    pub fn acked_count(&self, number: &str, device: u16) -> Result<u64, NotFound> {
        if device == 0 {
            return Ok(self.account(number)?.phone.acked.count());
        }
        Ok(self.device(number, device)?.acked.count())
    }

    /// Messages the server has accepted from an account's devices, in order: those it acknowledged
    /// without an error. A message whose ack was swallowed is not among them; one that was sent
    /// again is there as often as it was acknowledged.
    ///
    /// # Errors
    /// When there is no such account.
    pub fn accepted_from(&self, number: &str) -> Result<Vec<Accepted>, NotFound> {
        Ok(self.account(number)?.accepted.all())
    }
}
