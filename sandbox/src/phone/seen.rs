//! What a phone shows of a message that is more than text, and what became of those it showed.

use super::inbox::Inbox;
use crate::account::{Account, Family};
use crate::violation::{Broken, Rule};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use wacore::poll::{self, PollVoteCiphertext};
use wacore::proto_helpers::MessageExt;
use wacore_binary::Node;
use waproto::whatsapp::message as part;
use waproto::whatsapp::message::protocol_message::Type as ProtocolType;
use waproto::whatsapp::{ContextInfo, Message};

use crate::stanza::attr;

/// A message's secret, as a phone keeps it.
#[derive(Debug, Clone)]
pub(crate) struct PollKept {
    pub(crate) secret: [u8; 32],
    /// The answers, of a poll.
    pub(crate) options: Vec<String>,
    /// The number of whoever wrote it.
    pub(crate) author: String,
}

/// What became of a message after a phone showed it.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Afterwards {
    /// It has another text.
    pub edited: bool,
    /// It was taken back.
    pub revoked: bool,
    /// By whose number which emoji is on it.
    pub reactions: BTreeMap<String, String>,
    /// By whose number which answers were chosen.
    pub votes: BTreeMap<String, Vec<String>>,
}

/// What a phone shows of a message, in words of its own.
pub(crate) fn read(inbox: &Inbox, message: &Message, by: &Account) -> Value {
    let base = message.get_base_message();
    let mut shown = said(inbox, base, by);
    if let Some(context) = context(base) {
        around(&mut shown, context);
    }
    if message.is_view_once() {
        shown["view_once"] = json!(true);
    }
    shown
}

fn said(inbox: &Inbox, base: &Message, by: &Account) -> Value {
    if let Some(place) = base.location_message.as_option() {
        return json!({"type": "location", "latitude": place.degrees_latitude, "longitude": place.degrees_longitude,
            "name": place.name, "address": place.address});
    }
    if let Some(card) = base.contact_message.as_option() {
        return json!({"type": "contact", "contacts": [{"name": card.display_name, "vcard": card.vcard}]});
    }
    if let Some(several) = base.contacts_array_message.as_option() {
        let one = |card: &part::ContactMessage| json!({"name": card.display_name, "vcard": card.vcard});
        return json!({"type": "contact", "contacts": several.contacts.iter().map(one).collect::<Vec<_>>()});
    }
    if let Some(poll) = poll_of(base) {
        return json!({"type": "poll", "question": poll.name, "options": options(poll),
            "choices": poll.selectable_options_count});
    }
    if let Some(reaction) = base.reaction_message.as_option() {
        let target = reaction.key.as_option().and_then(|key| key.id.clone());
        return json!({"type": "reaction", "target": target, "emoji": reaction.text});
    }
    if let Some(protocol) = base.protocol_message.as_option() {
        let target = protocol.key.as_option().and_then(|key| key.id.clone());
        return match protocol.r#type {
            Some(ProtocolType::REVOKE) => json!({"type": "revoke", "target": target}),
            Some(ProtocolType::MESSAGE_EDIT) => {
                let text = protocol.edited_message.as_option().and_then(|edited| edited.text_content());
                json!({"type": "edit", "target": target, "text": text})
            }
            _ => json!({"type": "protocol"}),
        };
    }
    if let Some(update) = base.poll_update_message.as_option() {
        let target = update.poll_creation_message_key.as_option().and_then(|key| key.id.clone()).unwrap_or_default();
        let chosen = update.vote.as_option().and_then(|vote| open_vote(inbox, &target, vote, by));
        return json!({"type": "vote", "target": target, "options": chosen});
    }
    match base.extended_text_message.as_option() {
        Some(text) => json!({"type": "text", "text": text.text, "link": text.matched_text, "title": text.title}),
        None if base.conversation.is_some() => json!({"type": "text", "text": base.conversation}),
        None => json!({"type": "other"}),
    }
}

fn poll_of(base: &Message) -> Option<&part::PollCreationMessage> {
    base.poll_creation_message.as_option().or_else(|| base.poll_creation_message_v3.as_option())
}

fn options(poll: &part::PollCreationMessage) -> Vec<String> {
    poll.options.iter().map(|option| option.option_name.clone().unwrap_or_default()).collect()
}

fn open_vote(inbox: &Inbox, poll: &str, vote: &part::PollEncValue, by: &Account) -> Option<Vec<String>> {
    let kept = inbox.secret(poll)?;
    let sealed = PollVoteCiphertext { enc_payload: vote.enc_payload.as_deref()?, enc_iv: vote.enc_iv.as_deref()? };
    // The poll's author is known by number only: the pair of hidden ids is tried where both are the same human.
    let author = format!("{}@s.whatsapp.net", kept.author);
    let voters = [Family::Number, Family::Hidden].map(|family| by.jid(family, 0).to_string());
    let hashes = voters
        .iter()
        .find_map(|voter| poll::decrypt_poll_vote_with_secret(sealed, &kept.secret, poll, &author, voter).ok())?;
    let chosen = |option: &&String| hashes.iter().any(|hash| hash.as_slice() == poll::compute_option_hash(option));
    Some(kept.options.iter().filter(chosen).cloned().collect())
}

