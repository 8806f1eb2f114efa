//! The public id of a human.

use std::fmt;
use std::str::FromStr;

use super::{AccountNo, BadId, PersonNo, base32};
use crate::key::Parts;

/// A human anywhere in the store: `con_` and 13 characters, made of the account's number and the human's. It stays as it
/// is when more addresses of the human become known; of two that turn out to be one, either names the one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContactId {
    /// The account.
    pub account: AccountNo,
    /// The human, as the account knows them.
    pub person: PersonNo,
}

impl ContactId {
    /// Prefix of the public form.
    pub const PREFIX: &'static str = "con_";
}

impl fmt::Display for ContactId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [self.account.0.to_be_bytes(), self.person.0.to_be_bytes()].concat();
        write!(f, "{}{}", Self::PREFIX, base32().encode(&bytes))
    }
}

impl FromStr for ContactId {
    type Err = BadId;

    fn from_str(text: &str) -> Result<Self, BadId> {
        let body = text.strip_prefix(Self::PREFIX).ok_or(BadId)?;
        let bytes = base32().decode(body.as_bytes()).map_err(|_| BadId)?;
        let mut parts = Parts(&bytes);
        match (parts.u32(), parts.u32(), parts.rest()) {
            (Some(account), Some(person), []) => Ok(Self { account: AccountNo(account), person: PersonNo(person) }),
            _ => Err(BadId),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_comes_back_and_nothing_else_is_one() {
        let id = ContactId { account: AccountNo(7), person: PersonNo(9) };
        assert_eq!(id.to_string().parse(), Ok(id));
        for bad in ["", "con_", "con_x", "chat_0000000g00001", "con_0000000g00001000"] {
            assert_eq!(bad.parse::<ContactId>(), Err(BadId), "{bad}");
        }
    }
}
