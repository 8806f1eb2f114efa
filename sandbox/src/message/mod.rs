//! Messages from companions: judged, acknowledged, relayed.
//!
//! Direct chats here; what many read, groups and status, in [`shared`].

mod address;
mod parse;
pub(crate) mod relay;
pub(crate) mod shared;

use crate::connection::Session;
use crate::ledger::Accepted;
use crate::stanza::{attr, jid_attr, message_ack};
use crate::violation::{Broken, Rule};
use address::Unroutable;
use relay::{Addressee, relay};
use wacore_binary::{Jid, Node};

/// The server's word for "the stanza's form is invalid".
const INVALID_FORM: u16 = 479;
/// The recipient does not exist.
const NOT_FOUND: u16 = 404;

/// Handles one `<message>` of a companion.
pub(crate) fn handle(session: &Session, node: &Node) {
    let id = attr(node, "id").filter(|id| !id.is_empty());
    let (Some(id), Some(chat)) = (id, jid_attr(node, "to")) else {
        let broken = Broken::new(Rule::Attribute, "a message needs an id and a recipient");
        session.refuse_stream(&broken, node);
        return;
    };
    if shared::is_shared(&chat) {
        shared::handle(session, node, &id, &chat);
        session.registry.changed.notify_waiters();
        return;
    }
    let routed = parse::parse(node).map_err(Unroutable::from).and_then(|parsed| {
        let copies = address::resolve(session, &parsed, node)?;
        Ok((parsed, copies))
    });
    let (parsed, copies) = match routed {
        Ok(routed) => routed,
        Err(Unroutable::Broken(broken)) => {
            session.violated(&broken, node);
            refuse(session, &id, &chat, INVALID_FORM);
            return;
        }
        Err(Unroutable::NoSuchAccount) => {
            refuse(session, &id, &chat, NOT_FOUND);
            return;
        }
    };
    if let Some(code) = too_cold(session, &chat).or_else(|| session.scope.refusal()) {
        refuse(session, &id, &chat, code);
        return;
    }
    swallowed_or(
        session,
        || accept(session, &id, &chat, None),
        || {
            for (addressee, enc) in copies {
                let sender = &session.account;
                relay(&session.registry, sender, session.device.id, &parsed.envelope, &addressee, enc);
            }
        },
    );
    session.registry.changed.notify_waiters();
}

/// Acknowledges and delivers, unless a fault swallows the ack, or both.
fn swallowed_or(session: &Session, acknowledge: impl FnOnce(), spread: impl FnOnce()) {
    let swallowed = session.scope.swallows_ack();
    if swallowed.is_some() {
        session.registry.counters.acks_swallowed.add_one();
    } else {
        acknowledge();
    }
    if swallowed != Some(false) {
        spread();
    }
}

/// The code with which a restricted account may not write to this chat.
fn too_cold(session: &Session, chat: &Jid) -> Option<u16> {
    let owner = session.registry.account(chat)?;
    if owner.number == session.account.number {
        return None;
    }
    session.account.reach.refuses(&owner.number)
}

/// One recipient's copy.
type Copy = (Addressee, Vec<Node>);

/// The hash says that the sender's list of devices is old.
fn accept(session: &Session, id: &str, chat: &Jid, hash: Option<String>) {
    session.registry.counters.messages_accepted.add_one();
    session.account.accepted.enter(Accepted {
        id: id.to_owned(),
        device: session.device.id,
        to: chat.to_string(),
        at_ms: crate::phone::now_ms(),
    });
    let mut ack = message_ack(id, chat, None);
    if let Some(hash) = hash {
        ack.attrs.insert("phash", hash);
    }
    session.link.send(ack);
}

fn refuse(session: &Session, id: &str, chat: &Jid, code: u16) {
    session.registry.counters.messages_refused.add_one();
    session.link.send(message_ack(id, chat, Some(code)));
    session.registry.changed.notify_waiters();
}
