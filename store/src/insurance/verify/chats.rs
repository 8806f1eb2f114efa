//! Persons, their other names, and chats that are not with one human.

use std::collections::BTreeMap;

use super::check::{Check, fixed, record};
use super::finding::FindingCode;
use crate::Tree;
use crate::key::{Key, Parts};
use crate::records::{ChatRecord, PersonRecord};

pub(super) fn check(check: &mut Check<'_>) {
    persons(check);
    aliases(check);
    chats(check);
}

fn persons(check: &mut Check<'_>) {
    check.owned(Tree::Person, |check, no, key, value| {
        let mut parts = Parts(key.get(4..).unwrap_or_default());
        match parts.u8() {
            Some(0) => {
                let person: PersonRecord = record(Tree::Person, value)?;
                // A number that moved on still stands in its former owner's record, so only its being known counts.
                for jid in [person.lid, person.phone].into_iter().flatten() {
                    let pointer = Key::new().u32(no).u8(1).personal(jid.as_str().as_bytes());
                    check.expect((Tree::Person, key), Tree::Person, &pointer)?;
                }
            }
            Some(1) => {
                let body = fixed(Tree::Person, value)?;
                let person = Key::new().u32(no).u8(0).bytes(&body);
                if !check.tx.contains(Tree::Person, &person)? {
                    check.fail(FindingCode::IndexStale, Tree::Person, key);
                }
            }
            _ => check.fail(FindingCode::BadKey, Tree::Person, key),
        }
        Ok(())
    });
}

fn aliases(check: &mut Check<'_>) {
    check.owned(Tree::Alias, |check, no, key, value| {
        let mut parts = Parts(key.get(4..).unwrap_or_default());
        let (Some(way @ 0..=1), Some(from), Some(to)) = (parts.u8(), parts.u32(), parts.u32()) else {
            check.fail(FindingCode::BadKey, Tree::Alias, key);
            return Ok(());
        };
        fixed(Tree::Alias, value)?;
        let back = Key::new().u32(no).u8(1 - way).u32(to).u32(from);
        check.expect((Tree::Alias, key), Tree::Alias, &back)
    });
}

fn chats(check: &mut Check<'_>) {
    let mut rows: BTreeMap<u32, (u64, u64)> = BTreeMap::new();
    check.owned(Tree::Chat, |check, no, key, value| {
        let mut parts = Parts(key.get(4..).unwrap_or_default());
        let rows = rows.entry(no).or_default();
        match parts.u32() {
            Some(0) => {
                rows.1 += 1;
                fixed(Tree::Chat, value).map(|_| ())
            }
            Some(chat) => {
                rows.0 += 1;
                let found: ChatRecord = record(Tree::Chat, value)?;
                let pointer = Key::new().u32(no).u32(0).personal(found.participant.jid.as_str().as_bytes());
                check.expect_fixed((Tree::Chat, key), Tree::Chat, &pointer, &chat.to_be_bytes())
            }
            None => {
                check.fail(FindingCode::BadKey, Tree::Chat, key);
                Ok(())
            }
        }
    });
    for (no, (records, pointers)) in rows {
        if records != pointers {
            check.fail(FindingCode::IndexStale, Tree::Chat, &no.to_be_bytes());
        }
    }
}
