//! Who asks.

use std::sync::Arc;

use wasup_store::id::{DEFAULT_TENANT, TenantNo};
use wasup_store::records::AccountRecord;

/// A request's id on its way through the actors.
pub(crate) type RequestId = Arc<str>;

/// Who asks, and under which request. Every use case takes it, and its log lines carry it.
#[derive(Debug, Clone)]
pub struct Principal {
    /// Whose things may be seen and touched.
    pub tenant: TenantNo,
    /// In which capacity.
    pub who: Who,
    /// The request's id, also in its answer.
    pub request_id: String,
}

/// In which capacity somebody asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// Holder of the installation's key.
    RootKey,
    /// The accounts file.
    Config,
    /// The product itself.
    System,
}

impl Who {
    /// The word used in logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RootKey => "root_key",
            Self::Config => "config",
            Self::System => "system",
        }
    }
}

impl Principal {
    /// The product itself, for work that nobody asked for by a request.
    #[must_use]
    pub fn system(request_id: impl Into<String>) -> Self {
        Self { tenant: DEFAULT_TENANT, who: Who::System, request_id: request_id.into() }
    }

    pub(crate) fn cause(&self) -> Option<RequestId> {
        Some(RequestId::from(self.request_id.as_str()))
    }

    /// Another tenant's account does not exist for this one.
    pub(crate) fn sees(&self, account: &AccountRecord) -> bool {
        self.tenant == account.tenant
    }
}
