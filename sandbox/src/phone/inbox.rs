//! What a phone has shown: texts, receipts, and how often it was asked to show the same thing
//! again.

use super::FileSeen;
use super::seen::{Afterwards, PollKept};
use crate::typing::TypingSeen;
use std::collections::{HashMap, HashSet, VecDeque};

/// A message a phone has decrypted and shown.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct InboxMessage {
    /// The chat it belongs to, without a device.
    pub chat: String,
    /// The device that sent it.
    pub sender: String,
    /// The sender's account number, whichever way it was addressed.
    pub sender_number: String,
    /// Sent by a companion of this phone's own account.
    pub from_me: bool,
    /// The sender's message id.
    pub id: String,
    /// The text, if it is a text.
    pub text: Option<String>,
    /// The file, if it has one; [`crate::Phone::open_file`] reads it.
    pub file: Option<FileSeen>,
    /// What it shows, in words of its own: `{"type": "location", …}`.
    pub content: serde_json::Value,
    /// What became of it since.
    pub afterwards: Afterwards,
    /// Milliseconds since the epoch when the phone decrypted it.
    pub at_ms: u64,
}

/// A receipt that reached a phone.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct ReceiptSeen {
    /// The message it is about.
    pub id: String,
    /// The device it comes from.
    pub from: String,
    /// `delivered` for a receipt without a type, else the type: `read`, `inactive`, `played`.
    pub kind: String,
}

/// Counters of one phone; they go on when the lists are cut.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct PhoneCounts {
    /// Messages shown: others' and own companions', each once.
    pub shown: u64,
    /// Messages dropped because the same sender's same id had been shown before.
    pub repeats: u64,
    /// Messages that could not be decrypted; a retry receipt was sent for each.
    pub undecryptable: u64,
    /// Receipts that reached the phone.
    pub receipts: u64,
    /// Messages the phone sent itself.
    pub sent: u64,
}

/// Most acts of typing that are kept.
const TYPING_KEPT: usize = 256;

/// Fewest ids remembered for telling repeats, however small the inbox is.
const REMEMBERED: usize = 16_384;

/// See the module.
pub(crate) struct Inbox {
    limit: Option<usize>,
    messages: VecDeque<InboxMessage>,
    receipts: VecDeque<ReceiptSeen>,
    typing: VecDeque<TypingSeen>,
    seen: HashSet<(String, String)>,
    seen_order: VecDeque<(String, String)>,
    /// Retry receipts sent for messages that have not opened yet.
    retries: HashMap<(String, String), u32>,
    secrets: HashMap<String, PollKept>,
    pub(crate) counts: PhoneCounts,
}

impl Inbox {
    pub(crate) fn new(limit: Option<usize>) -> Self {
        Self {
            limit,
            messages: VecDeque::new(),
            receipts: VecDeque::new(),
            typing: VecDeque::new(),
            seen: HashSet::new(),
            seen_order: VecDeque::new(),
            retries: HashMap::new(),
            secrets: HashMap::new(),
            counts: PhoneCounts::default(),
        }
    }

    /// Notes what somebody is seen doing.
    pub(crate) fn note_typing(&mut self, seen: TypingSeen) {
        if self.typing.len() == TYPING_KEPT {
            self.typing.pop_front();
        }
        self.typing.push_back(seen);
    }

    /// What others were seen doing, the oldest first.
    pub(crate) fn typing(&self) -> Vec<TypingSeen> {
        self.typing.iter().cloned().collect()
    }

    /// Whether this sender's id has been shown.
    pub(crate) fn has_shown(&self, number: &str, id: &str) -> bool {
        self.seen.contains(&(number.to_owned(), id.to_owned()))
    }

    /// Remembers the id. False when it is a repeat, which is counted.
    pub(crate) fn first_time(&mut self, number: &str, id: &str) -> bool {
        let key = (number.to_owned(), id.to_owned());
        if !self.seen.insert(key.clone()) {
            self.counts.repeats += 1;
            return false;
        }
        self.retries.remove(&key);
        self.seen_order.push_back(key);
        let most = self.limit.map(|limit| limit.max(REMEMBERED));
        if most.is_some_and(|most| self.seen_order.len() > most)
            && let Some(oldest) = self.seen_order.pop_front()
        {
            self.seen.remove(&oldest);
        }
        true
    }

