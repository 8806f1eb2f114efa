//! The rules that a value's type can't say: ranges, and what fits together.

use std::fmt::Display;

/// What was found wrong or risky, by key.
#[derive(Debug, Default)]
pub(super) struct Checks {
    pub(super) refused: Vec<Finding>,
    pub(super) warnings: Vec<Finding>,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The key, dotted.
    pub key: &'static str,
    /// What is wrong and what would be right; never the value of a secret.
    pub what: String,
}

impl Checks {
    pub(super) fn refuse(&mut self, key: &'static str, what: impl Into<String>) {
        self.refused.push(Finding { key, what: what.into() });
    }

    pub(super) fn warn(&mut self, key: &'static str, what: impl Into<String>) {
        self.warnings.push(Finding { key, what: what.into() });
    }

    pub(super) fn between<T: PartialOrd + Display + Copy>(&mut self, key: &'static str, value: T, least: T, most: T) {
        if !(least..=most).contains(&value) {
            self.refuse(key, format!("is {value}, must be from {least} to {most}"));
        }
    }
}
