//! Humans behind addresses. The LID is the human; a phone number is a pointer that moves.
//!
//! `person`: no · 0 · person u32 → record; no · 1 · jid → person u32. `alias`: no · 0 · canonical · absorbed and
//! no · 1 · absorbed · canonical, both written by a merge in one commit.

use super::scope::AccountScope;
use super::{campaign, event, held, recent};
use crate::id::{AccountNo, Epoch, Millis, PersonNo};
use crate::jid::{Jid, JidKind};
use crate::key::{Key, Parts};
use crate::records::{EventData, EventKind, MergedEvent, Participant, PersonRecord};
use crate::{Direction, ReadTx, StoreError, Tree, WriteTx};

/// Most persons that one was merged with and are looked at.
const MAX_ALIASES: usize = 16;

pub(super) fn record_key(no: AccountNo, person: PersonNo) -> Key {
    Key::new().u32(no.0).u8(0).u32(person.0)
}

fn pointer_key(no: AccountNo, jid: &Jid) -> Key {
    Key::new().u32(no.0).u8(1).personal(jid.as_str().as_bytes())
}

fn alias_key(no: AccountNo, way: u8, from: PersonNo, to: PersonNo) -> Key {
    Key::new().u32(no.0).u8(way).u32(from.0).u32(to.0)
}

/// The two addresses of a participant that name a human: by LID and by phone number.
fn addresses(of: &Participant) -> (Option<Jid>, Option<Jid>) {
    let lid = of.lid.clone().or_else(|| (of.jid.kind() == JidKind::Lid).then(|| of.jid.clone()));
    let phone = match (&of.phone, of.jid.kind()) {
        (Some(digits), _) => Some(Jid::phone(digits)),
        (None, JidKind::Phone) => Some(of.jid.clone()),
        _ => None,
    };
    (lid, phone)
}

/// The person an address points to.
///
/// # Errors
/// [`StoreError`] when the row can't be read.
pub fn by_jid(tx: &ReadTx<'_>, no: AccountNo, jid: &Jid) -> Result<Option<PersonNo>, StoreError> {
    Ok(tx.fixed(Tree::Person, pointer_key(no, jid))?.and_then(|body| Parts(&body).u32()).map(PersonNo))
}

/// The addresses of a person, the LID first.
pub(super) fn participant(record: &PersonRecord) -> Option<Participant> {
    let phone = record.phone.as_ref().and_then(|jid| jid.phone_digits()).map(str::to_owned);
    let jid = record.lid.clone().or_else(|| record.phone.clone())?;
    Some(Participant { jid, phone, lid: record.lid.clone() })
}

/// What is known of a person.
///
/// # Errors
/// [`StoreError`] when the row can't be read.
pub fn get(tx: &ReadTx<'_>, no: AccountNo, person: PersonNo) -> Result<Option<PersonRecord>, StoreError> {
    tx.record(Tree::Person, record_key(no, person))
}

/// The person that a participant is, as far as it is known already.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn find(tx: &ReadTx<'_>, no: AccountNo, participant: &Participant) -> Result<Option<PersonNo>, StoreError> {
    let (lid, phone) = addresses(participant);
    for jid in [lid, phone].into_iter().flatten() {
        if let Some(person) = by_jid(tx, no, &jid)? {
            return Ok(Some(person));
        }
    }
    Ok(None)
}

/// The person that a merged one is now, or itself.
///
/// # Errors
/// [`StoreError`] when the row can't be read.
pub fn canonical(tx: &ReadTx<'_>, no: AccountNo, person: PersonNo) -> Result<PersonNo, StoreError> {
    let prefix = Key::new().u32(no.0).u8(1).u32(person.0);
    let into = tx.first(Tree::Alias, &prefix, Direction::Forward)?;
    Ok(into.and_then(|(key, _)| Parts(key.get(9..)?).u32()).map_or(person, PersonNo))
}

