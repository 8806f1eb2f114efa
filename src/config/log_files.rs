//! `[log.files]`: which files the log is written to besides standard error, and how large they get.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::check::Checks;
use super::units::Size;

/// Log files. Keys and limits: `config/default.toml`.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct LogFilesConfig {
    /// Their folder; empty for no files.
    pub dir: PathBuf,
    /// Which are written.
    pub write: Vec<LogFileKind>,
    /// Size at which a file is put aside and a new one begun.
    pub max_size: Size,
    /// Files of one name that are kept, the one being written included.
    pub max_files: u32,
}

/// A log file by what goes into it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFileKind {
    /// `error.log`: errors.
    Error,
    /// `warnings.log`: warnings and errors.
    Warnings,
    /// `combined.log`: all that is logged.
    Combined,
}

impl LogFileKind {
    /// The file's name in the folder.
    #[must_use]
    pub const fn file_name(self) -> &'static str {
        match self {
            Self::Error => "error.log",
            Self::Warnings => "warnings.log",
            Self::Combined => "combined.log",
        }
    }
}

impl LogFilesConfig {
    /// Whether any file is written.
    #[must_use]
    pub fn is_on(&self) -> bool {
        !self.dir.as_os_str().is_empty()
    }

    pub(super) fn check(&self, data: &Path, checks: &mut Checks) {
        checks.between("log.files.max_size", self.max_size, Size::kib(64), Size::mib(64 << 10));
        checks.between("log.files.max_files", self.max_files, 1, 1_000);
        let twice = |(n, kind): (usize, &LogFileKind)| self.write[..n].contains(kind);
        if self.write.iter().enumerate().any(twice) {
            checks.refuse("log.files.write", "names a file twice");
        }
        if !self.is_on() {
            return;
        }
        if self.write.is_empty() {
            checks.refuse("log.files.write", "must name \"error\", \"warnings\" or \"combined\" where a folder is set");
        }
        if let Some(wrong) = unfit_folder(&self.dir, data) {
            checks.refuse("log.files.dir", wrong);
        }
    }
}

/// Why a folder can't hold log files. The store's own folder holds nothing else, and a log that fills its disk up
/// should at least not do so in the middle of it.
fn unfit_folder(dir: &Path, data: &Path) -> Option<&'static str> {
    let real = |path: &Path| path.canonicalize().or_else(|_| std::path::absolute(path));
    let same = matches!((real(dir), real(data)), (Ok(dir), Ok(data)) if dir == data);
    if same {
        return Some("is the folder of the store (data.dir); name one of its own, such as \"/var/log/wasup\"");
    }
    (dir.exists() && !dir.is_dir()).then_some("is a file; name a folder")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(change: impl FnOnce(&mut LogFilesConfig)) -> Vec<&'static str> {
        let mut config = LogFilesConfig {
            dir: "logs".into(),
            write: vec![LogFileKind::Error, LogFileKind::Combined],
            max_size: Size::mib(1),
            max_files: 2,
        };
        change(&mut config);
        let mut checks = Checks::default();
        config.check(Path::new("./data"), &mut checks);
        checks.refused.into_iter().map(|finding| finding.key).collect()
    }

    #[test]
    fn what_can_not_be_meant_is_refused() {
        assert!(refused(|_| {}).is_empty());
        assert_eq!(refused(|config| config.dir = "data".into()), ["log.files.dir"]);
        assert_eq!(refused(|config| config.dir = "Cargo.toml".into()), ["log.files.dir"]);
        assert_eq!(refused(|config| config.write.clear()), ["log.files.write"]);
        assert_eq!(refused(|config| config.write.push(LogFileKind::Error)), ["log.files.write"]);
        assert_eq!(refused(|config| config.max_size = Size(9)), ["log.files.max_size"]);
        assert_eq!(refused(|config| config.max_files = 0), ["log.files.max_files"]);
        let off = |config: &mut LogFilesConfig| {
            config.dir = PathBuf::new();
            config.write.clear();
        };
        assert!(refused(off).is_empty());
    }
}
