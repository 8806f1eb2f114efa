//! Groups of an account.
//!
//! `group`: no · chat u32 → record. The chat's row is made with it, so that a group has one number whether somebody
//! wrote in it first or it was told of first. no · 0 u32 → when all groups were last told at once.

use super::event::{self, NewEvent};
use super::scope::AccountScope;
use super::{account, chat};
use crate::id::{AccountNo, ChatNo, Epoch, Millis};
use crate::jid::Jid;
use crate::key::{Key, Parts};
use crate::records::{
    EventData, EventKind, GroupChange, GroupEvent, GroupMember, GroupMembersEvent, GroupRecord, GroupRole, MembersAct,
    Participant,
};
use crate::{Direction, ReadTx, StoreError, Tree, WriteTx};

/// Notifications remembered for each group: the network repeats only what was not acknowledged, which are few.
const REMEMBERED: usize = 32;

/// Something about a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupNews {
    /// Which.
    pub group: Jid,
    /// Who did it, where that is known.
    pub by: Option<Participant>,
    /// When, as the network says.
    pub at_ms: Millis,
    /// What names the notification, where it is one.
    pub id: Option<String>,
    /// What happened.
    pub what: GroupWhat,
}

/// What happened to a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupWhat {
    /// Everything that is known of it; `true` where it is new to the account.
    Whole(Box<GroupRecord>, bool),
    /// One thing about it.
    Changed(GroupChange),
    /// Something about its members.
    Members(MembersAct, Vec<Participant>),
}

fn row_key(no: AccountNo, chat: ChatNo) -> Key {
    Key::new().u32(no.0).u32(chat.0)
}

/// A group, by its address.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn get(tx: &ReadTx<'_>, no: AccountNo, group: &Jid) -> Result<Option<GroupRecord>, StoreError> {
    let chats = chat::find(tx, no, &whom(group))?;
    chats.first().map_or(Ok(None), |chat| tx.record(Tree::Group, row_key(no, *chat)))
}

/// At most `limit` groups after one, in the order of their chats' numbers.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn list(
    tx: &ReadTx<'_>,
    no: AccountNo,
    after: Option<ChatNo>,
    limit: usize,
) -> Result<Vec<(ChatNo, GroupRecord)>, StoreError> {
    let from = row_key(no, ChatNo(after.map_or(1, |chat| chat.0.saturating_add(1))));
    let to = row_key(no, ChatNo(u32::MAX));
    let rows = tx.range(Tree::Group, from.as_slice(), Some(to.as_slice()), Direction::Forward, limit)?;
    let bad = || StoreError::corrupt(Tree::Group, "a key holds no chat");
    let row = |(key, value): &(bytes::Bytes, bytes::Bytes)| {
        let chat = Parts(key.get(4..).unwrap_or_default()).u32().ok_or_else(bad)?;
        Ok((ChatNo(chat), crate::envelope::open_record(Tree::Group, value)?))
    };
    rows.iter().map(row).collect()
}

/// When the account's groups were last told all at once.
///
/// # Errors
/// [`StoreError`] when the row can't be read.
pub fn all_told(tx: &ReadTx<'_>, no: AccountNo) -> Result<Option<Millis>, StoreError> {
    Ok(tx.fixed(Tree::Group, row_key(no, ChatNo(0)))?.and_then(|body| Parts(&body).u64()))
}

/// Takes news in, in order: the record and an event for whatever is new in them. Answers the groups of which more has
/// to be asked, because the account did not know them.
///
/// # Errors
/// [`StoreError::StaleEpoch`] for an older incarnation; without an epoch only for an account that is gone.
pub fn take(
    tx: &mut WriteTx<'_>,
    no: AccountNo,
    epoch: Option<Epoch>,
    news: &[GroupNews],
    now_ms: Millis,
) -> Result<Vec<Jid>, StoreError> {
    let mut scope = match epoch {
        Some(epoch) => AccountScope::fenced(tx, no, epoch)?,
        None => AccountScope::open(tx, no)?,
    };
    let own = own(tx, no)?;
    let mut unknown = Vec::new();
    for one in news {
        if !take_one(tx, &mut scope, one, own.as_ref(), now_ms)? && !unknown.contains(&one.group) {
            unknown.push(one.group.clone());
        }
    }
    scope.close(tx)?;
    Ok(unknown)
}

