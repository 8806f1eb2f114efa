//! `/v1/admin`: what concerns the installation as a whole.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wasup_store::Store;
use wasup_store::insurance::{ArchiveError, BackupReport};

use super::extract::Json;
use super::problem::{ErrorCode, FieldError, Problem, ProblemView};

/// Longest name of a backup, in bytes.
const NAME_MAX: usize = 100;

/// When to ask again while another backup is made.
const BUSY_FOR: Duration = Duration::from_secs(10);

/// Makes backups.
#[derive(Clone)]
pub struct Backups {
    store: Store,
    folder: Arc<PathBuf>,
}

impl Backups {
    /// Backups of a store, into a folder.
    #[must_use]
    pub fn new(store: Store, folder: PathBuf) -> Self {
        Self { store, folder: Arc::new(folder) }
    }
}

/// What a backup is asked for with.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct NewBackup {
    /// Name of the file in the configured folder: letters, digits, `.`, `-` and `_`, at most 100. Not given: made of the
    /// time.
    #[schema(examples("before-update.backup"))]
    pub name: Option<String>,
}

/// A backup that was made.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct BackupView {
    /// Name of the file in the configured folder.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// The commit that it shows the store at.
    pub commit: u64,
    /// Rows in it.
    pub rows: u64,
    /// SHA-256 of its content up to its last 32 bytes, which are the same; in hex.
    pub sha256: String,
}

impl From<BackupReport> for BackupView {
    fn from(report: BackupReport) -> Self {
        let BackupReport { path, bytes, commit, rows, sha256 } = report;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Self { name, bytes, commit, rows, sha256 }
    }
}

/// A name that was given, or one made of the time.
///
/// # Errors
/// What is wrong with it.
pub fn backup_name(given: Option<String>) -> Result<String, &'static str> {
    let Some(name) = given else {
        let now = jiff::Timestamp::now();
        return Ok(format!("wasup-{}-{:08x}.backup", now.strftime("%Y%m%dT%H%M%SZ"), rand::random::<u32>()));
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    if name.is_empty() || name.len() > NAME_MAX || name.starts_with('.') || !name.chars().all(plain) {
        return Err("must be a file's name of letters, digits, `.`, `-` and `_`, at most 100, not beginning with `.`");
    }
    Ok(name)
}

/// Writes a consistent copy of the store into the configured folder while the server goes on. It holds everything that
/// was acknowledged before the request; `wasup restore` makes a store of it. Restore one once in a while: only that proves
/// it.
#[utoipa::path(post, path = "/v1/admin/backup", tag = "server", operation_id = "makeBackup", request_body = NewBackup,
    responses((status = 201, body = BackupView), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(super) async fn backup(
    State(backups): State<Backups>,
    Json(wanted): Json<NewBackup>,
) -> Result<(StatusCode, axum::Json<BackupView>), Problem> {
    let name = backup_name(wanted.name).map_err(|wrong| Problem::invalid(vec![FieldError::new("name", wrong)]))?;
    // A client that goes away must not end it half-way.
    let made = tokio::spawn(async move { backups.store.backup(&backups.folder, &name).await }).await;
    let report = match made {
        Ok(made) => made.map_err(refused)?,
        Err(gone) => return Err(Problem::new(ErrorCode::Internal, "the backup was not finished").because(gone)),
    };
    tracing::info!(commit = report.commit, bytes = report.bytes, rows = report.rows, "a backup was made");
    Ok((StatusCode::CREATED, axum::Json(report.into())))
}

fn refused(error: ArchiveError) -> Problem {
    match error {
        ArchiveError::Exists { .. } => Problem::new(ErrorCode::BackupExists, "there is a file of that name already"),
        ArchiveError::Busy => Problem::new(ErrorCode::Busy, "another backup is being made").after(BUSY_FOR),
        ArchiveError::Store(error) => error.into(),
        error => Problem::new(
            ErrorCode::BackupFailed,
            "the backup could not be written; the log says why. Is data.backups there, and has its disk room?",
        )
        .because(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_in_its_folder() {
        for good in ["a", "before-update.backup", "2026_11_21"] {
            assert_eq!(backup_name(Some(good.into())).unwrap(), good);
        }
        for bad in ["", ".", "..", ".hidden", "a/b", "a\\b", "ä", "a b", &"x".repeat(101)] {
            assert!(backup_name(Some(bad.into())).is_err(), "{bad}");
        }
        assert!(backup_name(backup_name(None).ok()).is_ok());
    }
}
