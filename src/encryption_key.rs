//! The key of an encrypted store, from the file that `data.encryption_key_file` names.

use std::io::Read as _;
use std::path::PathBuf;

use secrecy::zeroize::Zeroizing;
use wasup_store::MasterKey;
use wasup_store::keyring::BadMasterKey;

use crate::config::Config;
use crate::private_file::{self, NotPrivate};

/// Longest key file that is read, in bytes.
const FILE_MAX: u64 = 4_096;

/// Why the key can't be used. Never says what the file holds.
#[derive(Debug, thiserror::Error)]
pub enum EncryptionKeyError {
    /// The file can't be read.
    #[error("the encryption key in {path} can't be read")]
    Io {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// Others than the owner can read the file.
    #[error("the encryption key in {path} can be read by others than its owner (mode {mode:o})")]
    Open {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// What the file holds is no key.
    #[error("what {path} holds {source}")]
    Unfit {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: BadMasterKey,
    },
}

/// The key, where one is configured: the store is encrypted then.
///
/// # Errors
/// [`EncryptionKeyError`].
pub fn obtain(config: &Config) -> Result<Option<MasterKey>, EncryptionKeyError> {
    let path = &config.data.encryption_key_file;
    if path.as_os_str().is_empty() {
        return Ok(None);
    }
    let failed = |source| EncryptionKeyError::Io { path: path.clone(), source };
    let file = match private_file::open(path) {
        Ok(Some(file)) => file,
        Ok(None) => return Err(failed(std::io::ErrorKind::NotFound.into())),
        Err(NotPrivate::Io(source)) => return Err(failed(source)),
        Err(NotPrivate::Open { mode }) => return Err(EncryptionKeyError::Open { path: path.clone(), mode }),
    };
    // One piece of memory, wiped at the end: a growing text would leave copies behind.
    let mut text = Zeroizing::new(String::with_capacity(FILE_MAX as usize));
    file.take(FILE_MAX).read_to_string(&mut text).map_err(failed)?;
    let key = text.parse().map_err(|source| EncryptionKeyError::Unfit { path: path.clone(), source })?;
    Ok(Some(key))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::config::Sources;

    #[test]
    fn a_key_file_is_its_owners_alone_and_holds_a_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let env = [("WASUP__DATA__ENCRYPTION_KEY_FILE".to_owned(), path.display().to_string())];
        let config = Config::load(&Sources { file: None, env: env.to_vec() }).unwrap().config;
        assert!(matches!(obtain(&config), Err(EncryptionKeyError::Io { .. })), "there is none");
        let with = |text: &str, mode: u32| {
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            obtain(&config)
        };
        let good = "8f5c1d0a".repeat(8);
        assert!(with(&format!("{good}\n"), 0o600).unwrap().is_some());
        assert!(with(&good, 0o400).unwrap().is_some());
        assert!(matches!(with(&good, 0o640), Err(EncryptionKeyError::Open { mode: 0o640, .. })));
        assert!(matches!(with(&good, 0o604), Err(EncryptionKeyError::Open { mode: 0o604, .. })));
        let refused = with("a passphrase", 0o600).unwrap_err();
        assert!(matches!(refused, EncryptionKeyError::Unfit { .. }));
        assert!(!format!("{refused} {refused:?}").contains("passphrase"));
    }

    #[test]
    fn no_file_is_no_key() {
        let config = Config::load(&Sources { file: None, env: Vec::new() }).unwrap().config;
        assert!(obtain(&config).unwrap().is_none());
    }
}