    /// The number of the next retry receipt for a message, from 1.
    pub(crate) fn next_retry(&mut self, number: &str, id: &str) -> u32 {
        let key = (number.to_owned(), id.to_owned());
        let count = self.retries.entry(key).or_default();
        *count += 1;
        *count
    }

    /// Keeps a message's secret: of so many as there are ids.
    pub(crate) fn keep_secret(&mut self, id: &str, kept: PollKept) {
        if self.secrets.len() < REMEMBERED {
            self.secrets.insert(id.to_owned(), kept);
        }
    }

    /// The secret of a message that was shown or sent.
    pub(crate) fn secret(&self, id: &str) -> Option<PollKept> {
        self.secrets.get(id).cloned()
    }

    /// Does to a message that was shown before what a new one does to it.
    fn apply(&mut self, act: &InboxMessage) {
        let content = &act.content;
        let Some(target) = content["target"].as_str() else { return };
        let Some(shown) = self.messages.iter_mut().rev().find(|message| message.id == target) else { return };
        let (by, own) = (act.sender_number.clone(), shown.sender_number == act.sender_number);
        match content["type"].as_str() {
            Some("edit") if own && !shown.afterwards.revoked => {
                shown.text = content["text"].as_str().map(str::to_owned);
                shown.afterwards.edited = true;
            }
            // In a group its admins may, which the network sees to.
            Some("revoke") if own || shown.chat.ends_with("@g.us") => {
                (shown.text, shown.file, shown.afterwards.revoked) = (None, None, true);
            }
            Some("reaction") => match content["emoji"].as_str() {
                None | Some("") => drop(shown.afterwards.reactions.remove(&by)),
                Some(emoji) => drop(shown.afterwards.reactions.insert(by, emoji.to_owned())),
            },
            Some("vote") => {
                let chosen = content["options"].as_array().cloned().unwrap_or_default();
                let chosen = chosen.iter().filter_map(|option| option.as_str().map(str::to_owned)).collect();
                shown.afterwards.votes.insert(by, chosen);
            }
            _ => {}
        }
    }

    pub(crate) fn show(&mut self, message: InboxMessage) {
        self.counts.shown += 1;
        self.apply(&message);
        push(&mut self.messages, message, self.limit);
    }

    pub(crate) fn note_receipt(&mut self, receipt: ReceiptSeen) {
        self.counts.receipts += 1;
        push(&mut self.receipts, receipt, self.limit);
    }

    pub(crate) fn messages(&self) -> Vec<InboxMessage> {
        self.messages.iter().cloned().collect()
    }

    /// Others' texts that begin so, and how many different ones they are.
    pub(crate) fn tally(&self, prefix: &str) -> (usize, usize) {
        let texts =
            self.messages.iter().filter(|message| !message.from_me).filter_map(|message| message.text.as_deref());
        let of_run: Vec<&str> = texts.filter(|text| text.starts_with(prefix)).collect();
        (of_run.len(), of_run.iter().collect::<HashSet<_>>().len())
    }

    pub(crate) fn find(&self, wanted: impl Fn(&InboxMessage) -> bool) -> Option<InboxMessage> {
        self.messages.iter().find(|message| wanted(message)).cloned()
    }

    pub(crate) fn receipts(&self) -> Vec<ReceiptSeen> {
        self.receipts.iter().cloned().collect()
    }
}

fn push<T>(list: &mut VecDeque<T>, entry: T, limit: Option<usize>) {
    list.push_back(entry);
    if limit.is_some_and(|limit| list.len() > limit) {
        list.pop_front();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeat_is_counted_once_per_repeat() {
        let mut inbox = Inbox::new(None);
        assert!(inbox.first_time("1", "A"));
        assert!(!inbox.first_time("1", "A"));
        assert!(inbox.first_time("2", "A"), "another sender's id is another message");
        assert_eq!(inbox.counts.repeats, 1);
    }

    #[test]
    fn ids_outlive_a_small_inbox() {
        let mut inbox = Inbox::new(Some(1));
        assert!(inbox.first_time("1", "A"));
        for number in 0..1_000 {
            inbox.first_time("1", &number.to_string());
        }
        assert!(!inbox.first_time("1", "A"));
    }
}
