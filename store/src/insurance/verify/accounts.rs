//! Accounts, their numbers, and what is being cleared.

use super::check::{Check, Looked, Standing, fixed, record, well_formed};
use super::finding::FindingCode;
use crate::Tree;
use crate::key::{Key, Parts};
use crate::records::{AccountRecord, EndpointRecord};
use crate::repo::account::{Owner, id_key};
use crate::repo::account_state::{restart_ms, tell_ms};
use crate::repo::due::{self, DueKind};
use crate::repo::{endpoint, phone, purge};

pub(super) fn check(check: &mut Check<'_>) {
    purges(check);
    numbers(check);
    let mut live = 0_usize;
    check.all(Tree::Account, |check, key, value| {
        let account: AccountRecord = record(Tree::Account, value)?;
        live += 1;
        let owner: Option<Owner> = check.tx.record(Tree::AccountNo, Key::new().u32(account.no.0))?;
        let same = owner.is_some_and(|owner| {
            !owner.gone
                && owner.id == account.id
                && owner.tenant == account.tenant
                && owner.epoch == account.epoch
                && owner.link == account.link
        });
        if !same || check.tx.stored(Tree::Account, id_key(&account.id)) != key {
            check.fail(FindingCode::IndexMissing, Tree::Account, key);
        }
        is_due(check, key, &account)
    });
    if check.accounts.values().filter(|standing| matches!(standing, Standing::Live(_))).count() != live {
        each_number(check);
    }
    // The server tells events of its own, under the number that no account has.
    check.accounts.insert(endpoint::EVERY_ACCOUNT.0, Standing::Live(0));
    endpoints(check);
}

/// What is due for an account stands in the index. An earlier version wrote no such rows, and told nothing of it either.
fn is_due(check: &mut Check<'_>, key: &[u8], account: &AccountRecord) -> Looked {
    let times = [(DueKind::Restart, restart_ms(account)), (DueKind::StateEvent, tell_ms(account))];
    for (kind, at_ms) in times {
        if let Some(at_ms) = at_ms.filter(|_| account.told.is_some()) {
            check.expect((Tree::Account, key), Tree::Due, &due::key(kind, at_ms, &account.no.0.to_be_bytes()))?;
        }
    }
    Ok(())
}

/// Rows that lead from a phone to an account that is there.
fn phones(check: &mut Check<'_>) {
    check.all(Tree::Own, |check, key, value| {
        if phone::is_one(key) {
            let no = key.last_chunk().map_or(0, |no| u32::from_be_bytes(*no));
            if !matches!(check.accounts.get(&no), Some(Standing::Live(_))) {
                check.fail(FindingCode::IndexStale, Tree::Own, key);
            }
        }
        well_formed(Tree::Own, value)
    });
}

/// What the janitor has still to do explains rows that nobody owns.
fn purges(check: &mut Check<'_>) {
    check.under(Tree::Meta, purge::PREFIX, |check, key, _| {
        check.purging.insert(key.get(purge::PREFIX.len()..).unwrap_or_default().to_vec());
        Ok(())
    });
}

fn numbers(check: &mut Check<'_>) {
    let next = check.tx.fixed(Tree::Meta, b"next_no").ok().flatten().and_then(|body| Parts(&body).u32()).unwrap_or(1);
    check.all(Tree::AccountNo, |check, key, value| {
        let owner: Owner = record(Tree::AccountNo, value)?;
        let Some(no) = Parts(key).u32().filter(|no| key.len() == 4 && (1..next).contains(no)) else {
            check.fail(FindingCode::BadKey, Tree::AccountNo, key);
            return Ok(());
        };
        let clearing = check.purging.contains(&[&[purge::ACCOUNT], key].concat());
        let standing = match owner.gone {
            true if clearing => Standing::Purging,
            true => Standing::Gone,
            false => Standing::Live(owner.link.0),
        };
        check.accounts.insert(no, standing);
        Ok(())
    });
}

/// Finds the number whose account is missing.
fn each_number(check: &mut Check<'_>) {
    check.under(Tree::AccountNo, &[], |check, key, value| {
        let owner: Owner = record(Tree::AccountNo, value)?;
        if !owner.gone && !check.tx.contains(Tree::Account, id_key(&owner.id))? {
            check.fail(FindingCode::IndexStale, Tree::AccountNo, key);
        }
        Ok(())
    });
}

fn endpoints(check: &mut Check<'_>) {
    let (mut records, mut owners) = (0_u64, 0_u64);
    check.all(Tree::Endpoint, |check, key, value| {
        let Some(owner) = Parts(key).u32() else {
            check.fail(FindingCode::BadKey, Tree::Endpoint, key);
            return Ok(());
        };
        if owner == u32::MAX {
            owners += 1;
            return fixed(Tree::Endpoint, value).map(|_| ());
        }
        records += 1;
        let endpoint: EndpointRecord = record(Tree::Endpoint, value)?;
        let gone = owner != 0 && matches!(check.accounts.get(&owner), None | Some(Standing::Gone));
        if gone || endpoint.account.0 != owner || key.get(4..) != Some(&endpoint.id.to_bytes()) {
            check.fail(FindingCode::Orphan, Tree::Endpoint, key);
        }
        let index = Key::new().u32(u32::MAX).bytes(&endpoint.id.to_bytes());
        check.expect_fixed((Tree::Endpoint, key), Tree::Endpoint, &index, &owner.to_be_bytes())
    });
    if records != owners {
        check.fail(FindingCode::IndexStale, Tree::Endpoint, &[]);
    }
    phones(check);
    for tree in [Tree::Tenant, Tree::User, Tree::ApiKey] {
        check.all(tree, |_, _, value| well_formed(tree, value));
    }
}
