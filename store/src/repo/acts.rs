//! What messages do to other messages: another text, taken back, an emoji, a vote.
//!
//! An act whose message is not kept, or is not its author's to change, changes nothing; it is a message of its own all the
//! same, and told. One that is not kept itself takes messages back, and changes nothing else of what is kept. Doing it again changes nothing either, and neither does an older one after a newer one.

use super::scope::AccountScope;
use super::{group, inbound, mark, message, search};
use crate::id::{AccountNo, MessageId};
use crate::jid::JidKind;
use crate::records::{Content, Direction, MarkKind, MarkRecord, MessageRecord, Participant};
use crate::{ReadTx, StoreError, Tree, WriteTx};

/// Does to its target what a message does, where it does anything.
pub(super) fn apply(tx: &mut WriteTx<'_>, scope: &mut AccountScope, act: &MessageRecord) -> Result<(), StoreError> {
    let Some(id) = act.content.target().and_then(|target| target.message) else { return Ok(()) };
    let Some(target) = tx.reading(|tx| message::get(tx, id))? else { return Ok(()) };
    if id.account != scope.no || target.fleeting || target.aftermath.revoked_ms.is_some() {
        return Ok(());
    }
    if act.fleeting && !matches!(act.content, Content::Revoke { .. }) {
        return Ok(());
    }
    let by = MarkRecord { who: act.sender.clone(), at_ms: act.ts_ms, ..MarkRecord::default() };
    match &act.content {
        Content::Edit { body, .. } if may_edit(tx, scope.no, act, &target)? => reword(tx, scope, id, target, act, body),
        Content::Revoke { .. } if may_revoke(tx, scope.no, act, &target)? => erase(tx, scope, id, target, act),
        Content::Reaction { emoji, .. } => {
            let mark = MarkRecord { emoji: emoji.clone(), ..by };
            mark::put(tx, id, MarkKind::Reaction, act.sender_no, &mark)
        }
        Content::PollVote { options: Some(options), .. } if matches!(target.content, Content::Poll(_)) => {
            let mark = MarkRecord { options: options.clone(), ..by };
            mark::put(tx, id, MarkKind::Vote, act.sender_no, &mark)
        }
        _ => Ok(()),
    }
}

/// Whether the same human wrote both.
fn same_author(
    tx: &ReadTx<'_>,
    no: AccountNo,
    act: &MessageRecord,
    target: &MessageRecord,
) -> Result<bool, StoreError> {
    match (act.direction, target.direction) {
        (Direction::Outbound, Direction::Outbound) => Ok(true),
        (Direction::Inbound, Direction::Inbound) => {
            let of = |message: &MessageRecord| message.sender_no.unwrap_or_default();
            inbound::same_person(tx, no, of(act), of(target))
        }
        _ => Ok(false),
    }
}

fn may_edit(tx: &WriteTx<'_>, no: AccountNo, act: &MessageRecord, target: &MessageRecord) -> Result<bool, StoreError> {
    // What still waits to be sent goes out as it was accepted.
    Ok(target.state.is_settled() && tx.reading(|tx| same_author(tx, no, act, target))?)
}

/// Its author may, and in a group its admins. The network and the authors of acts see to that, too: only where the sender is
/// known as a member who is no admin, nothing is done.
fn may_revoke(
    tx: &WriteTx<'_>,
    no: AccountNo,
    act: &MessageRecord,
    target: &MessageRecord,
) -> Result<bool, StoreError> {
    if !target.state.is_settled() {
        return Ok(false);
    }
    if tx.reading(|tx| same_author(tx, no, act, target))? {
        return Ok(true);
    }
    let Some(sender) = act.sender.as_ref().filter(|_| act.direction == Direction::Inbound) else {
        return Ok(target.chat.jid.kind() == JidKind::Group);
    };
    if target.chat.jid.kind() != JidKind::Group {
        return Ok(false);
    }
    let is_sender = |who: &Participant| {
        (who.phone.is_some() && who.phone == sender.phone) || (who.lid.is_some() && who.lid == sender.lid)
    };
    let known = tx.reading(|tx| group::get(tx, no, &target.chat.jid))?;
    let member = known.and_then(|group| group.members.into_iter().find(|member| is_sender(&member.who)));
    Ok(member.is_none_or(|member| member.role.is_admin()))
}

fn reword(
    tx: &mut WriteTx<'_>,
    scope: &mut AccountScope,
    id: MessageId,
    mut target: MessageRecord,
    act: &MessageRecord,
    words: &str,
) -> Result<(), StoreError> {
    if target.aftermath.edited_ms.is_some_and(|edited_ms| mark::is_newer(edited_ms, act.ts_ms)) {
        return Ok(());
    }
    let Some(content) = target.content.reworded(words) else { return Ok(()) };
    target.aftermath.edited_ms = Some(act.ts_ms);
    replace(tx, scope, id, target, content)
}

fn erase(
    tx: &mut WriteTx<'_>,
    scope: &mut AccountScope,
    id: MessageId,
    mut target: MessageRecord,
    act: &MessageRecord,
) -> Result<(), StoreError> {
    if target.content == Content::Unavailable {
        scope.counters.unavailable = scope.counters.unavailable.saturating_sub(1);
    }
    target.aftermath.revoked_ms = Some(act.ts_ms);
    (target.context, target.secret) = (None, None);
    replace(tx, scope, id, target, Content::Revoked)
}

fn replace(
    tx: &mut WriteTx<'_>,
    scope: &mut AccountScope,
    id: MessageId,
    mut target: MessageRecord,
    content: Content,
) -> Result<(), StoreError> {
    search::note(tx, id, Some(&target))?;
    let bytes = &mut scope.counters.message_bytes;
    *bytes = bytes.saturating_sub(target.content.bytes()) + content.bytes();
    target.content = content;
    tx.put_record(Tree::Msg, id.to_bytes(), &target)
}