fn context(base: &Message) -> Option<&ContextInfo> {
    let of_text = base.extended_text_message.as_option().and_then(|part| part.context_info.as_option());
    let of_place = base.location_message.as_option().and_then(|part| part.context_info.as_option());
    let of_card = base.contact_message.as_option().and_then(|part| part.context_info.as_option());
    let of_poll = poll_of(base).and_then(|part| part.context_info.as_option());
    of_text.or(of_place).or(of_card).or(of_poll)
}

fn around(shown: &mut Value, info: &ContextInfo) {
    if let Some(id) = &info.stanza_id {
        let text = info.quoted_message.as_option().and_then(|message| message.text_content());
        shown["quoted"] = json!({"id": id, "participant": info.participant, "text": text});
    }
    if !info.mentioned_jid.is_empty() {
        shown["mentions"] = json!(info.mentioned_jid);
    }
    if info.is_forwarded == Some(true) {
        shown["forwarded"] = json!(info.forwarding_score);
    }
    if let Some(seconds) = info.expiration {
        shown["expiration"] = json!(seconds);
    }
}

/// The secret that a shown message brought along.
pub(crate) fn secret(message: &Message, author: &Account) -> Option<PollKept> {
    let info = message.message_context_info.as_option()?;
    let secret = <[u8; 32]>::try_from(info.message_secret.as_deref()?).ok()?;
    let options = poll_of(message.get_base_message()).map(options).unwrap_or_default();
    Some(PollKept { secret, options, author: author.number.clone() })
}

/// What is wrong between a stanza's marks and what is inside, as the network's own clients put them: the type of reactions and
/// polls, the mark of an edit and of a revoke, and what kind of step of a poll it is.
pub(crate) fn mismatch(node: &Node, message: &Message) -> Option<Broken> {
    let base = message.get_base_message();
    let (kind, edit) = (attr(node, "type"), attr(node, "edit"));
    let meta = node.get_optional_child("meta").and_then(|meta| attr(meta, "polltype"));
    let protocol = base.protocol_message.as_option();
    let own = |key: Option<&waproto::whatsapp::MessageKey>| key.and_then(|key| key.from_me) == Some(true);
    let taken_off = base.reaction_message.as_option().is_some_and(|reaction| reaction.text.as_deref() == Some(""));
    let expected_edit = match protocol.and_then(|protocol| protocol.r#type) {
        Some(ProtocolType::MESSAGE_EDIT) => Some("1"),
        Some(ProtocolType::REVOKE) if own(protocol.and_then(|protocol| protocol.key.as_option())) => Some("7"),
        Some(ProtocolType::REVOKE) => Some("8"),
        _ if taken_off => Some("7"),
        _ => None,
    };
    let (expected_kind, expected_meta) = if base.reaction_message.is_set() {
        (Some("reaction"), None)
    } else if poll_of(base).is_some() {
        (Some("poll"), Some("creation"))
    } else if base.poll_update_message.is_set() {
        (Some("poll"), Some("vote"))
    } else {
        (None, None)
    };
    if expected_kind.is_some() && kind.as_deref() != expected_kind {
        return Some(Broken::new(Rule::Attribute, format!("type {kind:?} of what is a {expected_kind:?}")));
    }
    if protocol.is_some() && edit.as_deref() != expected_edit || taken_off && edit.as_deref() != Some("7") {
        return Some(Broken::new(Rule::Attribute, format!("edit {edit:?} of what needs {expected_edit:?}")));
    }
    if expected_meta.is_some() && meta.as_deref() != expected_meta {
        return Some(Broken::new(Rule::Child, format!("polltype {meta:?} of what needs {expected_meta:?}")));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use buffa::MessageField;
    use wacore_binary::builder::NodeBuilder;

    #[test]
    fn a_stanza_must_say_what_is_inside() {
        let poll = Message {
            poll_creation_message: MessageField::some(part::PollCreationMessage::default()),
            ..Message::default()
        };
        let meta = || NodeBuilder::new("meta").attr("polltype", "creation").build();
        let node = |kind: &'static str| NodeBuilder::new("message").attr("type", kind).children([meta()]).build();
        assert!(mismatch(&node("poll"), &poll).is_none());
        assert!(mismatch(&node("text"), &poll).is_some());
        let revoke = Message {
            protocol_message: MessageField::some(part::ProtocolMessage {
                r#type: Some(ProtocolType::REVOKE),
                ..Default::default()
            }),
            ..Message::default()
        };
        assert!(mismatch(&node("text"), &revoke).is_some());
        let marked = NodeBuilder::new("message").attr("type", "text").attr("edit", "8").build();
        assert!(mismatch(&marked, &revoke).is_none());
        let text = Message { conversation: Some("x".into()), ..Message::default() };
        assert!(mismatch(&node("text"), &text).is_none());
    }
}
