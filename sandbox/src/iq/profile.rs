//! `w:profile:picture`: nobody has one.

use super::Answer;

pub(super) fn picture() -> Answer {
    Answer::Error(404, "item-not-found")
}
