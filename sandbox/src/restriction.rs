//! Restrictions: an account that may answer, and may not write to those who never wrote to it.

use crate::lock::hold;
use crate::stanza::now;
use std::collections::HashSet;
use std::sync::Mutex;

/// What the network forbids a number to send: messages to people who have never written to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Restriction {
    /// The code that such a message is refused with, such as 463 or 475.
    pub code: u16,
    /// When it ends by itself, in seconds since 1970; `None` lasts until it is lifted.
    pub until: Option<u64>,
}

/// One account's restriction, and who has written to it.
#[derive(Default)]
pub(crate) struct Reach {
    restriction: Mutex<Option<Restriction>>,
    heard_from: Mutex<HashSet<String>>,
}

impl Reach {
    /// Restricts the account, or lifts it.
    pub(crate) fn set(&self, restriction: Option<Restriction>) {
        *hold(&self.restriction) = restriction;
    }

    /// The restriction, if there is one that is not over.
    pub(crate) fn restriction(&self) -> Option<Restriction> {
        let held = *hold(&self.restriction);
        held.filter(|held| held.until.is_none_or(|until| now() < until))
    }

    /// This number has written to the account.
    pub(crate) fn hear(&self, number: &str) {
        let mut heard = hold(&self.heard_from);
        if !heard.contains(number) {
            heard.insert(number.to_owned());
        }
    }

    /// The code with which a message to this number is refused.
    pub(crate) fn refuses(&self, number: &str) -> Option<u16> {
        let restriction = self.restriction()?;
        (!hold(&self.heard_from).contains(number)).then_some(restriction.code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_those_who_wrote_are_reached_until_it_is_over() {
        let reach = Reach::default();
        assert_eq!(reach.refuses("1555"), None);
        reach.set(Some(Restriction { code: 463, until: None }));
        reach.hear("1666");
        assert_eq!((reach.refuses("1555"), reach.refuses("1666")), (Some(463), None));
        reach.set(Some(Restriction { code: 475, until: Some(now()) }));
        assert_eq!(reach.refuses("1555"), None);
    }
}
