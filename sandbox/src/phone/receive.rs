//! A phone gets a stanza: it decrypts, shows, and does what its rules say.

use super::inbox::{InboxMessage, ReceiptSeen};
use super::seen::Afterwards;
use super::signal::{EncKind, address};
use super::{FileSeen, peer, retry, seen, send, shared};
use crate::account::{Account, Family};
use crate::message::shared::is_shared;
use crate::offline::{Class, Parcel};
use crate::receipt;
use crate::registry::Registry;
use crate::stanza::{attr, content_bytes, jid_attr};
use crate::violation::{Broken, Rule};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
use wacore::messages::{MessageUtils, unwrap_device_sent};
use wacore_binary::{Jid, Node};
use waproto::whatsapp::Message;

/// How many retry receipts a phone sends for one message before it gives up.
const MOST_RETRIES: u32 = 4;

/// Who sent what a phone is looking at.
struct Source {
    account: Arc<Account>,
    jid: Jid,
    family: Family,
    id: String,
    /// The group or status it is in; `None` in a direct chat.
    chat: Option<Jid>,
}

impl Source {
    fn written(&self) -> receipt::Written<'_> {
        receipt::Written { device: &self.jid, chat: self.chat.as_ref(), id: &self.id }
    }
}

/// Hands a stanza to a phone; it waits while the phone is offline.
pub(crate) fn receive(registry: &Registry, account: &Arc<Account>, parcel: Parcel) {
    if let Some(parcel) = account.phone.keep_if_away(parcel) {
        handle(registry, account, &parcel);
    }
}

/// Handles a stanza now.
pub(crate) fn handle(registry: &Registry, account: &Arc<Account>, parcel: &Parcel) {
    match parcel.class {
        Class::Message => message(registry, account, parcel),
        Class::Receipt => receipt(registry, account, parcel),
        Class::Notification | Class::Call => {}
    }
    account.phone.changed.notify_waiters();
}

fn receipt(registry: &Registry, account: &Arc<Account>, parcel: &Parcel) {
    if parcel.kind.as_deref() == Some("retry") {
        retry::answer(registry, account, parcel);
        return;
    }
    let kind = parcel.kind.as_deref().unwrap_or("delivered");
    let more = parcel.node.get_optional_child_by_tag(&["list"]).and_then(Node::children).unwrap_or_default();
    let listed = more.iter().filter_map(|item| attr(item, "id"));
    let mut inbox = account.phone.inbox();
    for id in std::iter::once(parcel.id.as_str().into()).chain(listed) {
        inbox.note_receipt(ReceiptSeen { id: id.into_owned(), from: parcel.from.to_string(), kind: kind.to_owned() });
    }
}

fn message(registry: &Registry, account: &Arc<Account>, parcel: &Parcel) {
    let chat = is_shared(&parcel.from).then(|| parcel.from.clone());
    let from = match &chat {
        Some(_) => jid_attr(&parcel.node, "participant"),
        None => Some(parcel.from.clone()),
    };
    let Some(from) = from else { return };
    let (Some(sender), Some(family)) = (registry.account(&from), Family::of(&from)) else {
        return;
    };
    let source = Source { account: sender, jid: from, family, id: parcel.id.clone(), chat };
    let message = match &source.chat {
        Some(chat) => shared::open(account, chat, &address(&source.account.number, source.jid.device), &parcel.node),
        None => open(account, &source, &parcel.node),
    };
    match message {
        Some(message) => opened(registry, account, parcel, &source, message),
        None => failed(registry, account, &source),
    }
}

fn open(account: &Account, source: &Source, node: &Node) -> Option<Message> {
    let enc = node.get_optional_child("enc")?;
    let kind = EncKind::parse(&attr(enc, "type")?)?;
    let sender = address(&source.account.number, source.jid.device);
    let padded = account
        .phone
        .signal()
        .decrypt(&sender, kind, content_bytes(enc)?)
        .inspect_err(|error| tracing::debug!(%error, "a phone cannot decrypt"))
        .ok()?;
    let plain = MessageUtils::unpad_message_ref(&padded, 2).ok()?;
    waproto::codec::message_decode(plain).ok()
}