/// Takes all groups in at once: those that are not among them the account is not in any more. Groups it did not know
/// are told as new only where `tell` says so: at the first time they all are.
///
/// # Errors
/// As [`take`].
pub fn take_all(
    tx: &mut WriteTx<'_>,
    no: AccountNo,
    epoch: Option<Epoch>,
    groups: &[GroupRecord],
    now_ms: Millis,
) -> Result<(), StoreError> {
    let told = tx.reading(|tx| all_told(tx, no))?.is_some();
    let news: Vec<GroupNews> = groups
        .iter()
        .map(|group| GroupNews {
            group: group.jid.clone(),
            by: None,
            at_ms: now_ms,
            id: None,
            what: GroupWhat::Whole(Box::new(group.clone()), told),
        })
        .collect();
    take(tx, no, epoch, &news, now_ms)?;
    let known = tx.reading(|tx| list(tx, no, None, usize::MAX))?;
    for (chat, mut record) in known {
        if record.joined && !groups.iter().any(|group| group.jid == record.jid) {
            record.joined = false;
            tx.put_record(Tree::Group, row_key(no, chat), &record)?;
        }
    }
    tx.put_fixed(Tree::Group, row_key(no, ChatNo(0)), &now_ms.to_be_bytes())
}

/// Answers whether the group is known now.
fn take_one(
    tx: &mut WriteTx<'_>,
    scope: &mut AccountScope,
    news: &GroupNews,
    own: Option<&Participant>,
    now_ms: Millis,
) -> Result<bool, StoreError> {
    let (chat, _) = chat::resolve(tx, scope, &whom(&news.group), false)?;
    let key = row_key(scope.no, chat);
    let before: Option<GroupRecord> = tx.reading(|tx| tx.record(Tree::Group, &key))?;
    let taken = |record: &GroupRecord| news.id.as_ref().is_some_and(|id| record.taken.contains(id));
    if before.as_ref().is_some_and(taken) {
        return Ok(true);
    }
    let known = before.is_some() || matches!(news.what, GroupWhat::Whole(..));
    let mut record = before.clone().unwrap_or_else(|| blank(&news.group));
    let event = change(&mut record, before.is_some(), news, own, now_ms);
    if let Some(id) = &news.id {
        record.taken.push(id.clone());
        let over = record.taken.len().saturating_sub(REMEMBERED);
        record.taken.drain(..over);
    }
    if known && before.as_ref() != Some(&record) {
        tx.put_record(Tree::Group, key, &record)?;
    }
    if known && !record.subject.is_empty() {
        chat::change(tx, scope.no, chat, |chat| chat.name = Some(record.subject.clone()))?;
    }
    if let Some((kind, data)) = event {
        event::append(tx, scope, NewEvent { kind, data, chat_no: Some(chat), now_ms })?;
    }
    Ok(known)
}

/// Changes a record, and answers what is told of it. What is so already is not told again.
fn change(
    record: &mut GroupRecord,
    known: bool,
    news: &GroupNews,
    own: Option<&Participant>,
    now_ms: Millis,
) -> Option<(EventKind, EventData)> {
    let change = match &news.what {
        GroupWhat::Whole(whole, new) => {
            let came = *new && !(known && record.joined);
            // Of its picture the network tells beside it.
            let (taken, picture) = (std::mem::take(&mut record.taken), record.picture.take());
            *record = GroupRecord { told_ms: now_ms, taken, picture, ..(**whole).clone() };
            record.joined = own.is_none_or(|own| position(&record.members, own).is_some());
            came.then_some(GroupChange::New)?
        }
        GroupWhat::Changed(change) => alter(record, change, known).then(|| change.clone())?,
        GroupWhat::Members(act, who) => return members(record, *act, who, known, news, own),
    };
    let (group, subject) = (whom(&news.group), record.subject.clone());
    // By both of their addresses, of which the network may have told one.
    let member = |by: &Participant| record.members.iter().find(|one| same(&one.who, by)).map(|one| one.who.clone());
    let by = news.by.as_ref().map(|by| member(by).unwrap_or_else(|| by.clone()));
    let event = GroupEvent { group, subject, by, at_ms: news.at_ms, change };
    Some((EventKind::GroupUpdated, EventData::Group(event)))
}

