//! What somebody may see.

use std::sync::Arc;

use wasup_store::id::DEFAULT_TENANT;
use wasup_store::records::AccountRecord;

pub use wasup_store::Principal;
pub use wasup_store::records::Who;

/// A request's id on its way through the actors.
pub(crate) type RequestId = Arc<str>;

/// The request behind what somebody asks for.
pub(crate) fn cause(principal: &Principal) -> Option<RequestId> {
    Some(RequestId::from(principal.request_id.as_str()))
}

/// Another tenant's account does not exist for this one.
pub(crate) fn sees(principal: &Principal, account: &AccountRecord) -> bool {
    principal.tenant == account.tenant
}

/// Whether what the server tells of itself concerns this one: who may see every account of the installation.
pub(crate) fn sees_server(principal: &Principal) -> bool {
    principal.tenant == DEFAULT_TENANT && matches!(principal.who, Who::RootKey | Who::Config | Who::System)
}
