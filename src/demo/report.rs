//! What a run of the demo comes to: counted at the phones and at the webhook receiver, not where the messages came from.

use std::collections::HashMap;

use serde::Serialize;

/// The one JSON object that `wasup demo --once --json` prints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Accounts described.
    pub accounts: usize,
    /// Accounts linked to their phones.
    pub paired: usize,
    /// Messages that the network's server acknowledged to the gateway without error.
    pub sent: usize,
    /// Sends whose delivery the gateway has seen.
    pub delivered: usize,
    /// Messages that the gateway's durability hook committed.
    pub received: usize,
    /// Messages whose `message.received` webhook arrived.
    pub webhooks_delivered: usize,
    /// Messages that did not reach the phone or the receiver.
    pub lost: usize,
    /// Messages that a phone showed twice, or that arrived under two webhook ids.
    pub duplicated: usize,
    /// How long it took, from start to the last message, in milliseconds.
    pub elapsed_ms: u64,
}

impl Report {
    /// Whether everything arrived, once.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.lost == 0 && self.duplicated == 0 && self.paired == self.accounts
    }
}

/// A text that has to arrive somewhere: whose (number or account id) and what.
pub type Place = (String, String);

/// How often each text was seen at its place.
#[derive(Debug, Default)]
pub struct Sightings(HashMap<Place, usize>);

impl Sightings {
    /// Notes one sighting.
    pub fn note(&mut self, at: &str, text: &str) {
        *self.0.entry((at.to_owned(), text.to_owned())).or_default() += 1;
    }

    fn of(&self, at: &str, text: &str) -> usize {
        self.0.get(&(at.to_owned(), text.to_owned())).copied().unwrap_or(0)
    }
}

/// A message of the run: its text, the number it went to and the account behind it.
#[derive(Debug, Clone)]
pub struct Expected {
    /// Unique in the run.
    pub text: String,
    /// The receiving phone.
    pub number: String,
    /// The receiving account.
    pub account: String,
    /// The phone whose linked account sent it, and which therefore shows it too; `None` where the phone itself wrote it.
    pub copy_to: Option<String>,
}

impl Expected {
    /// Whether the phone with this number shows it.
    #[must_use]
    pub fn is_shown_by(&self, number: &str) -> bool {
        self.number == number || self.copy_to.as_deref() == Some(number)
    }
}

/// Messages that are missing somewhere, and messages that were seen too often somewhere.
#[must_use]
pub fn tally(expected: &[Expected], phones: &Sightings, receiver: &Sightings) -> (usize, usize) {
    let mut lost = 0;
    let mut duplicated = 0;
    for message in expected {
        let seen = [phones.of(&message.number, &message.text), receiver.of(&message.account, &message.text)];
        lost += usize::from(seen.contains(&0));
        duplicated += usize::from(seen.iter().any(|times| *times > 1));
    }
    (lost, duplicated)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_lost_or_doubled_by_what_either_side_saw() {
        let message =
            |text: &str| Expected { text: text.into(), number: "1".into(), account: "a".into(), copy_to: None };
        let expected = [message("fine"), message("lost"), message("half"), message("twice")];
        let (mut phones, mut receiver) = (Sightings::default(), Sightings::default());
        for (text, at_phone, at_receiver) in [("fine", 1, 1), ("half", 1, 0), ("twice", 2, 1)] {
            (0..at_phone).for_each(|_| phones.note("1", text));
            (0..at_receiver).for_each(|_| receiver.note("a", text));
        }
        assert_eq!(tally(&expected, &phones, &receiver), (2, 1));
    }
}