/// A message that does not open: an old one again, or one to ask for again.
fn failed(registry: &Registry, account: &Arc<Account>, source: &Source) {
    let number = &source.account.number;
    let attempt = {
        let mut inbox = account.phone.inbox();
        if inbox.has_shown(number, &source.id) {
            inbox.first_time(number, &source.id);
            None
        } else {
            inbox.counts.undecryptable += 1;
            Some(inbox.next_retry(number, &source.id))
        }
    };
    match attempt {
        None => {
            registry.counters.phone_repeats.add_one();
            confirm(registry, account, source);
        }
        Some(attempt) => {
            registry.counters.phone_undecryptable.add_one();
            if attempt <= MOST_RETRIES {
                retry::ask(registry, account, &source.written(), attempt);
            }
        }
    }
}

fn opened(registry: &Registry, account: &Arc<Account>, parcel: &Parcel, source: &Source, message: Message) {
    let own = source.account.number == account.number;
    if own && attr(&parcel.node, "category").as_deref() == Some("peer") {
        peer::answer(registry, account, source.jid.device, &source.id, &message);
        return;
    }
    let first = account.phone.inbox().first_time(&source.account.number, &source.id);
    if !first {
        registry.counters.phone_repeats.add_one();
        confirm(registry, account, source);
        return;
    }
    account.phone.acked.enter(source.id.clone());
    registry.counters.acknowledged.add_one();
    let shown = show(registry, account, parcel, source, own, message);
    if !own {
        confirm(registry, account, source);
        if !parcel.automatic {
            reply(registry, account, source, &shown);
        }
    }
}

/// Puts a message into the inbox. Returns its text and how many were shown by then.
fn show(
    registry: &Registry,
    account: &Account,
    parcel: &Parcel,
    source: &Source,
    own: bool,
    message: Message,
) -> (Option<String>, u64) {
    let destination = message.device_sent_message.as_option().and_then(|sent| sent.destination_jid.clone());
    let chat = match (own, jid_attr(&parcel.node, "recipient")) {
        _ if source.chat.is_some() => parcel.from.to_string(),
        (true, Some(recipient)) => recipient.to_non_ad_string(),
        (true, None) => destination.unwrap_or_default(),
        (false, _) => source.jid.to_non_ad_string(),
    };
    let message = unwrap_device_sent(message);
    let (text, file) = (text_of(&message), FileSeen::read(&message));
    if let Some(flaw) = file.as_ref().and_then(FileSeen::flaw) {
        let who = (source.account.number.clone(), source.jid.device);
        registry.violated_elsewhere(Some(who), &Broken::new(Rule::Encryption, flaw), "a message, opened");
    }
    if let Some(broken) = seen::mismatch(&parcel.node, &message) {
        let who = (source.account.number.clone(), source.jid.device);
        registry.violated_elsewhere(Some(who), &broken, "a message, opened");
    }
    let mut inbox = account.phone.inbox();
    if let Some(kept) = seen::secret(&message, &source.account) {
        inbox.keep_secret(&source.id, kept);
    }
    let content = seen::read(&inbox, &message, &source.account);
    inbox.show(InboxMessage {
        chat,
        sender: source.jid.to_string(),
        sender_number: source.account.number.clone(),
        from_me: own,
        id: source.id.clone(),
        text: text.clone(),
        file,
        content,
        afterwards: Afterwards::default(),
        at_ms: now_ms(),
    });
    (text, inbox.counts.shown)
}

fn text_of(message: &Message) -> Option<String> {
    let extended = || message.extended_text_message.as_option()?.text.clone();
    message.conversation.clone().or_else(extended)
}

pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// Sends the receipts the rules ask for.
fn confirm(registry: &Registry, account: &Arc<Account>, source: &Source) {
    if source.account.number == account.number {
        return;
    }
    let rules = account.phone.rules();
    let mut kinds = Vec::new();
    if rules.deliver {
        kinds.push(None);
    }
    if rules.read {
        kinds.push(Some("read"));
    }
    for kind in kinds {
        receipt::from_phone(registry, account, &source.written(), kind);
    }
}

fn reply(registry: &Registry, account: &Arc<Account>, source: &Source, (text, shown): &(Option<String>, u64)) {
    // In groups every phone would answer.
    let (Some(text), None) = (text, &source.chat) else { return };
    let number = &source.account.number;
    let Some(answer) = account.phone.rules().reply.to(text, number, *shown) else {
        return;
    };
    let letter = send::Letter {
        to: source.account.clone(),
        family: source.family,
        message: send::text(&answer),
        automatic: true,
    };
    if let Err(error) = send::send(registry, account, &letter) {
        tracing::warn!(%error, "a phone cannot answer");
    }
}
