//! One HTTP client for all accounts that go the same way: one for those without a proxy, and one for each proxy while an
//! account uses it.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::budget::Budget;
use super::http::{HttpPool, Shared};
use super::proxy::Proxy;
use super::reach::Reach;
use crate::ports::LinkError;

/// Transfers of media at once, in the process.
const TRANSFERS: usize = 16;

/// Bytes of uploads on disk at once, in the process.
const UPLOAD_BYTES: u64 = 512 * 1024 * 1024;

/// The clients of the process.
pub(crate) struct HttpPools {
    shared: Shared,
    direct: Arc<HttpPool>,
    by_proxy: Mutex<HashMap<String, Weak<HttpPool>>>,
}

impl HttpPools {
    /// Clients under the rule of where they may connect to. Uploads are kept in `spool` while they go out.
    ///
    /// # Errors
    /// [`LinkError::Protocol`] when TLS can't be set up.
    pub(crate) fn new(reach: Reach, spool: PathBuf) -> Result<Self, LinkError> {
        let shared = Shared::new(reach, spool, Budget::new(TRANSFERS, UPLOAD_BYTES))?;
        let direct = Arc::new(HttpPool::new(&shared, None)?);
        Ok(Self { shared, direct, by_proxy: Mutex::default() })
    }

    /// Where they may connect to.
    pub(crate) fn reach(&self) -> Reach {
        self.shared.reach()
    }

    /// The client of a way.
    ///
    /// # Errors
    /// [`LinkError::Protocol`] when it can't be made.
    pub(crate) fn of(&self, proxy: Option<&Proxy>) -> Result<Arc<HttpPool>, LinkError> {
        let Some(proxy) = proxy else { return Ok(Arc::clone(&self.direct)) };
        let mut by_proxy = self.by_proxy.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pool) = by_proxy.get(proxy.key()).and_then(Weak::upgrade) {
            return Ok(pool);
        }
        let pool = Arc::new(HttpPool::new(&self.shared, Some(proxy))?);
        by_proxy.retain(|_, pool| pool.strong_count() > 0);
        by_proxy.insert(proxy.key().to_owned(), Arc::downgrade(&pool));
        Ok(pool)
    }
}

#[cfg(test)]
mod tests {
    use wasup_store::records::ProxyAddress;

    use super::*;

    #[test]
    fn one_client_for_each_proxy_while_it_is_used() {
        let pools = HttpPools::new(Reach::LoopbackOnly, std::env::temp_dir()).unwrap();
        let proxy = |n: usize| Proxy::parse(&ProxyAddress(format!("http://u:p@127.0.0.1:{}", 3_000 + n))).ok().unwrap();
        let kept = pools.of(Some(&proxy(0))).unwrap();
        assert!(Arc::ptr_eq(&kept, &pools.of(Some(&proxy(0))).unwrap()));
        assert!(!Arc::ptr_eq(&kept, &pools.of(None).unwrap()));
        for n in 1..50 {
            assert!(!Arc::ptr_eq(&kept, &pools.of(Some(&proxy(n))).unwrap()));
        }
        assert!(pools.by_proxy.lock().unwrap().len() <= 2, "clients that nobody uses are forgotten");
    }
}