/// The persons that were merged into this one.
///
/// # Errors
/// [`StoreError`] when the rows can't be read.
pub fn absorbed(tx: &ReadTx<'_>, no: AccountNo, person: PersonNo) -> Result<Vec<PersonNo>, StoreError> {
    let prefix = Key::new().u32(no.0).u8(0).u32(person.0);
    let rows = tx.prefix(Tree::Alias, &prefix, Direction::Forward, MAX_ALIASES)?;
    Ok(rows.iter().filter_map(|(key, _)| Parts(key.get(9..)?).u32()).map(PersonNo).collect())
}

/// What learning two addresses of one human means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lesson {
    /// Nobody knows either: a new person.
    New,
    /// This person gets the addresses that it lacks.
    Same(PersonNo),
    /// The phone's person had no LID: it was this one all along.
    Merge { into: PersonNo, absorbed: PersonNo },
    /// The phone number has moved here from a person who has a LID of its own: recycled, never merged.
    Repoint(PersonNo),
    /// The phone number belongs to a person with another LID: a new human has it now.
    NewOwner,
}

/// The pure rule: by whom the LID and the phone number are known, and whether the phone's person has a LID already.
fn lesson(by_lid: Option<PersonNo>, by_phone: Option<(PersonNo, bool)>, has_lid: bool) -> Lesson {
    match (by_lid, by_phone) {
        (None, None) => Lesson::New,
        (Some(person), None) => Lesson::Same(person),
        (Some(person), Some((other, _))) if person == other => Lesson::Same(person),
        (Some(into), Some((absorbed, false))) => Lesson::Merge { into, absorbed },
        (Some(person), Some((_, true))) => Lesson::Repoint(person),
        (None, Some((_, true))) if has_lid => Lesson::NewOwner,
        (None, Some((person, _))) => Lesson::Same(person),
    }
}

/// The person that a participant is, with their record; learns new addresses and makes a new person where nobody is
/// known. Runs for every message, so it reads each row once.
pub(super) fn resolve(
    tx: &mut WriteTx<'_>,
    scope: &mut AccountScope,
    of: &Participant,
) -> Result<(PersonNo, PersonRecord), StoreError> {
    let no = scope.no;
    let (lid, phone) = addresses(of);
    let (by_lid, by_phone, of_phone) = tx.reading(|tx| {
        let by_lid = lid.as_ref().map(|jid| by_jid(tx, no, jid)).transpose()?.flatten();
        let by_phone = phone.as_ref().map(|jid| by_jid(tx, no, jid)).transpose()?.flatten();
        let of_phone = by_phone.map(|person| get(tx, no, person)).transpose()?.flatten();
        Ok((by_lid, by_phone, of_phone))
    })?;
    let has_lid = of_phone.as_ref().is_some_and(|record| record.lid.is_some());
    let lesson = lesson(by_lid, by_phone.map(|person| (person, has_lid)), lid.is_some());
    let merged = matches!(lesson, Lesson::Merge { .. });
    let person = match lesson {
        Lesson::Same(person) | Lesson::Repoint(person) => person,
        Lesson::Merge { into, absorbed } => {
            recent::merging(tx, scope, (into, absorbed))?;
            scope.merges.push((into, absorbed));
            tx.put_fixed(Tree::Alias, alias_key(no, 0, into, absorbed), &[])?;
            tx.put_fixed(Tree::Alias, alias_key(no, 1, absorbed, into), &[])?;
            campaign::merged(tx, no, (into, absorbed))?;
            if scope.counters.held > 0 {
                // One of them may have written, the other may be held.
                held::may_go(tx, no, into)?;
            }
            into
        }
        Lesson::New | Lesson::NewOwner => {
            scope.counters.last_person = PersonNo(scope.counters.last_person.0 + 1);
            scope.counters.last_person
        }
    };
    let absorbed = of_phone.clone().filter(|_| by_phone != Some(person));
    let before = if by_phone == Some(person) { of_phone } else { tx.reading(|tx| get(tx, no, person))? };
    let mut record = before.clone().unwrap_or(PersonRecord { heard: Some(false), ..PersonRecord::default() });
    if let Some(absorbed) = absorbed.filter(|_| merged) {
        record.heard = match (record.heard, absorbed.heard) {
            (Some(true), _) | (_, Some(true)) => Some(true),
            (Some(false), Some(false)) => Some(false),
            _ => None,
        };
        record.name = record.name.or(absorbed.name);
        record.push_name = record.push_name.or(absorbed.push_name);
    }
    for (place, pointer, jid) in [(&mut record.lid, by_lid, lid), (&mut record.phone, by_phone, phone)] {
        let Some(jid) = jid else { continue };
        if pointer != Some(person) {
            tx.put_fixed(Tree::Person, pointer_key(no, &jid), &person.0.to_be_bytes())?;
        }
        *place = Some(jid);
    }
    if before.as_ref() != Some(&record) {
        put(tx, no, person, &record)?;
    }
    Ok((person, record))
}