/// Whether it changed anything. Of a group that is not known nothing can be said to be so already.
fn alter(record: &mut GroupRecord, change: &GroupChange, known: bool) -> bool {
    let before = record.clone();
    let settings = &mut record.settings;
    match change {
        GroupChange::Subject(subject) => record.subject.clone_from(subject),
        GroupChange::Description(text) => record.description.clone_from(text),
        GroupChange::Locked(on) => settings.locked = *on,
        GroupChange::Announce(on) => settings.announce = *on,
        GroupChange::DisappearsAfter(seconds) => settings.disappears_after = *seconds,
        GroupChange::Approval(on) => settings.approval = *on,
        GroupChange::MembersAdd(on) => settings.members_add = Some(*on),
        GroupChange::Deleted => record.joined = false,
        GroupChange::Picture(id) => record.picture = Some(id.clone().unwrap_or_default()),
        // Nothing of these is kept.
        GroupChange::New | GroupChange::InviteLink => return true,
    }
    !known || before != *record
}

fn members(
    record: &mut GroupRecord,
    act: MembersAct,
    who: &[Participant],
    known: bool,
    news: &GroupNews,
    own: Option<&Participant>,
) -> Option<(EventKind, EventData)> {
    let mut changed = Vec::new();
    for one in who {
        if member(&mut record.members, act, one) || !known {
            changed.push(one.clone());
        }
        if own.is_some_and(|own| same(own, one)) {
            match act {
                MembersAct::Added | MembersAct::Joined => record.joined = true,
                MembersAct::Removed | MembersAct::Left => record.joined = false,
                _ => {}
            }
        }
    }
    if changed.is_empty() {
        return None;
    }
    let event = GroupMembersEvent {
        group: whom(&news.group),
        subject: record.subject.clone(),
        by: news.by.clone(),
        at_ms: news.at_ms,
        act,
        members: changed,
    };
    Some((EventKind::GroupParticipants, EventData::GroupMembers(event)))
}

fn member(members: &mut Vec<GroupMember>, act: MembersAct, who: &Participant) -> bool {
    let place = position(members, who);
    match (act, place) {
        (MembersAct::Asked | MembersAct::Withdrawn, _) => true,
        (MembersAct::Added | MembersAct::Joined, None) => {
            members.push(GroupMember { who: who.clone(), role: GroupRole::Member });
            true
        }
        (MembersAct::Removed | MembersAct::Left, Some(place)) => {
            members.remove(place);
            true
        }
        (MembersAct::Promoted, Some(place)) => give(members, place, GroupRole::Admin),
        (MembersAct::Demoted, Some(place)) => give(members, place, GroupRole::Member),
        _ => false,
    }
}

fn give(members: &mut [GroupMember], place: usize, role: GroupRole) -> bool {
    let Some(member) = members.get_mut(place).filter(|member| member.role.is_admin() != role.is_admin()) else {
        return false;
    };
    member.role = role;
    true
}

fn position(members: &[GroupMember], who: &Participant) -> Option<usize> {
    members.iter().position(|member| same(&member.who, who))
}

/// Whether two are one human, by any address that both are known by.
fn same(a: &Participant, b: &Participant) -> bool {
    let both = |a: Option<&str>, b: Option<&str>| a.is_some() && a == b;
    let phone = |who: &Participant| who.phone.clone().or_else(|| who.jid.phone_digits().map(str::to_owned));
    a.jid == b.jid
        || both(a.lid.as_ref().map(Jid::as_str), b.lid.as_ref().map(Jid::as_str))
        || both(phone(a).as_deref(), phone(b).as_deref())
}

/// The account itself, once it is linked.
fn own(tx: &WriteTx<'_>, no: AccountNo) -> Result<Option<Participant>, StoreError> {
    let record = tx.reading(|tx| account::by_no(tx, no))?;
    Ok(record.and_then(|record| record.identity).map(|identity| Participant {
        phone: identity.jid.phone_digits().map(str::to_owned),
        jid: identity.jid,
        lid: identity.lid,
    }))
}

/// A group as a chat.
fn whom(group: &Jid) -> Participant {
    Participant { jid: group.clone(), phone: None, lid: None }
}

fn blank(group: &Jid) -> GroupRecord {
    GroupRecord {
        jid: group.clone(),
        subject: String::new(),
        description: None,
        owner: None,
        created_ms: None,
        lid: false,
        parent: None,
        community: false,
        settings: crate::records::GroupSettings::default(),
        members: Vec::new(),
        joined: true,
        picture: None,
        told_ms: 0,
        taken: Vec::new(),
    }
}
