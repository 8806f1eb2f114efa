//! Templates. `template`: template id → record. `own`: tenant u32 · 4 · template id → ().

use crate::id::{TemplateId, TenantNo};
use crate::key::Key;
use crate::records::TemplateRecord;
use crate::{Direction, ReadTx, StoreError, Tree, WriteTx};

/// The kind of these rows among the tenant's own.
const KIND: u8 = 4;

/// Most templates of a tenant.
pub const MOST: usize = 1_000;

pub(crate) fn own_key(tenant: TenantNo, id: TemplateId) -> Key {
    Key::new().u32(tenant.0).u8(KIND).bytes(&id.to_bytes())
}

/// Writes a template.
///
/// # Errors
/// [`StoreError`] when a key would be too long.
pub fn put(tx: &mut WriteTx<'_>, id: TemplateId, template: &TemplateRecord) -> Result<(), StoreError> {
    tx.put_record(Tree::Template, id.to_bytes(), template)?;
    tx.put_fixed(Tree::Own, own_key(template.tenant, id), &[])
}

/// A tenant's template; `None` where there is none of that id.
///
/// # Errors
/// [`StoreError`] when the row can't be read.
pub fn get(tx: &ReadTx<'_>, tenant: TenantNo, id: TemplateId) -> Result<Option<TemplateRecord>, StoreError> {
    let found: Option<TemplateRecord> = tx.record(Tree::Template, id.to_bytes())?;
    Ok(found.filter(|template| template.tenant == tenant))
}

/// At most `limit` templates of a tenant after one, the oldest first.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn page(
    tx: &ReadTx<'_>,
    tenant: TenantNo,
    after: Option<TemplateId>,
    limit: usize,
) -> Result<Vec<(TemplateId, TemplateRecord)>, StoreError> {
    let all = Key::new().u32(tenant.0).u8(KIND);
    let from = after.map_or_else(|| all.clone(), |after| own_key(tenant, after).u8(0));
    let to = crate::key::prefix_end(all.as_slice());
    let rows = tx.range(Tree::Own, from.as_slice(), to.as_deref(), Direction::Forward, limit)?;
    let mut found = Vec::with_capacity(rows.len());
    for (key, _) in &rows {
        let id = key.get(5..).and_then(TemplateId::from_bytes);
        let id = id.ok_or_else(|| StoreError::corrupt(Tree::Own, "a key holds no template"))?;
        let template = get(tx, tenant, id)?.ok_or_else(|| StoreError::corrupt(Tree::Own, "the template is gone"))?;
        found.push((id, template));
    }
    Ok(found)
}

/// Deletes a template; `false` where there is none.
///
/// # Errors
/// [`StoreError`] when the row can't be read.
pub fn delete(tx: &mut WriteTx<'_>, tenant: TenantNo, id: TemplateId) -> Result<bool, StoreError> {
    if tx.reading(|tx| get(tx, tenant, id))?.is_none() {
        return Ok(false);
    }
    tx.delete(Tree::Template, id.to_bytes())?;
    tx.delete(Tree::Own, own_key(tenant, id))?;
    Ok(true)
}