/// Tells which humans this write found to be one.
pub(super) fn tell_merges(tx: &mut WriteTx<'_>, scope: &mut AccountScope, now_ms: Millis) -> Result<(), StoreError> {
    for (into, absorbed) in std::mem::take(&mut scope.merges) {
        let no = scope.no;
        let (record, other) = tx.reading(|tx| Ok((get(tx, no, into)?, get(tx, no, absorbed)?)))?;
        let record = record.unwrap_or_default();
        let Some(contact) = participant(&record) else { continue };
        let other = other.and_then(|other| other.chat);
        let chat = record.chat.or(other);
        let data =
            EventData::Merged(MergedEvent { contact, chat, absorbed: other.filter(|other| Some(*other) != chat) });
        event::append(tx, scope, event::NewEvent { kind: EventKind::ContactMerged, data, chat_no: chat, now_ms })?;
    }
    Ok(())
}

/// Learns from elsewhere than a message which addresses are one human's. Nobody is made known by that: where neither
/// address is known nothing changes.
///
/// # Errors
/// [`StoreError::StaleEpoch`] for an older incarnation.
pub fn learn(
    tx: &mut WriteTx<'_>,
    no: AccountNo,
    epoch: Epoch,
    participants: &[Participant],
    now_ms: Millis,
) -> Result<(), StoreError> {
    let mut scope = AccountScope::fenced(tx, no, epoch)?;
    for one in participants {
        let (Some(lid), Some(phone)) = addresses(one) else { continue };
        let (by_lid, by_phone) = tx.reading(|tx| Ok((by_jid(tx, no, &lid)?, by_jid(tx, no, &phone)?)))?;
        if by_lid != by_phone {
            resolve(tx, &mut scope, one)?;
        }
    }
    tell_merges(tx, &mut scope, now_ms)?;
    scope.close(tx)
}

/// Notes what somebody is called: by the account's address book, or by themselves. Names of nobody known are dropped.
pub(super) fn rename(
    tx: &mut WriteTx<'_>,
    no: AccountNo,
    person: PersonNo,
    rename: impl FnOnce(&mut PersonRecord),
) -> Result<bool, StoreError> {
    let Some(before) = tx.reading(|tx| get(tx, no, person))? else { return Ok(false) };
    let mut after = before.clone();
    rename(&mut after);
    if after == before {
        return Ok(false);
    }
    put(tx, no, person, &after)?;
    Ok(true)
}

pub(super) fn put(
    tx: &mut WriteTx<'_>,
    no: AccountNo,
    person: PersonNo,
    record: &PersonRecord,
) -> Result<(), StoreError> {
    tx.put_record(Tree::Person, record_key(no, person), record)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_persons_merge_only_where_the_phones_has_no_lid() {
        let (a, b) = (PersonNo(1), PersonNo(2));
        for (by_lid, by_phone, has_lid, expected) in [
            (None, None, true, Lesson::New),
            (None, None, false, Lesson::New),
            (Some(a), None, true, Lesson::Same(a)),
            (Some(a), Some((a, true)), true, Lesson::Same(a)),
            (Some(a), Some((b, false)), true, Lesson::Merge { into: a, absorbed: b }),
            (Some(a), Some((b, true)), true, Lesson::Repoint(a)),
            (None, Some((b, false)), true, Lesson::Same(b)),
            (None, Some((b, true)), true, Lesson::NewOwner),
            (None, Some((b, true)), false, Lesson::Same(b)),
        ] {
            assert_eq!(lesson(by_lid, by_phone, has_lid), expected);
        }
    }
}
