//! Messages from companions: judged, acknowledged, relayed.
//!
//! Direct chats only. Groups belong here too: they differ in [`parse`] (sender keys, `phash`) and
//! in [`relay`] (`participant`, one shared ciphertext).

mod address;
mod parse;
pub(crate) mod relay;

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
    let swallowed = session.scope.swallows_ack();
    if swallowed.is_some() {
        session.registry.counters.acks_swallowed.add_one();
    } else {
        accept(session, &id, &chat);
    }
    if swallowed != Some(false) {
        for (addressee, enc) in copies {
            let sender = &session.account;
            relay(&session.registry, sender, session.device.id, &parsed.envelope, &addressee, enc);
        }
    }
    session.registry.changed.notify_waiters();
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

fn accept(session: &Session, id: &str, chat: &Jid) {
    session.registry.counters.messages_accepted.add_one();
    session.account.accepted.enter(Accepted { id: id.to_owned(), device: session.device.id, to: chat.to_string() });
    session.link.send(message_ack(id, chat, None));
}

fn refuse(session: &Session, id: &str, chat: &Jid, code: u16) {
    session.registry.counters.messages_refused.add_one();
    session.link.send(message_ack(id, chat, Some(code)));
    session.registry.changed.notify_waiters();
}
