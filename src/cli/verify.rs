//! `wasup verify`.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;
use wasup_store::MasterKey;
use wasup_store::insurance::{FilesSeen, VerifyReport, verify};

use super::{ConfigArgs, Exit, Failure};
use crate::encryption_key;

/// Which store a command works on.
#[derive(Debug, Clone, Args)]
pub(super) struct DataArgs {
    #[command(flatten)]
    pub(super) config: ConfigArgs,
    /// The store's folder, instead of the configured one.
    #[arg(long, value_name = "DIR")]
    pub(super) data: Option<PathBuf>,
}

/// Memory for pages of a store that is only walked through.
const CACHE: u64 = 64 << 20;

impl DataArgs {
    /// The folder, and memory for its pages.
    pub(super) fn folder(&self) -> Result<(PathBuf, u64), Failure> {
        match &self.data {
            Some(data) => Ok((data.clone(), CACHE)),
            None => {
                let data = self.config.load()?.config.data;
                Ok((data.dir, data.cache.0))
            }
        }
    }

    /// The configured key of the store, also of one in another folder.
    pub(super) fn key(&self) -> Result<Option<MasterKey>, Failure> {
        Ok(encryption_key::obtain(&self.config.load()?.config)?)
    }
}

/// What `wasup verify` is told.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    #[command(flatten)]
    data: DataArgs,
    /// Answers one JSON object.
    #[arg(long)]
    json: bool,
    /// Findings that are listed; all are counted.
    #[arg(long, default_value_t = 50)]
    shown: usize,
}

pub(super) fn run(args: &VerifyArgs) -> Result<Exit, Failure> {
    let (folder, cache) = args.data.folder()?;
    let report = verify(&folder, cache, args.data.key()?.as_ref(), args.shown)?;
    let text = if args.json { json(&report) } else { human(&report) };
    // A reader who went away has seen enough; the code tells the rest.
    let _ = writeln!(std::io::stdout(), "{text}");
    Ok(if report.is_sound() { Exit::Ok } else { Exit::StoreDamaged })
}

fn json(report: &VerifyReport) -> String {
    let mut value = serde_json::json!(report);
    value["sound"] = report.is_sound().into();
    value["rows"] = report.rows().into();
    value.to_string()
}

fn human(report: &VerifyReport) -> String {
    let mut text = String::new();
    for (tree, count) in &report.trees {
        // Writing to a string can't fail.
        let _ = writeln!(text, "{tree:<16} {:>12} rows {:>14} bytes", count.rows, count.bytes);
    }
    let head =
        format!("commit {}, layout {}, {} rows, {} ms", report.commit, report.schema, report.rows(), report.took_ms);
    let _ = writeln!(text, "{head}");
    if report.files != FilesSeen::default() {
        let FilesSeen { rows, missing, stray } = report.files;
        let _ = writeln!(text, "{rows} files kept; {missing} of them are not there, {stray} belong to nobody");
    }
    for finding in &report.shown {
        let code = serde_json::json!(finding.code);
        let _ = writeln!(text, "{}: {} {}", code.as_str().unwrap_or_default(), finding.tree, finding.row);
    }
    match report.findings.values().sum::<u64>() {
        0 => text + "sound: every row is there, and every index and counter agrees",
        wrong => {
            text + &format!(
                "NOT SOUND: {wrong} findings. Nothing was changed. Keep a copy of the folder, then restore a backup."
            )
        }
    }
}
