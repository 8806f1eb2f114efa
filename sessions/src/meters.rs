//! What links count. The handles are made by whoever owns the process's metrics; by default they lead nowhere, so
//! that nothing here needs to know whether somebody looks.

use metrics::{Counter, Histogram};

/// Counters of one family, one for each word of its label.
#[derive(Clone)]
pub struct Counters<K>(Vec<(K, Counter)>);

impl<K> Default for Counters<K> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<K> std::fmt::Debug for Counters<K> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Counters").field(&self.0.len()).finish()
    }
}

impl<K: Copy + PartialEq> Counters<K> {
    /// A counter for each of `words`, made by `make`.
    pub fn new(words: impl IntoIterator<Item = K>, make: impl Fn(K) -> Counter) -> Self {
        Self(words.into_iter().map(|word| (word, make(word))).collect())
    }

    /// Counts one more under a word. A word that was not given at the start is not counted.
    pub fn count(&self, word: K) {
        self.add(word, 1);
    }

    /// Counts `more` under a word.
    pub fn add(&self, word: K, more: u64) {
        // There are never more than a dozen: looking through them is faster than hashing.
        if let Some((_, counter)) = self.0.iter().find(|(known, _)| *known == word) {
            counter.increment(more);
        }
    }
}

/// What became of a message that the network handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Arrived {
    /// It was new.
    Stored,
    /// It could not be read at first and can be now.
    Filled,
    /// It was known: the network told it again.
    Repeat,
}

impl Arrived {
    /// Every one of them.
    pub const ALL: [Self; 3] = [Self::Stored, Self::Filled, Self::Repeat];

    /// The word used in metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stored => "stored",
            Self::Filled => "filled",
            Self::Repeat => "repeat",
        }
    }
}

/// The handles that links count with.
#[derive(Clone)]
pub struct LinkMeters {
    /// Messages committed for the first time, received ones by the kind of their content.
    pub received: Counters<&'static str>,
    /// ... and those that another device of the account sent.
    pub sent_elsewhere: Counters<&'static str>,
    /// What became of what the network handed over.
    pub arrived: Counters<Arrived>,
    /// Seconds from the library's call to the commit on disk.
    pub commit_seconds: Histogram,
}

impl Default for LinkMeters {
    fn default() -> Self {
        Self {
            received: Counters::default(),
            sent_elsewhere: Counters::default(),
            arrived: Counters::default(),
            commit_seconds: Histogram::noop(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_nobody_registered_counts_nowhere() {
        Counters::<Arrived>::default().count(Arrived::Stored);
        Counters::new([Arrived::Stored], |_| Counter::noop()).count(Arrived::Repeat);
    }

    #[test]
    fn words_are_different() {
        let words: std::collections::HashSet<_> = Arrived::ALL.map(Arrived::as_str).into_iter().collect();
        assert_eq!(words.len(), Arrived::ALL.len());
    }
}
