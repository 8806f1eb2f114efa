//! A chat of the history in our words. Pure.

use wacore::types::message::{MessageInfo, MessageSource};
use wacore_binary::{Jid, Server};
use waproto::whatsapp::web_message_info::{Status, StubType};
use waproto::whatsapp::{Conversation, Message, Pushname, WebMessageInfo};
use wasup_store::records::{ChatSettings, Content, MessageSecret, MessageState, Participant};
use wasup_store::repo::history::{OldChat, OldMessage};
use wasup_store::repo::inbound::NewInbound;

use super::marks;
use crate::link::inbound::{self, Mapped, address};

/// Longest name that is kept, in characters.
const NAME_MAX: usize = 100;

fn name(text: &str) -> Option<String> {
    let name: String = text.trim().chars().take(NAME_MAX).collect();
    (!name.is_empty()).then_some(name)
}

/// Whose chat it is, and the addresses it is told by.
pub(super) fn participant(conversation: &Conversation) -> Option<(Participant, Jid, Option<Jid>)> {
    let jid = conversation.id.parse::<Jid>().ok()?;
    let alt = [&conversation.lid_jid, &conversation.pn_jid].into_iter().flatten();
    let alt = alt.filter_map(|alt| alt.parse::<Jid>().ok()).find(|alt| alt.server != jid.server);
    Some((address::participant(&jid, alt.as_ref())?, jid, alt))
}

/// What is to be imported of a chat: what it is, its messages from a time on (at most so many, the newest), the oldest
/// first, and how many were left out.
pub(super) fn chat(
    conversation: Conversation,
    is_own: &dyn Fn(&Jid) -> bool,
    (since_ms, limit): (u64, usize),
) -> (Option<OldChat>, Vec<OldMessage>, u64) {
    let all = conversation.messages.len() as u64;
    let Some((participant, jid, alt)) = participant(&conversation) else { return (None, Vec::new(), all) };
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
        if old.new.ts_ms >= since_ms {
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
    let from_me = key.from_me.unwrap_or_default();
    if from_me && told.status == Some(Status::ERROR) {
        // It never left the phone.
        return None;
    }
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
    let at_ms = u64::try_from(seconds).ok()?.saturating_mul(1_000);
    let revoked = told.message_stub_type == Some(StubType::REVOKE);
    let taken_back = || told.revoke_message_timestamp.map_or(at_ms, |seconds| seconds.saturating_mul(1_000));
    let (mut new, edited_ms) = if revoked {
        (inbound::addressed(&info, Content::Revoked, rand::random())?, None)
    } else {
        mapped(told.message.as_option()?, &info, is_own)?
    };
    new.secret = new.secret.or_else(|| MessageSecret::try_from(told.message_secret.as_deref()?).ok());
    let marks = marks::of(told, &new, is_own);
    Some(OldMessage {
        new,
        state: state(told),
        starred: told.starred.unwrap_or_default(),
        edited_ms,
        revoked_ms: revoked.then(taken_back),
        marks,
    })
}

/// What a message says, and when that was changed, where the phone tells it in its newest text.
fn mapped(content: &Message, info: &MessageInfo, is_own: &dyn Fn(&Jid) -> bool) -> Option<(NewInbound, Option<u64>)> {
    let Mapped { mut new, sealed } = inbound::map(content, info, is_own, rand::random())?;
    // What is sealed does something to another message; it has its place there, if the phone tells of it.
    if sealed.is_some() {
        return None;
    }
    let is_itself = matches!(&new.content, Content::Edit { target, .. } if target.provider_id == new.provider_id);
    if !is_itself {
        return Some((new, None));
    }
    let (said, at_ms) = inbound::content::newest(content, &inbound::frame(&new, is_own))?;
    let at_ms = at_ms.unwrap_or(new.ts_ms).max(new.ts_ms);
    new.content = said;
    Some((new, Some(at_ms)))
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
