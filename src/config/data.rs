//! `[data]`: where the store lies.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::check::Checks;
use super::units::Size;

/// The store's folder. Keys and limits: `config/default.toml`.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct DataConfig {
    /// The folder.
    pub dir: PathBuf,
    /// Memory for the page cache.
    pub cache: Size,
    /// Where backups go.
    pub backups: PathBuf,
    /// Free space under which the API's work is refused.
    pub free_space_floor: Size,
    /// File of the key that the store is encrypted with; empty for a plain store.
    pub encryption_key_file: PathBuf,
}

impl DataConfig {
    pub(super) fn check(&self, checks: &mut Checks) {
        checks.between("data.cache", self.cache, Size::mib(4), Size::mib(64 << 10));
        if let Some(wrong) = unfit_folder(&self.dir) {
            checks.refuse("data.dir", wrong);
        }
        if let Some(wrong) = unfit_folder(&self.backups) {
            checks.refuse("data.backups", wrong);
        }
        self.check_key_file(checks);
    }
}

impl DataConfig {
    fn check_key_file(&self, checks: &mut Checks) {
        let file = &self.encryption_key_file;
        if file.is_dir() {
            checks.refuse("data.encryption_key_file", "is a folder; name the file that holds the key");
        }
        let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
        if !file.as_os_str().is_empty() && real(file).starts_with(real(&self.dir)) {
            let what = "lies in data.dir: who gets hold of the folder, or of a copy of it, has the key too";
            checks.warn("data.encryption_key_file", what);
        }
    }
}

/// Why a folder can't hold the store: other systems keep their keys in a folder named `sessions`, and ours of that
/// name is source code, which a store must never be written into.
fn unfit_folder(dir: &Path) -> Option<&'static str> {
    if dir.as_os_str().is_empty() {
        return Some("must name a folder, such as \"./data\" or \"/var/lib/wasup\"");
    }
    let real = dir.canonicalize().unwrap_or_else(|_| dir.to_path_buf());
    let source = real.join("Cargo.toml").exists();
    let beside = real.file_name().is_some_and(|name| name == "sessions")
        && real.parent().is_some_and(|parent| parent.join("Cargo.toml").exists());
    if source || beside {
        return Some("is a folder of source code; name one of its own, such as \"./data\" or \"/var/lib/wasup\"");
    }
    (real.exists() && !real.is_dir()).then_some("is a file; name a folder")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_beside_what_it_protects_is_warned_of() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("data");
        std::fs::create_dir(&dir).unwrap();
        let found = |file: &Path| {
            let mut checks = Checks::default();
            let (cache, free_space_floor) = (Size::mib(64), Size::mib(256));
            DataConfig {
                dir: dir.clone(),
                cache,
                backups: "backups".into(),
                free_space_floor,
                encryption_key_file: file.into(),
            }
            .check(&mut checks);
            (checks.refused.len(), checks.warnings.len())
        };
        assert_eq!(found(Path::new("")), (0, 0));
        assert_eq!(found(&root.path().join("key")), (0, 0));
        assert_eq!(found(&dir.join("key")), (0, 1));
        assert_eq!(found(root.path()), (1, 0));
    }

    #[test]
    fn source_folders_are_refused() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path();
        assert_eq!(unfit_folder(&path.join("data")), None);
        assert_eq!(unfit_folder(&path.join("sessions")), None);
        std::fs::write(path.join("Cargo.toml"), "").unwrap();
        assert!(unfit_folder(path).is_some());
        assert!(unfit_folder(&path.join("sessions")).is_some());
        assert_eq!(unfit_folder(&path.join("data")), None);
        assert!(unfit_folder(&path.join("Cargo.toml")).is_some());
        assert!(unfit_folder(Path::new("")).is_some());
    }
}
