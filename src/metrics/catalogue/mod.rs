//! The catalogue of metrics: what can be asked of a gateway, in one place. Whatever is counted or shown goes through a
//! [`Family`] of this table, so that nothing is shown that does not stand here.

mod accounts;
mod bulk;
mod deliveries;
mod files;
mod life;
mod messages;
mod restrictions;
mod server;
mod store;
mod streams;

pub(crate) use accounts::*;
pub(crate) use bulk::*;
pub(crate) use deliveries::*;
pub(crate) use files::*;
pub(crate) use life::*;
pub(crate) use messages::*;
pub(crate) use restrictions::*;
pub(crate) use server::*;
pub(crate) use store::*;
pub(crate) use streams::*;

/// A family: one name, its meaning, and what its series are told apart by.
#[derive(Debug, PartialEq, Eq)]
pub struct Family {
    /// The name as it is scraped, with its unit.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// What it means. One sentence or more.
    pub help: &'static str,
    /// Its labels, in the order in which they are given.
    pub labels: &'static [Label],
}

/// What a family is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only rises; begins at zero with the process.
    Counter,
    /// Rises and falls.
    Gauge,
    /// Cut at these bounds.
    Histogram(Cut),
}

/// How a histogram is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// Seconds of work done here: half a millisecond to 2.5 s.
    Fast,
    /// Seconds of waiting for others: 5 ms to a day.
    Slow,
    /// As the store's own histogram is cut.
    Store,
}

/// A label and what it can say.
#[derive(Debug, PartialEq, Eq)]
pub struct Label {
    /// Its name.
    pub name: &'static str,
    /// What it can say.
    pub values: Values,
}

/// The values of a label.
#[derive(Debug, PartialEq, Eq)]
pub enum Values {
    /// One of these.
    Of(&'static [&'static str]),
    /// A path of the API's contract with its placeholders, or `none`.
    Routes,
    /// The id of an account, of at most `metrics.per_account_max`.
    Accounts,
    /// Of this build; one.
    Build,
}

impl Cut {
    /// The bounds in seconds; none where the store has them.
    #[must_use]
    pub const fn seconds(self) -> &'static [f64] {
        match self {
            Self::Fast => &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5],
            Self::Slow => {
                &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0, 60.0, 300.0, 3_600.0, 21_600.0, 86_400.0]
            }
            Self::Store => &[],
        }
    }
}

impl Kind {
    /// The word of the text format.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram(_) => "histogram",
        }
    }
}

const fn counter(name: &'static str, help: &'static str, labels: &'static [Label]) -> Family {
    Family { name, kind: Kind::Counter, help, labels }
}

const fn gauge(name: &'static str, help: &'static str, labels: &'static [Label]) -> Family {
    Family { name, kind: Kind::Gauge, help, labels }
}

const fn histogram(name: &'static str, cut: Cut, help: &'static str, labels: &'static [Label]) -> Family {
    Family { name, kind: Kind::Histogram(cut), help, labels }
}

const fn label(name: &'static str, values: &'static [&'static str]) -> Label {
    Label { name, values: Values::Of(values) }
}

/// Every family, in the order of the rooms that they are about.
#[must_use]
pub fn catalogue() -> Vec<&'static Family> {
    let accounts = [accounts::ALL, life::ALL, messages::ALL, bulk::ALL, restrictions::ALL].concat();
    [&accounts, deliveries::ALL, streams::ALL, files::ALL, store::ALL, server::ALL].concat()
}

#[cfg(test)]
#[path = "../catalogue_tests.rs"]
mod tests;
