//! The accounts file: accounts that exist from the start.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use secrecy::SecretString;
use serde::Deserialize;
use wasup_store::id::AccountId;
use wasup_store::records::EventKind;

use super::is_region;
use super::problem::{ConfigError, line_of};

/// One `[[account]]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeclaredAccount {
    /// The user's own name for it.
    pub id: AccountId,
    /// A name for humans.
    #[serde(default)]
    pub name: Option<String>,
    /// Region for numbers in national form.
    #[serde(default)]
    pub default_region: Option<String>,
    /// Whether it starts with the process.
    #[serde(default = "yes")]
    pub autostart: bool,
    /// Where its events go.
    #[serde(default)]
    pub webhook: Option<DeclaredWebhook>,
}

/// Where an account's events go.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeclaredWebhook {
    /// The address.
    pub url: String,
    /// The signing secret, `whsec_…`; one is made when absent.
    #[serde(default)]
    pub secret: Option<SecretString>,
    /// Kinds of events; every one when absent.
    #[serde(default)]
    pub events: Vec<EventKind>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AccountsFile {
    #[serde(default)]
    account: Vec<DeclaredAccount>,
}

const fn yes() -> bool {
    true
}

/// Reads an accounts file.
///
/// # Errors
/// [`ConfigError`] with the file, the line and what is wrong; never with a secret.
pub fn read_accounts(path: &Path) -> Result<Vec<DeclaredAccount>, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Unreadable { path: path.into(), source })?;
    let refuse = |line, detail: String| ConfigError::Syntax { path: PathBuf::from(path), line, detail };
    let file: AccountsFile = toml::from_str(&text).map_err(|error| {
        let line = line_of(&text, error.span());
        let secret = text.lines().nth(line - 1).is_some_and(|line| line.contains("secret"));
        refuse(line, if secret { "not of the right shape".to_owned() } else { error.message().to_owned() })
    })?;
    let mut seen = HashSet::new();
    for account in &file.account {
        let line = line_naming(&text, account.id.as_str());
        if !seen.insert(account.id.clone()) {
            return Err(refuse(line, format!("the account {:?} is there twice", account.id.as_str())));
        }
        if account.default_region.as_deref().is_some_and(|region| !is_region(region)) {
            return Err(refuse(line, "default_region must be two capital letters, such as \"ID\"".to_owned()));
        }
    }
    Ok(file.account)
}

/// The last line that holds a text in quotes, the first is 1.
fn line_naming(text: &str, name: &str) -> usize {
    let quoted = format!("\"{name}\"");
    text.lines().enumerate().filter(|(_, line)| line.contains(&quoted)).last().map_or(1, |(at, _)| at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<DeclaredAccount>, ConfigError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("accounts.toml");
        std::fs::write(&path, text).unwrap();
        read_accounts(&path)
    }

    #[test]
    fn the_example_holds_three_accounts() {
        let accounts = read(include_str!("../../config/accounts.example.toml")).unwrap();
        let ids: Vec<&str> = accounts.iter().map(|account| account.id.as_str()).collect();
        assert_eq!(ids, ["shop", "support", "alerts"]);
        assert!(accounts.iter().all(|account| account.autostart));
    }

    #[test]
    fn a_webhook_is_read_and_its_secret_hidden() {
        let accounts = read(concat!(
            "[[account]]\nid = \"a\"\nautostart = false\n",
            "webhook = { url = \"http://127.0.0.1:1/x\", secret = \"whsec_c2VjcmV0\", events = [\"message.received\"] }"
        ))
        .unwrap();
        let webhook = accounts[0].webhook.as_ref().unwrap();
        assert_eq!(webhook.events, [EventKind::MessageReceived]);
        assert!(!accounts[0].autostart);
        assert!(!format!("{accounts:?}").contains("c2VjcmV0"));
    }

    #[test]
    fn faults_name_their_line() {
        for (text, line, word) in [
            ("[[account]]\nid = \"a\"\n\n[[account]]\nid = \"a\"", 5, "twice"),
            ("[[account]]\nid = \"a\"\nnmae = \"x\"", 3, "nmae"),
            ("[[account]]\nid = \"a/b\"", 2, "id"),
            ("[[account]]\nid = \"a\"\ndefault_region = \"Indonesia\"", 2, "two capital letters"),
            ("[[account]]\nid = \"a\"\nwebhook = { url = \"x\", secret = 123456 }", 3, "shape"),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(&format!("line {line}:")) && error.contains(word), "{error}");
            assert!(!error.contains("123456"));
        }
    }
}
