//! A chat of the history in our words. Pure.

use wacore::types::message::{MessageInfo, MessageSource};
use wacore_binary::{Jid, Server};
use waproto::whatsapp::web_message_info::Status;
use waproto::whatsapp::{Conversation, Pushname, WebMessageInfo};
use wasup_store::records::{ChatSettings, MessageState, Participant};
use wasup_store::repo::history::{OldChat, OldMessage};

use crate::link::inbound::{self, Mapped, address};

/// Longest name that is kept, in characters.
const NAME_MAX: usize = 100;

fn name(text: &str) -> Option<String> {
    let name: String = text.trim().chars().take(NAME_MAX).collect();
    (!name.is_empty()).then_some(name)
}

/// What is to be imported of a chat: what it is, its messages from a time on (at most so many, the newest), the oldest
/// first, and how many were left out.
pub(super) fn chat(
    conversation: Conversation,
    is_own: &dyn Fn(&Jid) -> bool,
    (since_ms, limit): (u64, usize),
) -> (Option<OldChat>, Vec<OldMessage>, u64) {
    let all = conversation.messages.len() as u64;
    let Ok(jid) = conversation.id.parse::<Jid>() else { return (None, Vec::new(), all) };
    let alt = [&conversation.lid_jid, &conversation.pn_jid].into_iter().flatten();
    let alt = alt.filter_map(|alt| alt.parse::<Jid>().ok()).find(|alt| alt.server != jid.server);
    let Some(participant) = address::participant(&jid, alt.as_ref()) else { return (None, Vec::new(), all) };
    let chat = OldChat {
        chat: participant,
        name: conversation.name.as_deref().and_then(name),
        settings: settings(&conversation),
    };
    let mut messages: Vec<(u64, u64, OldMessage)> = Vec::new();
    for told in conversation.messages {
        let order = told.msg_order_id.unwrap_or_default();
        let Some(told) = told.message.into_option() else { continue };
        let Some(old) = message(&told, (&jid, alt.as_ref()), is_own) else { continue };
        if old.new.ts_ms >= since_ms && old.new.content.target().is_none() {
            messages.push((old.new.ts_ms, order, old));
        }
    }
    messages.sort_by_key(|(ts_ms, order, _)| (*ts_ms, *order));
    messages.drain(..messages.len().saturating_sub(limit));
    let left_out = all - messages.len() as u64;
    (Some(chat), in_order(messages), left_out)
}

/// The network tells whole seconds: within one, messages are set a millisecond apart.
fn in_order(messages: Vec<(u64, u64, OldMessage)>) -> Vec<OldMessage> {
    let (mut second, mut within) = (u64::MAX, 0);
    let set = |(ts_ms, _, mut old): (u64, u64, OldMessage)| {
        (second, within) = if second == ts_ms { (second, (within + 1).min(999)) } else { (ts_ms, 0) };
        old.new.ts_ms = ts_ms + within;
        old
    };
    messages.into_iter().map(set).collect()
}

fn settings(conversation: &Conversation) -> ChatSettings {
    let at_ms = |seconds: u64| seconds.saturating_mul(1_000);
    ChatSettings {
        archived: conversation.archived.unwrap_or_default(),
        pinned_ms: conversation.pinned.filter(|at| *at > 0).map(|at| at_ms(u64::from(at))),
        // The phone writes seconds here, and all bits for ever.
        muted_until_ms: conversation
            .mute_end_time
            .filter(|end| *end > 0)
            .map(|end| if i64::try_from(end).is_ok() { at_ms(end) } else { u64::MAX }),
        marked_unread: conversation.marked_as_unread.unwrap_or_default(),
    }
}

fn message(
    told: &WebMessageInfo,
    (chat, alt): (&Jid, Option<&Jid>),
    is_own: &dyn Fn(&Jid) -> bool,
) -> Option<OldMessage> {
    let key = told.key.as_option()?;
    let content = told.message.as_option()?;
    let from_me = key.from_me.unwrap_or_default();
    let is_group = chat.server == Server::Group || chat.server == Server::Broadcast;
    let participant = told.participant.as_ref().or(key.participant.as_ref());
    let participant = participant.and_then(|participant| participant.parse::<Jid>().ok());
    let sender = if is_group { participant.unwrap_or_default() } else { chat.clone() };
    if is_group && !from_me && sender.user.is_empty() {
        return None;
    }
    let source = MessageSource {
        chat: chat.clone(),
        sender,
        is_from_me: from_me,
        is_group,
        sender_alt: alt.filter(|_| !is_group && !from_me).cloned(),
        recipient_alt: alt.filter(|_| !is_group && from_me).cloned(),
        ..MessageSource::default()
    };
    let seconds = i64::try_from(told.message_timestamp?).ok()?;
    let info = MessageInfo {
        source,
        id: key.id.clone()?,
        push_name: told.push_name.clone().unwrap_or_default(),
        timestamp: wacore::time::from_secs(seconds)?,
        ..MessageInfo::default()
    };
    let Mapped { new, sealed } = inbound::map(content, &info, is_own, rand::random())?;
    // What is sealed does something to another message; it has its place there, if the phone tells of it.
    sealed.is_none().then(|| OldMessage { new, state: state(told), starred: told.starred.unwrap_or_default() })
}

fn state(told: &WebMessageInfo) -> MessageState {
    match told.status {
        Some(Status::DELIVERY_ACK) => MessageState::Delivered,
        Some(Status::READ) => MessageState::Read,
        Some(Status::PLAYED) => MessageState::Played,
        _ => MessageState::Sent,
    }
}

/// The names that people show.
pub(super) fn names(told: &[Pushname]) -> Vec<(Participant, String)> {
    let one = |told: &Pushname| {
        let jid: Jid = told.id.as_deref()?.parse().ok()?;
        Some((address::participant(&jid, None)?, name(told.pushname.as_deref()?)?))
    };
    told.iter().filter_map(one).collect()
}
