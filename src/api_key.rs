//! The API key: given, read from a file, or made at the first start.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret as _, SecretString};

use crate::config::{Config, unfit_key};
use crate::private_file::{self, NotPrivate};

/// Name of the file in the data folder.
const FILE: &str = "api_key";

/// Longest key file that is read, in bytes.
const FILE_MAX: u64 = 4_096;

/// The key, and whether it is new.
#[derive(Debug)]
pub struct ApiKey {
    /// The key.
    pub key: SecretString,
    /// Where it was written, when it was made just now: it has to be shown once.
    pub made: Option<PathBuf>,
}

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum ApiKeyError {
    /// The file can't be read or written.
    #[error("the API key in {path} can't be read or written")]
    Io {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// Others than the owner can read the file.
    #[error("the API key in {path} can be read by others than its owner (mode {mode:o})")]
    Open {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// What the file holds is no key.
    #[error("the API key in {path} {wrong}")]
    Unfit {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        wrong: &'static str,
    },
}

/// The key of this installation. Made and written to disk when there is none.
///
/// # Errors
/// [`ApiKeyError`].
pub fn obtain(config: &Config) -> Result<ApiKey, ApiKeyError> {
    let server = &config.server;
    if !server.api_key.expose_secret().is_empty() {
        return Ok(ApiKey { key: server.api_key.clone(), made: None });
    }
    if !server.api_key_file.as_os_str().is_empty() {
        // A file that somebody else provides (a mounted secret) has the permissions that its provider gives it.
        return Ok(ApiKey { key: read(&server.api_key_file)?, made: None });
    }
    let path = config.data.dir.join(FILE);
    match private(&path).and_then(|there| if there { read(&path).map(Some) } else { Ok(None) })? {
        Some(key) => Ok(ApiKey { key, made: None }),
        None => {
            let key =
                SecretString::from(format!("wasup_{:032x}{:032x}", rand::random::<u128>(), rand::random::<u128>()));
            write(&path, &key).map_err(|source| ApiKeyError::Io { path: path.clone(), source })?;
            Ok(ApiKey { key, made: Some(path) })
        }
    }
}

/// Whether the file is there; refuses one that others can read.
fn private(path: &Path) -> Result<bool, ApiKeyError> {
    private_file::open(path).map(|file| file.is_some()).map_err(|error| match error {
        NotPrivate::Io(source) => ApiKeyError::Io { path: path.into(), source },
        NotPrivate::Open { mode } => ApiKeyError::Open { path: path.into(), mode },
    })
}

fn read(path: &Path) -> Result<SecretString, ApiKeyError> {
    let mut text = String::new();
    File::open(path)
        .and_then(|file| file.take(FILE_MAX).read_to_string(&mut text))
        .map_err(|source| ApiKeyError::Io { path: path.into(), source })?;
    let key = text.trim();
    match unfit_key(key) {
        Some(wrong) => Err(ApiKeyError::Unfit { path: path.into(), wrong }),
        None => Ok(SecretString::from(key)),
    }
}

/// Whole or not at all, and on disk before it is shown: a key that was printed must survive a power cut.
fn write(path: &Path, key: &SecretString) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let draft = path.with_extension("new");
    // A draft left by a crash may have other permissions.
    match std::fs::remove_file(&draft) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    file.write_all(format!("{}\n", key.expose_secret()).as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&draft, path)?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::config::Sources;

    fn config(folder: &Path, extra: &[(&str, &str)]) -> Config {
        let mut env = vec![("WASUP__DATA__DIR".to_owned(), folder.display().to_string())];
        env.extend(extra.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        Config::load(&Sources { file: None, env }).unwrap().config
    }

    #[test]
    fn a_key_is_made_once_and_only_its_owner_reads_it() {
        let folder = tempfile::tempdir().unwrap();
        let config = config(&folder.path().join("data"), &[]);
        let first = obtain(&config).unwrap();
        let path = first.made.unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let second = obtain(&config).unwrap();
        assert!(second.made.is_none());
        assert_eq!(first.key.expose_secret(), second.key.expose_secret());
        assert_eq!(unfit_key(first.key.expose_secret()), None);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(obtain(&config), Err(ApiKeyError::Open { mode: 0o640, .. })));
    }

    #[test]
    fn a_given_key_writes_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let given = config(folder.path(), &[("WASUP__SERVER__API_KEY", "1029384756617283")]);
        assert_eq!(obtain(&given).unwrap().key.expose_secret(), "1029384756617283");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_key_file_is_trimmed_and_checked() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let with = |text: &str| {
            std::fs::write(&path, text).unwrap();
            obtain(&config(folder.path(), &[("WASUP__SERVER__API_KEY_FILE", path.to_str().unwrap())]))
        };
        assert_eq!(with("  af83c1d09e7b2655\n").unwrap().key.expose_secret(), "af83c1d09e7b2655");
        assert!(matches!(with("short"), Err(ApiKeyError::Unfit { .. })));
        assert!(matches!(with("changemechangeme"), Err(ApiKeyError::Unfit { .. })));
    }
}
