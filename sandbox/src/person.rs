//! What an account says of itself, and whom it keeps away.

use crate::lock::hold;
use crate::picture::Picture;
use std::collections::BTreeMap;
use std::sync::Mutex;

#[derive(Default)]
struct Shown {
    /// The text about oneself, and since when.
    about: Option<(String, u64)>,
    picture: Option<Picture>,
    /// Blocked numbers, and since when.
    blocked: BTreeMap<String, u64>,
    shut_to_groups: bool,
}

/// See the module.
#[derive(Default)]
pub(crate) struct Person(Mutex<Shown>);

impl Person {
    pub(crate) fn about(&self) -> Option<(String, u64)> {
        hold(&self.0).about.clone()
    }

    pub(crate) fn set_about(&self, text: &str, at: u64) {
        hold(&self.0).about = Some((text.to_owned(), at));
    }

    pub(crate) fn picture(&self) -> Option<Picture> {
        hold(&self.0).picture.clone()
    }

    pub(crate) fn set_picture(&self, picture: Option<Picture>) {
        hold(&self.0).picture = picture;
    }

    /// Whether the account keeps this number away.
    pub(crate) fn blocks(&self, number: &str) -> bool {
        hold(&self.0).blocked.contains_key(number)
    }

    /// Whom the account keeps away, and since when.
    pub(crate) fn blocked(&self) -> Vec<(String, u64)> {
        hold(&self.0).blocked.iter().map(|(number, since)| (number.clone(), *since)).collect()
    }

    /// Keeps a number away from a time on, or lets it in again.
    pub(crate) fn set_blocked(&self, number: &str, since: Option<u64>) {
        let blocked = &mut hold(&self.0).blocked;
        match since {
            Some(since) => blocked.insert(number.to_owned(), since),
            None => blocked.remove(number),
        };
    }

    /// Whether nobody can add the account to groups.
    pub(crate) fn refuses_groups(&self) -> bool {
        hold(&self.0).shut_to_groups
    }

    pub(crate) fn close_to_groups(&self, closed: bool) {
        hold(&self.0).shut_to_groups = closed;
    }
}
