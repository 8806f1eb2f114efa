//! What people put on messages of the history: the phone tells it with each message. Pure.

use wacore::poll;
use wacore_binary::Jid;
use waproto::whatsapp::{MessageKey, WebMessageInfo};
use wasup_store::id::Millis;
use wasup_store::records::{Content, MarkKind, MarkRecord, Participant};
use wasup_store::repo::history::OldMark;
use wasup_store::repo::inbound::NewInbound;

use crate::link::inbound;

/// Most marks of one message that are taken in; a group has at most 1,024 members.
const MOST: usize = 1_024;

/// Reactions to a message, and votes in it.
pub(super) fn of(told: &WebMessageInfo, new: &NewInbound, is_own: &dyn Fn(&Jid) -> bool) -> Vec<OldMark> {
    let reactions = told.reactions.iter().take(MOST).filter_map(|reaction| {
        let who = author(reaction.key.as_option()?, new, is_own)?;
        let emoji = reaction.text.clone().filter(|emoji| !emoji.is_empty())?;
        let mark =
            MarkRecord { who, at_ms: at(reaction.sender_timestamp_ms, new), emoji: Some(emoji), options: Vec::new() };
        Some(OldMark { kind: MarkKind::Reaction, mark })
    });
    let votes = told.poll_updates.iter().take(MOST).filter_map(|update| {
        let Content::Poll(asked) = &new.content else { return None };
        let who = author(update.poll_update_message_key.as_option()?, new, is_own)?;
        let hashes = &update.vote.as_option()?.selected_options;
        let chosen = |option: &&String| hashes.iter().any(|hash| hash.as_slice() == poll::compute_option_hash(option));
        let options: Vec<_> = asked.options.iter().filter(chosen).cloned().collect();
        let mark = MarkRecord { who, at_ms: at(update.sender_timestamp_ms, new), emoji: None, options };
        (!mark.options.is_empty()).then_some(OldMark { kind: MarkKind::Vote, mark })
    });
    reactions.chain(votes).collect()
}

/// Newer phones write milliseconds and older ones nothing; no mark is older than its message.
fn at(told: Option<i64>, new: &NewInbound) -> Millis {
    told.and_then(|at| u64::try_from(at).ok()).unwrap_or(0).max(new.ts_ms)
}

/// Who put a mark on a message: the inner `None` is the account itself, the outer one nobody that can be told.
fn author(key: &MessageKey, new: &NewInbound, is_own: &dyn Fn(&Jid) -> bool) -> Option<Option<Participant>> {
    if key.from_me == Some(true) {
        return Some(None);
    }
    if !new.group {
        return Some(Some(new.chat.clone()));
    }
    let (from_me, who) = inbound::frame(new, is_own).someone(key.participant.as_deref()?);
    if from_me { Some(None) } else { who.map(Some) }
}
