//! Restrictions of what a number may send.

use super::{Network, NotFound};
use crate::restriction::Restriction;
use crate::stanza::now;
use std::time::Duration;

impl Network {
    /// From now on messages of this number to people who have never written to it are refused with this code (463, 475);
    /// answers go through. It ends after `lasting`, to the second, or with [`Self::lift_restriction`].
    ///
    /// # Errors
    /// When there is no such account.
    pub fn restrict(&self, number: &str, code: u16, lasting: Option<Duration>) -> Result<(), NotFound> {
        let until = lasting.map(|lasting| now() + lasting.as_secs());
        self.account(number)?.reach.set(Some(Restriction { code, until }));
        Ok(())
    }

    /// The number may write to everybody again.
    ///
    /// # Errors
    /// When there is no such account.
    pub fn lift_restriction(&self, number: &str) -> Result<(), NotFound> {
        self.account(number)?.reach.set(None);
        Ok(())
    }

    /// What the number is forbidden at present.
    ///
    /// # Errors
    /// When there is no such account.
    pub fn restriction(&self, number: &str) -> Result<Option<Restriction>, NotFound> {
        Ok(self.account(number)?.reach.restriction())
    }
}
