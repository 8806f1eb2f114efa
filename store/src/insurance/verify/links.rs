//! The protocol library's rows: what can be said of them without knowing the library.

use std::collections::BTreeMap;

use super::check::{Check, Standing, well_formed};
use super::finding::FindingCode;
use crate::Tree;
use crate::key::{Key, Parts};
use crate::records::AccountRecord;
use crate::repo::account::Owner;
use crate::repo::purge;
use crate::repo::wa::WaKind;

pub(super) fn check(check: &mut Check<'_>) {
    // Each pair of a group and a device stands in two rows.
    let mut pairs: BTreeMap<u32, (u64, u64)> = BTreeMap::new();
    check.owned(Tree::Wa, |check, no, key, value| {
        let mut parts = Parts(key.get(4..).unwrap_or_default());
        let (Some(link), Some(kind)) = (parts.u32(), parts.u8().and_then(WaKind::from_number)) else {
            check.fail(FindingCode::BadKey, Tree::Wa, key);
            return Ok(());
        };
        let clearing = check.purging.contains(Key::new().u8(purge::LINK).u32(no).u32(link).as_slice());
        if check.accounts.get(&no) != Some(&Standing::Live(link)) && !clearing {
            check.fail(FindingCode::Orphan, Tree::Wa, key);
        }
        if !clearing {
            let pairs = pairs.entry(no).or_default();
            pairs.0 += u64::from(kind == WaKind::SenderKeyDevice);
            pairs.1 += u64::from(kind == WaKind::SenderKeyGroup);
        }
        well_formed(Tree::Wa, value)
    });
    for (no, (by_group, by_device)) in pairs {
        if by_group != by_device {
            check.fail(FindingCode::IndexMissing, Tree::Wa, &no.to_be_bytes());
        }
    }
    devices(check);
}

/// An account that a phone linked has the device that it linked.
fn devices(check: &mut Check<'_>) {
    check.under(Tree::AccountNo, &[], |check, key, value| {
        let owner: Owner = super::check::record(Tree::AccountNo, value)?;
        let account: Option<AccountRecord> = match owner.gone {
            true => None,
            false => check.tx.record(Tree::Account, crate::repo::account::id_key(&owner.id))?,
        };
        if let Some(account) = account.filter(|account| account.identity.is_some()) {
            let device = Key::new().u32(account.no.0).u32(account.link.0).u8(WaKind::Device as u8);
            if !check.tx.contains(Tree::Wa, &device)? {
                check.fail(FindingCode::Dangling, Tree::AccountNo, key);
            }
        }
        Ok(())
    });
}
