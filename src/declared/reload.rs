//! The accounts file is read again while the server runs.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::Mutex;
use wasup_actors::{Accounts, Endpoints, Principal, Who};
use wasup_store::id::DEFAULT_TENANT;

use super::check::{Checked, DeclareError};
use super::commit;
use super::report::Report;
use crate::metrics::{ReloadMeters, ReloadOutcome};
use crate::webhook_http::Reach;

/// Why the accounts file was not read again.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    /// None is configured.
    #[error("no accounts file is configured; accounts.file names one")]
    NoFile,
    /// It is wrong; nothing was changed.
    #[error(transparent)]
    Declare(#[from] DeclareError),
}

/// Reads the accounts file again, one reading at a time. Clones are the same.
#[derive(Clone)]
pub struct Reloader(Arc<Parts>);

struct Parts {
    path: PathBuf,
    reach: Reach,
    accounts: Accounts,
    endpoints: Endpoints,
    meters: ReloadMeters,
    one: Mutex<()>,
}

/// In whose name the accounts file is carried out.
pub(crate) fn in_the_files_name(request_id: &str) -> Principal {
    Principal { tenant: DEFAULT_TENANT, who: Who::Config, request_id: request_id.to_owned() }
}

impl Reloader {
    pub(crate) fn new(
        path: PathBuf,
        reach: Reach,
        accounts: Accounts,
        endpoints: Endpoints,
        meters: ReloadMeters,
    ) -> Self {
        Self(Arc::new(Parts { path, reach, accounts, endpoints, meters, one: Mutex::default() }))
    }

    /// Whether there is a file to read.
    #[must_use]
    pub fn has_file(&self) -> bool {
        !self.0.path.as_os_str().is_empty()
    }

    /// Reads the file and carries out what is different. `request_id` is what asked for it.
    ///
    /// # Errors
    /// [`ReloadError`]; nothing was changed then.
    pub async fn reload(&self, request_id: &str) -> Result<Report, ReloadError> {
        let _one = self.0.one.lock().await;
        let outcome = self.read(request_id).await;
        self.0.meters.count(match &outcome {
            Ok(report) if !report.errors.is_empty() => ReloadOutcome::Partly,
            Ok(report) if report.is_quiet() => ReloadOutcome::Unchanged,
            Ok(_) => ReloadOutcome::Applied,
            Err(_) => ReloadOutcome::Refused,
        });
        match &outcome {
            Ok(report) => tell(report, request_id),
            Err(error) => tracing::warn!(%error, request_id, "the accounts file was not read again; nothing changed"),
        }
        outcome
    }

    async fn read(&self, request_id: &str) -> Result<Report, ReloadError> {
        let Parts { path, reach, accounts, endpoints, .. } = &*self.0;
        if !self.has_file() {
            return Err(ReloadError::NoFile);
        }
        let caller = in_the_files_name(request_id);
        let checked = Checked::read(path, *reach, endpoints)?;
        let committed = commit(accounts, endpoints, &caller, checked).await.map_err(DeclareError::from)?;
        Ok(committed.carry_out(accounts, &caller).await)
    }
}

fn tell(report: &Report, request_id: &str) {
    let Report { created, changed, stopped, unchanged, .. } = report;
    tracing::info!(
        created = created.len(),
        changed = changed.len(),
        stopped = stopped.len(),
        unchanged,
        request_id,
        "the accounts file was read again"
    );
    for error in report.failures() {
        tracing::warn!(error, request_id, "something of the accounts file could not be done");
    }
}
