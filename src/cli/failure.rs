//! From every layer's errors to what the operator is told, and the code the process ends with.

use wasup_store::OpenError;

use super::exit::{Exit, Failure};
use crate::api_key::ApiKeyError;
use crate::config::ConfigError;
use crate::encryption_key::EncryptionKeyError;
use crate::gateway::{Breakdown, StartError};

const FIX_CONFIG: &str = "Correct it and start again; `wasup config check` shows what is in force.";
const BUG: &str = "This is a bug or a broken system; the log above may say more.";

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::new(Exit::BadConfig, &error, FIX_CONFIG)
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        let (exit, hint) = match &error {
            OpenError::Locked { .. } => {
                (Exit::StoreLocked, "Stop the other wasup first, or give this one a data.dir of its own.")
            }
            OpenError::Damaged { .. } => (
                Exit::StoreDamaged,
                "Nothing was repaired or deleted. Keep a copy of the folder; `wasup verify` shows what is wrong, `wasup restore` \
                 makes a new store of a backup.",
            ),
            OpenError::NewerSchema { .. } => (Exit::StoreTooNew, "Use the version that wrote it, or a newer one."),
            OpenError::KeyMissing { .. } => {
                (Exit::BadConfig, "Set data.encryption_key_file to the file that holds the key it was created with.")
            }
            OpenError::WrongKey { .. } => (
                Exit::BadConfig,
                "Set data.encryption_key_file to the file of the key it was created with; without that key its messages \
                 and links can't be read by anybody.",
            ),
            OpenError::NotEncrypted { .. } => (
                Exit::BadConfig,
                "Encryption is chosen when a store is created: remove data.encryption_key_file, or start with a new \
                 data.dir and link the accounts again.",
            ),
            OpenError::Unfinished { .. } => {
                (Exit::StoreDamaged, "Remove the folder and restore the backup again; nothing else is in it.")
            }
            OpenError::Absent { .. } => {
                (Exit::DataFolder, "Name the folder of the store: data.dir of the config, or --data.")
            }
            OpenError::Io { .. } => {
                (Exit::DataFolder, "Check that the folder exists, belongs to this user and is not full.")
            }
            OpenError::Engine { source: wasup_store::EngineError::DiskFull, .. } => {
                (Exit::StorePoisoned, "Make room on the disk and start again; nothing acknowledged is lost.")
            }
            OpenError::Engine { .. } => {
                (Exit::StoreDamaged, "Check the disk. Keep a copy of the folder, then restore a backup.")
            }
        };
        Self::new(exit, &error, hint)
    }
}

impl From<EncryptionKeyError> for Failure {
    fn from(error: EncryptionKeyError) -> Self {
        Self::new(
            Exit::BadConfig,
            &error,
            "data.encryption_key_file must name a file of mode 0600 that holds 32 bytes, as `openssl rand -hex 32` prints \
             them. A store that exists opens only with the key it was created with.",
        )
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Store(error) => error.into(),
            StartError::Accounts(error) => error.into(),
            StartError::Declare(error) => Self::new(Exit::BadConfig, &error, FIX_CONFIG),
            StartError::EncryptionKey(error) => error.into(),
            StartError::ApiKey(ApiKeyError::Io { .. }) => Self::new(
                Exit::DataFolder,
                &error,
                "Check that the file and its folder belong to this user, and that the disk is not full.",
            ),
            StartError::ApiKey(_) => {
                Self::new(Exit::BadConfig, &error, "Give the file mode 0600 and a key of its own, or remove it.")
            }
            other => Self::new(Exit::Unexpected, &other, BUG),
        }
    }
}

impl From<Breakdown> for Failure {
    fn from(breakdown: Breakdown) -> Self {
        match breakdown {
            Breakdown::StorePoisoned(cause) => Self {
                exit: Exit::StorePoisoned,
                what: format!("the store could not write and stopped: {cause}"),
                hint: "Make room on the disk, or check it, and start again; nothing acknowledged is lost.",
            },
            Breakdown::SupervisorGaveUp => Self {
                exit: Exit::SupervisorGaveUp,
                what: "the root supervisor spent its restarts".to_owned(),
                hint: "The log above says what broke. Start again; if it comes back, this is a bug.",
            },
        }
    }
}
