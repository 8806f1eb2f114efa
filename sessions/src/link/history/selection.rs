//! What of a chat is imported: chosen within the bounds, cut into commits. Pure.

use wacore_binary::Jid;
use waproto::whatsapp::Conversation;
use wasup_store::repo::history::{self, OldBatch, OldChat, OldMessage};

use super::old;

/// Messages of a chat, the oldest first.
pub(super) struct Selection {
    chat: Option<OldChat>,
    pub(super) messages: Vec<OldMessage>,
    left_out: u64,
}

impl Selection {
    /// The newest messages of a chat, at most `most`, from a time on.
    pub(super) fn of(
        conversation: Conversation,
        is_own: &dyn Fn(&Jid) -> bool,
        (since_ms, most): (u64, usize),
    ) -> Self {
        let (chat, messages, left_out) = old::chat(conversation, is_own, (since_ms, most));
        Self { chat, messages, left_out }
    }

    /// Leaves out the oldest of those that are not known here, until at most `left` of them remain. With nothing to import,
    /// nothing is made known of the chat either.
    pub(super) fn bound(&mut self, is_known: &[bool], mut left: usize) {
        let all = self.messages.len();
        let newest_first = std::mem::take(&mut self.messages).into_iter().rev().zip(is_known.iter().rev());
        self.messages = newest_first
            .filter(|(_, known)| {
                let fits = **known || left > 0;
                left -= usize::from(!**known && fits);
                fits
            })
            .map(|(message, _)| message)
            .collect();
        self.messages.reverse();
        self.left_out += (all - self.messages.len()) as u64;
        if self.messages.is_empty() {
            self.chat = None;
        }
    }

    /// Goes on behind what was through before a restart, which counted what was left out.
    pub(super) fn skip(&mut self, passed: u64) {
        if passed > 0 {
            let passed = usize::try_from(passed).unwrap_or(usize::MAX).min(self.messages.len());
            self.messages.drain(..passed);
            self.left_out = 0;
        }
    }

    /// Cut into commits; at least one, which says that the chat is through.
    pub(super) fn batches(mut self, (chats, asked_for): (u32, bool)) -> Vec<OldBatch> {
        let mut batches: Vec<OldBatch> = self
            .messages
            .chunks(history::MAX_BATCH)
            .map(|some| OldBatch {
                chat: self.chat.take(),
                messages: some.to_vec(),
                left_out: std::mem::take(&mut self.left_out),
                chats_done: chats - 1,
                asked_for,
            })
            .collect();
        match batches.last_mut() {
            Some(last) => last.chats_done = chats,
            None => {
                let (chat, left_out) = (self.chat, self.left_out);
                batches.push(OldBatch { chat, messages: Vec::new(), left_out, chats_done: chats, asked_for });
            }
        }
        batches
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use buffa::MessageField;
    use waproto::whatsapp::{HistorySyncMsg, Message, MessageKey, WebMessageInfo};

    fn chat(messages: u64) -> Selection {
        let told = |n: u64| HistorySyncMsg {
            message: MessageField::some(WebMessageInfo {
                key: MessageField::some(MessageKey { id: Some(n.to_string()), ..MessageKey::default() }),
                message: MessageField::some(Message { conversation: Some("a".into()), ..Message::default() }),
                message_timestamp: Some(1_000 + n),
                ..Default::default()
            }),
            msg_order_id: Some(n),
        };
        let conversation = Conversation {
            id: "62811@s.whatsapp.net".into(),
            messages: (0..messages).rev().map(told).collect(),
            ..Conversation::default()
        };
        Selection::of(conversation, &|_| false, (0, usize::MAX))
    }

    fn ids(selection: &Selection) -> Vec<&str> {
        selection.messages.iter().map(|message| message.new.provider_id.as_str()).collect()
    }

    #[test]
    fn the_newest_unknown_ones_fit_and_the_known_ones_always_do() {
        let mut selection = chat(6);
        selection.bound(&[true, false, false, true, false, false], 2);
        assert_eq!((ids(&selection), selection.left_out), (vec!["0", "3", "4", "5"], 2));
        let mut nothing = chat(3);
        nothing.bound(&[false; 3], 0);
        assert!(nothing.messages.is_empty() && nothing.chat.is_none() && nothing.left_out == 3);
    }

    #[test]
    fn a_restart_in_the_middle_changes_nothing() {
        let whole = {
            let mut selection = chat(100);
            selection.bound(&[false; 100], 80);
            selection.batches((1, false))
        };
        // One commit was made: what it holds is known now, and so many fewer are left.
        let known: Vec<bool> = (0..100).map(|n| (20..20 + history::MAX_BATCH).contains(&n)).collect();
        let mut again = chat(100);
        again.bound(&known, 80 - history::MAX_BATCH);
        again.skip(history::MAX_BATCH as u64);
        let again = again.batches((1, false));
        let ids = |batches: &[OldBatch]| -> Vec<String> {
            batches.iter().flat_map(|batch| &batch.messages).map(|message| message.new.provider_id.clone()).collect()
        };
        assert_eq!(ids(&whole[1..]), ids(&again));
        assert_eq!(whole[0].left_out + again.iter().map(|batch| batch.left_out).sum::<u64>(), 20);
        assert_eq!(again.last().map(|batch| batch.chats_done), Some(1));
    }
}
