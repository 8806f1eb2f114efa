//! The use case around who did what.

use std::sync::Arc;

use wasup_store::StoreError;
use wasup_store::records::AuditRecord;
use wasup_store::repo::audit::{self, AuditPlace};

use crate::context::Context;
use crate::principal::Principal;

/// Who did what. Clones are the same.
#[derive(Clone)]
pub struct Audit {
    ctx: Arc<Context>,
}

impl std::fmt::Debug for Audit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Audit").finish_non_exhaustive()
    }
}

impl Audit {
    pub(crate) const fn new(ctx: Arc<Context>) -> Self {
        Self { ctx }
    }

    /// At most `limit` acts of the principal's tenant before a place, the newest first. Every principal of this version
    /// may see them: each holds the installation's key, or is the product itself.
    ///
    /// # Errors
    /// [`StoreError`] when a row can't be read.
    pub async fn list(
        &self,
        principal: &Principal,
        before: Option<AuditPlace>,
        limit: usize,
    ) -> Result<Vec<(AuditPlace, AuditRecord)>, StoreError> {
        self.ctx.store.read(|tx| audit::list(tx, principal.tenant, before, limit)).await
    }
}
