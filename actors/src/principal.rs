//! What somebody may see, and who asked for what.

use std::sync::Arc;

use wasup_store::id::DEFAULT_TENANT;
use wasup_store::records::{AccountRecord, Author};

pub use wasup_store::Principal;
pub use wasup_store::records::Who;

/// Who asked for something, and under which request, on its way through the actors.
pub(crate) type Asker = Arc<Author>;

/// Who stands behind what somebody asks for.
pub(crate) fn asker(principal: &Principal) -> Option<Asker> {
    Some(Asker::new(Author::from(principal)))
}

/// Another tenant's account does not exist for this one.
pub(crate) fn sees(principal: &Principal, account: &AccountRecord) -> bool {
    principal.tenant == account.tenant
}

/// Whether what the server tells of itself concerns this one: who may see every account of the installation.
pub(crate) fn sees_server(principal: &Principal) -> bool {
    principal.tenant == DEFAULT_TENANT && matches!(principal.who, Who::RootKey | Who::Config | Who::System)
}
