//! Opens what is sealed, over the messages that the ledger has or that came just before.

use wacore_binary::Jid as LibraryJid;
use wasup_store::id::AccountNo;
use wasup_store::repo::inbound::NewInbound;
use wasup_store::repo::message;
use wasup_store::{Store, StoreError};

use super::sealed::{Parent, Sealed, addresses};
use super::{address, frame};
use crate::link::own::OwnAddresses;

/// Gives a message its content, where it is sealed and can be opened. `before` are those that came before it and are not in
/// the ledger yet. One that can't be opened stays as it is.
///
/// # Errors
/// [`StoreError`] when the ledger can't be read.
pub(crate) async fn open(
    (store, no): (&Store, AccountNo),
    own: &OwnAddresses,
    sealed: &Sealed,
    new: &mut NewInbound,
    before: &[&NewInbound],
) -> Result<(), StoreError> {
    let target = &sealed.target;
    let is_own = |jid: &LibraryJid| own.contains(jid);
    let ours =
        || -> Vec<String> { own.all().iter().filter_map(address::canonical).map(|jid| jid.to_string()).collect() };
    let writer = match &new.sender {
        Some(sender) if !new.from_me => addresses(sender),
        _ => ours(),
    };
    let author_of = |from_me: bool, sender: Option<&_>| match sender.or(target.sender.as_ref()) {
        Some(sender) if !from_me => addresses(sender),
        _ if from_me => ours(),
        _ => addresses(&new.chat),
    };
    let same = |other: &&&NewInbound| other.provider_id == target.provider_id && other.chat.jid == new.chat.jid;
    let content = if let Some(parent) = before.iter().rev().find(same) {
        let Some(secret) = parent.secret else { return Ok(()) };
        let author = author_of(parent.from_me, parent.sender.as_ref());
        let parent = Parent { secret, content: &parent.content, author };
        sealed.open(&parent, &writer, &frame(new, &is_own))
    } else {
        let found = store.read(|tx| message::meant(tx, no, &new.chat, target)).await?;
        let Some((_, parent)) = found else { return Ok(()) };
        let Some(secret) = parent.secret else { return Ok(()) };
        let author = author_of(parent.sender.is_none() && target.from_me, parent.sender.as_ref());
        let parent = Parent { secret, content: &parent.content, author };
        sealed.open(&parent, &writer, &frame(new, &is_own))
    };
    if let Some(content) = content {
        new.content = content;
    }
    Ok(())
}
