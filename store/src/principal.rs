//! Who asks for a write. The commit carries it, so that what it leaves behind says who wanted it.

use crate::id::{DEFAULT_TENANT, TenantNo};
use crate::records::Who;

/// Who asks, and under which request. Every use case takes it, its log lines and its commits carry it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// Whose things may be seen and touched.
    pub tenant: TenantNo,
    /// In which capacity.
    pub who: Who,
    /// The request's id, also in its answer.
    pub request_id: String,
}

impl Principal {
    /// The product itself, for work that nobody asked for by a request.
    #[must_use]
    pub fn system(request_id: impl Into<String>) -> Self {
        Self { tenant: DEFAULT_TENANT, who: Who::System, request_id: request_id.into() }
    }
}
