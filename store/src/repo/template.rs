//! Templates. `template`: template id → record. `own`: tenant u32 · 4 · template id → ().

use super::own;
use crate::id::{TemplateId, TenantNo};
use crate::key::Key;
use crate::records::TemplateRecord;
use crate::{ReadTx, StoreError, Tree, WriteTx};

/// Most templates of a tenant.
pub const MOST: usize = 1_000;

pub(crate) fn own_key(tenant: TenantNo, id: TemplateId) -> Key {
    own::key(tenant, own::TEMPLATE, id.to_bytes())
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
    let ids = own::oldest(tx, (tenant, own::TEMPLATE), after.map(TemplateId::to_bytes), limit)?;
    let mut found = Vec::with_capacity(ids.len());
    for id in ids {
        let id =
            TemplateId::from_bytes(&id).ok_or_else(|| StoreError::corrupt(Tree::Own, "a key holds no template"))?;
        found.push((id, get(tx, tenant, id)?.ok_or_else(|| StoreError::corrupt(Tree::Own, "the template is gone"))?));
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
