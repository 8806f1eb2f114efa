//! A phone under its two addresses: by number and by hidden id.

use super::{Phone, PhoneError, send};
use crate::account::Family;

impl Phone {
    /// From now on only the address that this account writes from stands in what it sends one to one, as networks do whose
    /// other side has not learnt the other one; or both again.
    pub fn show_one_address(&self, one: bool) {
        self.account.show_one_address(one);
    }

    /// Writes a text to a number or jid under an id that may have been used before, by number or by hidden id: so the real
    /// network brings a message again whose chat has moved meanwhile.
    ///
    /// # Errors
    /// When the phone is offline or the recipient is not on this network.
    pub async fn send_again(&self, to: &str, (id, text): (&str, &str), hidden: bool) -> Result<(), PhoneError> {
        self.check_online()?;
        let (to, _) = self.recipient(to)?;
        let family = if hidden { Family::Hidden } else { Family::Number };
        let letter = send::Letter { to, family, message: send::text(text), automatic: false };
        send::send_as(&self.registry, &self.account, &letter, id.to_owned()).map(drop)
    }
}
