//! Public ids of what has a number inside its account.

use std::fmt;
use std::str::FromStr;

use super::{AccountNo, BadId, ChatNo, PersonNo, base32};
use crate::key::Parts;

/// An id made of the account's number and the thing's own: a prefix and 13 characters.
macro_rules! part {
    ($(#[$doc:meta])* $name:ident, $prefix:literal, $(#[$part_doc:meta])* $part:ident: $no:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name {
            /// The account.
            pub account: AccountNo,
            $(#[$part_doc])*
            pub $part: $no,
        }

        impl $name {
            /// Prefix of the public form.
            pub const PREFIX: &'static str = $prefix;
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let bytes = [self.account.0.to_be_bytes(), self.$part.0.to_be_bytes()].concat();
                write!(f, "{}{}", Self::PREFIX, base32().encode(&bytes))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = BadId;

            fn from_str(text: &str) -> Result<Self, BadId> {
                let body = text.strip_prefix(Self::PREFIX).ok_or(BadId)?;
                let bytes = base32().decode(body.as_bytes()).map_err(|_| BadId)?;
                let mut parts = Parts(&bytes);
                match (parts.u32(), parts.u32(), parts.rest()) {
                    (Some(account), Some(part), []) => Ok(Self { account: AccountNo(account), $part: $no(part) }),
                    _ => Err(BadId),
                }
            }
        }
    };
}

part!(
    /// A chat anywhere in the store: `chat_` and 13 characters. It stays as it is when more addresses of the human become
    /// known.
    ChatId, "chat_",
    /// The chat in it.
    chat: ChatNo
);
part!(
    /// A human anywhere in the store: `con_` and 13 characters. It stays as it is when more addresses of the human become
    /// known; of two that turn out to be one, either names the one.
    ContactId, "con_",
    /// The human, as the account knows them.
    person: PersonNo
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_comes_back_and_nothing_else_is_one() {
        let (account, chat, person) = (AccountNo(7), ChatNo(9), PersonNo(9));
        let (chat, contact) = (ChatId { account, chat }, ContactId { account, person });
        assert_eq!(
            (chat.to_string().as_str(), contact.to_string().as_str()),
            ("chat_000001o00000i", "con_000001o00000i")
        );
        assert_eq!((chat.to_string().parse(), contact.to_string().parse()), (Ok(chat), Ok(contact)));
        for bad in ["", "con_", "con_x", "chat_", "000001o00000i", "con_000001o00000i000", "CON_000001o00000i"] {
            assert_eq!((bad.parse::<ContactId>(), bad.parse::<ChatId>()), (Err(BadId), Err(BadId)), "{bad}");
        }
        assert_eq!(chat.to_string().parse::<ContactId>(), Err(BadId));
        assert_eq!(contact.to_string().parse::<ChatId>(), Err(BadId));
    }
}
