//! `wasup backup`, `wasup restore` and `wasup compact`.

use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;
use secrecy::ExposeSecret as _;
use serde::Serialize;
use wasup_store::insurance::{ArchiveError, compact, restore};
use wasup_store::{OpenError, Store};

use super::healthcheck::own_address;
use super::verify::DataArgs;
use super::{ConfigArgs, Exit, Failure, serve};
use crate::api::{BackupView, NewBackup, backup_name};
use crate::api_key::obtain;
use crate::config::Config;
use crate::encryption_key;

const NEVER_OVER: &str = "Nothing is ever overwritten: give another name or an empty folder.";
const DISK: &str = "Nothing was changed. Check that the folder is there, belongs to this user and has room.";

/// What `wasup backup` is told.
#[derive(Debug, Args)]
pub struct BackupArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// Name of the file in data.backups; made of the time when not given.
    #[arg(long)]
    name: Option<String>,
    /// Answers one JSON object.
    #[arg(long)]
    json: bool,
}

/// What `wasup restore` is told.
#[derive(Debug, Args)]
pub struct RestoreArgs {
    /// The backup.
    file: PathBuf,
    /// The folder to make: it must be empty or not there. Point data.dir at it afterwards.
    #[arg(long, value_name = "DIR")]
    into: PathBuf,
    #[command(flatten)]
    config: ConfigArgs,
    /// Answers one JSON object.
    #[arg(long)]
    json: bool,
}

/// What `wasup compact` is told.
#[derive(Debug, Args)]
pub struct CompactArgs {
    #[command(flatten)]
    data: DataArgs,
    /// Answers one JSON object.
    #[arg(long)]
    json: bool,
}

impl From<ArchiveError> for Failure {
    fn from(error: ArchiveError) -> Self {
        match error {
            ArchiveError::Open(error) => error.into(),
            ArchiveError::Exists { .. } => Self::new(Exit::DataFolder, &error, NEVER_OVER),
            ArchiveError::Broken { .. } => {
                Self::new(Exit::StoreDamaged, &error, "Take another backup. Nothing was made of this one.")
            }
            ArchiveError::Newer { .. } => {
                Self::new(Exit::StoreTooNew, &error, "Use the version that made it, or a newer one.")
            }
            ArchiveError::Differs(_) | ArchiveError::Engine(_) | ArchiveError::Store(_) => Self::new(
                Exit::StoreDamaged,
                &error,
                "The original was not changed. Remove what was begun, check the disk, and try again.",
            ),
            ArchiveError::Busy => Self::new(Exit::Unexpected, &error, "Wait until the other one is finished."),
            ArchiveError::Io { .. } => Self::new(Exit::DataFolder, &error, DISK),
        }
    }
}

fn tell(json: bool, report: &impl Serialize, human: &str) -> Exit {
    let text = if json { serde_json::json!(report).to_string() } else { human.to_owned() };
    // A reader who went away is no reason to fail after the work was done.
    let _ = writeln!(std::io::stdout(), "{text}");
    Exit::Ok
}

pub(super) fn run_backup(args: BackupArgs) -> Result<Exit, Failure> {
    let config = args.config.load()?.config;
    let name = backup_name(args.name).map_err(|wrong| Failure {
        exit: Exit::Usage,
        what: format!("--name {wrong}"),
        hint: "Give another name.",
    })?;
    if !config.data.dir.join("db").is_file() {
        return Err(OpenError::Absent { path: config.data.dir }.into());
    }
    let runtime = serve::runtime()?;
    let key = encryption_key::obtain(&config)?;
    let view = match Store::open_with(&config.data.dir, config.data.cache.0, key.as_ref()) {
        Ok(store) => {
            let made = runtime.block_on(store.backup(&config.data.backups, &name));
            // Its last handle gives the lock back and seals the files.
            drop(store);
            BackupView::from(made?)
        }
        Err(OpenError::Locked { .. }) => runtime.block_on(ask(&config, name))?,
        Err(error) => return Err(error.into()),
    };
    let human = format!(
        "{}: {} rows, {} bytes, commit {}, sha256 {}",
        config.data.backups.join(&view.name).display(),
        view.rows,
        view.bytes,
        view.commit,
        view.sha256
    );
    Ok(tell(args.json, &view, &human))
}

/// The server that holds the store makes it.
async fn ask(config: &Config, name: String) -> Result<BackupView, Failure> {
    let failed = |error: reqwest::Error| {
        Failure::new(Exit::Unexpected, &error, "The store is in use, but no wasup answers at server.listen.")
    };
    let key = obtain(config).map_err(crate::gateway::StartError::from)?;
    let url = format!("http://{}/v1/admin/backup", own_address(config.server.listen));
    let client = reqwest::Client::builder().no_proxy().build().map_err(failed)?;
    let body = NewBackup { name: Some(name) };
    let answer = client.post(url).bearer_auth(key.key.expose_secret()).json(&body).send().await.map_err(failed)?;
    if answer.status().is_success() {
        return answer.json().await.map_err(failed);
    }
    let problem: serde_json::Value = answer.json().await.map_err(failed)?;
    let what = problem["detail"].as_str().unwrap_or("the server refused").to_owned();
    if problem["code"] == "backup_exists" {
        return Err(Failure { exit: Exit::DataFolder, what, hint: NEVER_OVER });
    }
    Err(Failure { exit: Exit::Unexpected, what, hint: "The server's log may say more." })
}

pub(super) fn run_restore(args: &RestoreArgs) -> Result<Exit, Failure> {
    let config = args.config.load()?.config;
    let (cache, key) = (config.data.cache.0, encryption_key::obtain(&config)?);
    let restored = restore(&args.file, &args.into, cache, key.as_ref(), wasup_sessions::keystore::renew);
    let report = serve::runtime()?.block_on(restored)?;
    let human = format!(
        "Restored {} rows as of commit {} into {}. {} accounts are stopped (reason `restored`), and {} of them have \
         messages waiting.\n\
         1. Point data.dir at the folder and start the server.\n\
         2. Start each account (POST /v1/accounts/ID/start): it receives again, and asks for what it can't read.\n\
         3. Look at what waits to be sent: some of it may have been sent after the backup was made.\n\
         4. Release each account (POST /v1/accounts/ID/release); nothing leaves its outbox before.",
        report.rows,
        report.commit,
        args.into.display(),
        report.accounts,
        report.paused
    );
    Ok(tell(args.json, &report, &human))
}

pub(super) fn run_compact(args: &CompactArgs) -> Result<Exit, Failure> {
    let (folder, cache) = args.data.folder()?;
    let date = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();
    let report = compact(&folder, cache, &date)?;
    let human = format!(
        "{} rows; {} bytes became {}, {} bytes are won. The old store is kept in {}: remove it when the new one has \
         proven itself.",
        report.rows,
        report.before,
        report.after,
        report.before.saturating_sub(report.after),
        report.kept.display()
    );
    Ok(tell(args.json, &report, &human))
}
