//! First answers, lifetimes, pieces of large values, and the trees that nothing else looks at.

use super::check::{Check, fixed, record, well_formed};
use super::finding::FindingCode;
use crate::Tree;
use crate::chunk::{self, CUT};
use crate::key::{Key, Parts};
use crate::records::{
    BotSender, EarlyReceipt, IdempotencyRecord, KeepRecord, MediaFileRecord, MediaTotals, TimelineRecord,
};
use crate::repo::{media, pace, stat};

/// Trees whose rows only have to be rows.
const REST: &[Tree] = &[Tree::Meta, Tree::Audit];

pub(super) fn check(check: &mut Check<'_>) {
    let mut answers = 0_u64;
    check.all(Tree::Idem, |check, key, value| {
        let answer: IdempotencyRecord = record(Tree::Idem, value)?;
        answers += 1;
        let index = Key::new().u64(answer.expires_ms).u8(Tree::Idem.number()).bytes(key);
        check.expect((Tree::Idem, key), Tree::Expiry, &index)
    });
    expiry(check, answers);
    check.owned(Tree::Timeline, |check, _, key, value| {
        if key.len() != 16 {
            check.fail(FindingCode::BadKey, Tree::Timeline, key);
        }
        record::<TimelineRecord>(Tree::Timeline, value).map(drop)
    });
    check.owned(Tree::BotSender, |check, no, key, value| {
        let person = Key::new().u32(no).u8(0).bytes(key.get(4..).unwrap_or_default());
        check.expect((Tree::BotSender, key), Tree::Person, &person)?;
        record::<BotSender>(Tree::BotSender, value).map(drop)
    });
    check.owned(Tree::MsgText, |check, _, key, value| {
        let (body, at) = (fixed(Tree::MsgText, value)?, key.len().saturating_sub(16));
        let keys: Vec<_> = body.chunks(16).collect();
        let sound =
            !keys.is_empty() && keys.is_sorted_by(|a, b| a < b) && key.get(at..).is_some_and(|base| base <= keys[0]);
        if !sound || !body.len().is_multiple_of(16) {
            check.fail(FindingCode::BadRow, Tree::MsgText, key);
        }
        Ok(())
    });
    check.owned(Tree::TextTodo, |_, _, _, value| well_formed(Tree::TextTodo, value));
    check.owned(Tree::Early, |_, _, _, value| record::<EarlyReceipt>(Tree::Early, value).map(drop));
    check.owned(Tree::RecipientOf, |check, _, key, value| {
        if key.len() != 8 || fixed(Tree::RecipientOf, value)?.len() != 20 {
            check.fail(FindingCode::BadKey, Tree::RecipientOf, key);
        }
        Ok(())
    });
    check.owned(Tree::Keep, |_, _, _, value| record::<KeepRecord>(Tree::Keep, value).map(drop));
    check.owned(Tree::Stat, |_, _, key, value| stat::read(key, value).map(drop));
    pieces(check);
    paces(check);
    files(check);
    for tree in REST {
        check.all(*tree, |_, _, value| well_formed(*tree, value));
    }
}

/// What accounts sent lately, and for whom something may go that is held.
fn paces(check: &mut Check<'_>) {
    check.owned(Tree::Pace, |check, no, key, value| {
        let (body, mut parts) = (fixed(Tree::Pace, value)?, Parts(key.get(4..).unwrap_or_default()));
        let sound = match parts.u8() {
            Some(pace::SENDS) => parts.u64().is_some() && parts.rest().is_empty() && body.len() == 4,
            Some(pace::BULK) => parts.u64().is_some() && parts.rest().is_empty() && body.len() == 8,
            Some(pace::COLD) => parts.u64().is_some() && parts.u32().is_some() && parts.rest().is_empty(),
            Some(pace::MAY_GO) => {
                let person = Key::new().u32(no).u8(0).bytes(parts.rest());
                check.expect((Tree::Pace, key), Tree::Person, &person)?;
                true
            }
            _ => false,
        };
        if !sound {
            check.fail(FindingCode::BadKey, Tree::Pace, key);
        }
        Ok(())
    });
}

/// Files that are kept. Whether the files themselves are there is looked at beside the rows.
fn files(check: &mut Check<'_>) {
    let (mut totals, mut indexes) = (MediaTotals::default(), 0_u64);
    let mut found = 0_u64;
    check.all(Tree::Media, |check, key, value| {
        match media::is_record(key) {
            Some(true) => {
                let file: MediaFileRecord = record(Tree::Media, value)?;
                totals.files += 1;
                totals.bytes += file.media.size;
                for index in media::index_keys(&file) {
                    indexes += 1;
                    check.expect((Tree::Media, key), Tree::Media, &index)?;
                }
            }
            Some(false) => {
                found += 1;
                fixed(Tree::Media, value)?;
            }
            None => check.fail(FindingCode::BadKey, Tree::Media, key),
        }
        Ok(())
    });
    if found > indexes {
        check.fail(FindingCode::IndexStale, Tree::Media, &[]);
    }
    let counted: MediaTotals = check.tx.record(Tree::Meta, media::TOTALS).ok().flatten().unwrap_or_default();
    if counted != totals {
        check.fail(FindingCode::CounterWrong, Tree::Meta, media::TOTALS);
    }
}

fn expiry(check: &mut Check<'_>, answers: u64) {
    let mut of_answers = 0_u64;
    check.all(Tree::Expiry, |check, key, value| {
        fixed(Tree::Expiry, value)?;
        let mut parts = Parts(key);
        let (Some(_), Some(tree)) = (parts.u64(), parts.u8().and_then(Tree::from_number)) else {
            check.fail(FindingCode::BadKey, Tree::Expiry, key);
            return Ok(());
        };
        of_answers += u64::from(tree == Tree::Idem);
        if !check.tx.contains(tree, parts.rest())? {
            check.fail(FindingCode::IndexStale, Tree::Expiry, key);
        }
        Ok(())
    });
    if of_answers > answers {
        check.fail(FindingCode::IndexStale, Tree::Expiry, &[]);
    }
}

/// A value that lacks a piece shows where it is read; here, pieces that belong to no value.
fn pieces(check: &mut Check<'_>) {
    check.all(Tree::Chunk, |check, key, _| {
        let header = match chunk::split(key) {
            Some((tree, row, n)) => {
                check.engine.get(tree, row)?.filter(|row| row.first() == Some(&CUT) && chunk::pieces(row) > n)
            }
            None => None,
        };
        if header.is_none() {
            check.fail(FindingCode::IndexStale, Tree::Chunk, key);
        }
        Ok(())
    });
}
