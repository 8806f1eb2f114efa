//! Lists of contacts.
//!
//! `list`: list id → record. `own`: tenant u32 · 2 · list id → (). What stands in a list: see [`super::listed`].

use super::{own, purge};
use crate::id::{ListId, Millis, TenantNo};
use crate::key::Key;
use crate::records::ContactList;
use crate::{Direction, ReadTx, StoreError, Tree, WriteTx};

pub(crate) fn own_key(tenant: TenantNo, id: ListId) -> Key {
    own::key(tenant, own::LIST, id.to_bytes())
}

/// What a change of a list is about; `None`: it stays.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ListPatch {
    /// Another name.
    pub name: Option<String>,
    /// Another description, or none.
    pub description: Option<Option<String>>,
}

/// Makes an empty list.
///
/// # Errors
/// [`StoreError`] when a key would be too long.
pub fn create(
    tx: &mut WriteTx<'_>,
    id: ListId,
    tenant: TenantNo,
    (name, description): (&str, Option<&str>),
    now_ms: Millis,
) -> Result<ContactList, StoreError> {
    let list = ContactList {
        tenant,
        name: name.to_owned(),
        description: description.map(str::to_owned),
        created_ms: now_ms,
        changed_ms: now_ms,
        contacts: 0,
    };
    put(tx, id, &list)?;
    tx.put_fixed(Tree::Own, own_key(tenant, id), &[])?;
    Ok(list)
}

pub(super) fn put(tx: &mut WriteTx<'_>, id: ListId, list: &ContactList) -> Result<(), StoreError> {
    tx.put_record(Tree::List, id.to_bytes(), list)
}

/// A tenant's list; `None` where there is none of that id.
///
/// # Errors
/// [`StoreError`] when the row can't be read.
pub fn get(tx: &ReadTx<'_>, tenant: TenantNo, id: ListId) -> Result<Option<ContactList>, StoreError> {
    let found: Option<ContactList> = tx.record(Tree::List, id.to_bytes())?;
    Ok(found.filter(|list| list.tenant == tenant))
}

/// At most `limit` lists of a tenant after one, the oldest first.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn page(
    tx: &ReadTx<'_>,
    tenant: TenantNo,
    after: Option<ListId>,
    limit: usize,
) -> Result<Vec<(ListId, ContactList)>, StoreError> {
    let ids = own::oldest(tx, (tenant, own::LIST), after.map(ListId::to_bytes), limit)?;
    let mut found = Vec::with_capacity(ids.len());
    for id in ids {
        let id = ListId::from_bytes(&id).ok_or_else(|| StoreError::corrupt(Tree::Own, "a key holds no list"))?;
        found.push((id, get(tx, tenant, id)?.ok_or_else(|| StoreError::corrupt(Tree::Own, "the list is gone"))?));
    }
    Ok(found)
}

/// At most `limit` lists of everybody's after one, to be counted.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn every(tx: &ReadTx<'_>, after: Option<ListId>, limit: usize) -> Result<Vec<(ListId, ContactList)>, StoreError> {
    let from = after.map_or_else(Key::new, |after| Key::new().bytes(&after.to_bytes()).u8(0));
    let rows = tx.range(Tree::List, from.as_slice(), None, Direction::Forward, limit)?;
    let row = |(key, value): &(bytes::Bytes, bytes::Bytes)| {
        let id = ListId::from_bytes(key).ok_or_else(|| StoreError::corrupt(Tree::List, "a key holds no list"))?;
        Ok((id, crate::envelope::open_record(Tree::List, value)?))
    };
    rows.iter().map(row).collect()
}

/// Changes what a list is called; `None` where there is none of that id.
///
/// # Errors
/// [`StoreError`] when the row can't be read.
pub fn change(
    tx: &mut WriteTx<'_>,
    tenant: TenantNo,
    id: ListId,
    patch: &ListPatch,
    now_ms: Millis,
) -> Result<Option<ContactList>, StoreError> {
    let Some(before) = tx.reading(|tx| get(tx, tenant, id))? else { return Ok(None) };
    let after = ContactList {
        name: patch.name.clone().unwrap_or_else(|| before.name.clone()),
        description: patch.description.clone().unwrap_or_else(|| before.description.clone()),
        ..before.clone()
    };
    if after == before {
        return Ok(Some(before));
    }
    let after = ContactList { changed_ms: now_ms, ..after };
    put(tx, id, &after)?;
    Ok(Some(after))
}

/// Deletes a list. It is gone at once; its contacts are cleared away by the janitor. `false` where there is none.
///
/// # Errors
/// [`StoreError`] when the row can't be read.
pub fn delete(tx: &mut WriteTx<'_>, tenant: TenantNo, id: ListId) -> Result<bool, StoreError> {
    if tx.reading(|tx| get(tx, tenant, id))?.is_none() {
        return Ok(false);
    }
    tx.delete(Tree::List, id.to_bytes())?;
    tx.delete(Tree::Own, own_key(tenant, id))?;
    purge::list(tx, id)?;
    Ok(true)
}
