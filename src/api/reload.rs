//! `/v1/admin/reload`: the accounts file is read again.

use std::collections::BTreeMap;

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::accounts::EffectWord;
use super::extract::Caller;
use super::problem::{ErrorCode, FieldError, Problem, ProblemView};
use crate::config::ConfigError;
use crate::declared::{DeclareError, ReloadError, Reloader, Report};

/// What came of reading the accounts file.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ReloadView {
    /// Accounts that were made.
    created: Vec<String>,
    /// Accounts that were not as the file says, and are now.
    changed: Vec<ChangedByFileView>,
    /// Accounts that the file holds no more: stopped with the reason `undeclared`, and kept.
    stopped: Vec<String>,
    /// Accounts that were as the file says; nothing was done about them.
    unchanged: usize,
    /// Webhooks for every account that were made or changed, by name.
    webhooks: Vec<String>,
    /// What could not be done.
    errors: Vec<ReloadErrorView>,
}

/// An account that was not as the file says.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ChangedByFileView {
    /// Its id.
    id: String,
    /// What was changed, by the name of the setting, and when it takes effect. `source` for one that is the file's from now
    /// on, or again.
    settings: BTreeMap<&'static str, EffectWord>,
}

/// Something that could not be done.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ReloadErrorView {
    /// About which account; `null` where it is for all of them.
    account: Option<String>,
    /// What.
    message: String,
}

impl From<Report> for ReloadView {
    fn from(report: Report) -> Self {
        let ids = |ids: Vec<wasup_store::id::AccountId>| ids.iter().map(ToString::to_string).collect();
        let changed = |account: crate::declared::ChangedAccount| ChangedByFileView {
            id: account.id.to_string(),
            settings: account.settings.into_iter().map(|(setting, effect)| (setting, effect.into())).collect(),
        };
        let error = |error: crate::declared::ReportedError| ReloadErrorView {
            account: error.account.map(|id| id.to_string()),
            message: error.message,
        };
        Self {
            created: ids(report.created),
            changed: report.changed.into_iter().map(changed).collect(),
            stopped: ids(report.stopped),
            unchanged: report.unchanged,
            webhooks: report.webhooks,
            errors: report.errors.into_iter().map(error).collect(),
        }
    }
}

/// Reads the accounts file again and carries out what is different; an account whose settings are the same is not touched.
/// A file with a fault changes nothing. SIGHUP does the same.
#[utoipa::path(post, path = "/v1/admin/reload", tag = "server", operation_id = "reloadAccountsFile",
    responses((status = 200, body = ReloadView),
        (status = 409, description = "No accounts file is configured (`no_accounts_file`), or it is wrong (`accounts_file_wrong`, `errors` names lines) and nothing was changed.", body = ProblemView, content_type = "application/problem+json"),
        (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn reload(
    State(reloader): State<Reloader>,
    Caller(caller): Caller,
) -> Result<axum::Json<ReloadView>, Problem> {
    // A client that goes away must not end it half-way.
    let done = tokio::spawn(async move { reloader.reload(&caller.request_id).await }).await;
    match done {
        Ok(report) => Ok(axum::Json(report?.into())),
        Err(gone) => Err(Problem::new(ErrorCode::Internal, "the file was not carried out whole").because(gone)),
    }
}

impl From<ReloadError> for Problem {
    fn from(error: ReloadError) -> Self {
        let at = |line: usize, what: String| FieldError::new(format!("line {line}"), what);
        let (detail, errors) = match error {
            ReloadError::NoFile => return Self::new(ErrorCode::NoAccountsFile, error.to_string()),
            ReloadError::Declare(DeclareError::Accounts(error)) => return error.into(),
            ReloadError::Declare(DeclareError::File(ConfigError::Syntax { line, detail, .. })) => {
                ("the accounts file is wrong; nothing was changed".to_owned(), vec![at(line, detail)])
            }
            ReloadError::Declare(DeclareError::Wrong(faults)) => {
                let errors = faults.into_iter().map(|fault| at(fault.line, fault.what)).collect();
                ("the accounts file is wrong; nothing was changed".to_owned(), errors)
            }
            ReloadError::Declare(other) => (other.to_string(), Vec::new()),
        };
        Self { errors, ..Self::new(ErrorCode::AccountsFileWrong, detail) }
    }
}
