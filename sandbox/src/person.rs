//! Whom an account keeps away.

use crate::lock::hold;
use std::collections::BTreeSet;
use std::sync::Mutex;

#[derive(Default)]
struct Shut {
    blocked: BTreeSet<String>,
    groups: bool,
}

/// See the module.
#[derive(Default)]
pub(crate) struct Person(Mutex<Shut>);

impl Person {
    /// Whether the account keeps this number away.
    pub(crate) fn blocks(&self, number: &str) -> bool {
        hold(&self.0).blocked.contains(number)
    }

    pub(crate) fn set_blocked(&self, number: &str, blocked: bool) {
        let held = &mut hold(&self.0).blocked;
        if blocked {
            held.insert(number.to_owned());
        } else {
            held.remove(number);
        }
    }

    /// Whether nobody can add the account to groups.
    pub(crate) fn refuses_groups(&self) -> bool {
        hold(&self.0).groups
    }

    pub(crate) fn close_to_groups(&self, closed: bool) {
        hold(&self.0).groups = closed;
    }
}
