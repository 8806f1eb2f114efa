//! The accounts file: accounts that exist because somebody wrote them down.

mod places;

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use wasup_store::id::AccountId;
use wasup_store::records::AccountSettings;
use wasup_store::repo::account_settings::conflicts;
use wasup_store::repo::endpoint;

use super::problem::{ConfigError, line_of};
use crate::account_form::{ChangeAccount, HistoryForm, PacingForm, ProxyText, RestartForm, conflicting};
use crate::api::problem::FieldError;
use crate::endpoint_form::CreateEndpoint;

pub use places::Places;

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
    /// How often it is started again when it breaks.
    #[serde(default)]
    pub restart: Option<RestartForm>,
    /// How fast it sends.
    #[serde(default)]
    pub pacing: Option<PacingForm>,
    /// Its only way to the network.
    #[serde(default)]
    pub proxy: Option<ProxyText>,
    /// What the phone's list of devices calls it.
    #[serde(default)]
    pub device_name: Option<String>,
    /// What a fresh link asks the phone for.
    #[serde(default)]
    pub history: Option<HistoryForm>,
    /// Where its events go: its first endpoint.
    #[serde(default)]
    pub webhook: Option<CreateEndpoint>,
    /// ... or several endpoints, each found again by its name.
    #[serde(default)]
    pub webhooks: Vec<CreateEndpoint>,
}

impl DeclaredAccount {
    /// What is set for it alone: what the file does not mention is the installation's.
    ///
    /// # Errors
    /// Every wrong value.
    pub fn settings(&self) -> Result<AccountSettings, Vec<FieldError>> {
        let form = ChangeAccount {
            name: self.name.clone().map(Some),
            default_region: self.default_region.clone().map(Some),
            autostart: None,
            metadata: None,
            note: None,
            restart: self.restart.clone().map(Some),
            pacing: self.pacing.clone().map(Some),
            proxy: self.proxy.clone().map(Some),
            device_name: self.device_name.clone().map(Some),
            history: self.history.clone().map(Some),
        };
        let mut settings = AccountSettings::default();
        form.check()?.settings.apply(&mut settings);
        let conflicts = conflicting(&conflicts(&settings));
        if conflicts.is_empty() { Ok(settings) } else { Err(conflicts) }
    }

    /// What is wrong with its webhooks as far as the file alone can tell.
    fn fault(&self) -> Option<String> {
        if self.webhook.is_some() && !self.webhooks.is_empty() {
            return Some("has webhook and webhooks; one of them must go".to_owned());
        }
        if self.webhook.iter().chain(&self.webhooks).any(|webhook| webhook.account.is_some()) {
            return Some("a webhook here belongs to the account it stands in; it must not name one".to_owned());
        }
        fault_of(&self.webhooks)
    }
}

/// What is wrong with the list of an owner's webhooks.
fn fault_of(webhooks: &[CreateEndpoint]) -> Option<String> {
    let mut names = HashSet::new();
    for webhook in webhooks {
        match webhook.name.as_deref() {
            None | Some("") => return Some("each of several webhooks must have a name".to_owned()),
            Some(name) if !names.insert(name) => return Some(format!("the webhook {name:?} is there twice")),
            Some(_) => {}
        }
    }
    let most = endpoint::MAX_PER_OWNER;
    (webhooks.len() > most).then(|| format!("more than {most} webhooks"))
}

/// What an accounts file holds.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountsFile {
    /// Accounts.
    #[serde(default, rename = "account")]
    pub accounts: Vec<DeclaredAccount>,
    /// Endpoints for every account, each found again by its name.
    #[serde(default, rename = "webhook")]
    pub webhooks: Vec<CreateEndpoint>,
    /// Where things stand in it.
    #[serde(skip)]
    pub places: Places,
}

const fn yes() -> bool {
    true
}

/// Reads an accounts file.
///
/// # Errors
/// [`ConfigError`] with the file, the line and what is wrong; never with a secret.
pub fn read_accounts(path: &Path) -> Result<AccountsFile, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Unreadable { path: path.into(), source })?;
    let refuse = |line, detail: String| ConfigError::Syntax { path: PathBuf::from(path), line, detail };
    let mut file: AccountsFile = toml::from_str(&text).map_err(|error| {
        let line = line_of(&text, error.span());
        let secret = text.lines().nth(line - 1).is_some_and(|line| line.contains("secret"));
        let what = if secret { "not of the right shape" } else { error.message() };
        refuse(line, places::named(&text, error.span(), what))
    })?;
    file.places = Places::of(&text);
    let mut seen = HashSet::new();
    for (at, account) in file.accounts.iter().enumerate() {
        let place = |field: &str| file.places.of_account(at, field);
        let of = format!("the account {:?}", account.id.as_str());
        if !seen.insert(account.id.clone()) {
            return Err(refuse(place("id"), format!("{of} is there twice")));
        }
        if let Err(errors) = account.settings()
            && let Some(first) = errors.first()
        {
            let what = errors.iter().map(|error| format!("{} {}", error.field, error.message)).collect::<Vec<_>>();
            return Err(refuse(place(&first.field), format!("{of}: {}", what.join("; "))));
        }
        if let Some(fault) = account.fault() {
            return Err(refuse(place("id"), format!("{of}: {fault}")));
        }
    }
    let every = file.webhooks.iter().any(|webhook| webhook.account.is_some());
    let every = every.then(|| "a webhook of an account stands with its account, as [[account.webhooks]]".to_owned());
    if let Some(fault) = every.or_else(|| fault_of(&file.webhooks)) {
        return Err(refuse(file.places.of_webhook(None), fault));
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasup_store::records::{DeliveryOrder, EventKind};

    fn read(text: &str) -> Result<Vec<DeclaredAccount>, ConfigError> {
        whole(text).map(|file| file.accounts)
    }

    fn whole(text: &str) -> Result<AccountsFile, ConfigError> {
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
        assert_eq!(webhook.events, Some(vec![EventKind::MessageReceived]));
        assert!(!accounts[0].autostart);
        assert!(!format!("{accounts:?}").contains("c2VjcmV0"));
    }

    #[test]
    fn several_webhooks_are_read_with_everything_that_the_api_takes() {
        let accounts = read(concat!(
            "[[account]]\nid = \"a\"\n",
            "[[account.webhooks]]\nname = \"crm\"\nurl = \"http://127.0.0.1:1/a\"\norder = \"chat\"\n",
            "headers = { authorization = \"Bearer s3cret\" }\nfilter = { chats = [\"+62 812-3456-7890\"] }\n",
            "retry = { timeout = \"2s\", disable_after = \"never\", statuses = { gone = [\"404\", \"410\"] } }\n",
            "[[account.webhooks]]\nname = \"audit\"\nurl = \"http://127.0.0.1:1/b\"\n",
        ))
        .unwrap();
        let [crm, audit] = &accounts[0].webhooks[..] else { panic!("two webhooks") };
        assert_eq!((crm.order, audit.order), (Some(DeliveryOrder::Chat), None));
        assert!(crm.retry.is_some() && crm.filter.is_some() && crm.headers.as_ref().is_some_and(|all| all.len() == 1));
        assert!(!format!("{accounts:?}").contains("s3cret"));
    }

    #[test]
    fn faults_name_their_line() {
        for (text, line, word) in [
            ("[[account]]\nid = \"a\"\n\n[[account]]\nid = \"a\"", 5, "twice"),
            ("[[account]]\nid = \"a\"\nnmae = \"x\"", 3, "nmae"),
            ("[[account]]\nid = \"a/b\"", 2, "id"),
            ("[[account]]\nid = \"a\"\ndefault_region = \"Indonesia\"", 3, "two capital letters"),
            ("[[account]]\nid = \"a\"\n[account.pacing]\nper_minute = 99999", 4, "pacing.per_minute"),
            ("[[account]]\nid = \"b\"\n[[account]]\nid = \"a\"\nrestart = { within = \"1ms\" }", 5, "restart.within"),
            ("[[account]]\nid = \"a\"\nrestart = { within = 60 }", 3, "within: "),
            ("[[account]]\nid = \"a\"\nrestart = { jitter = 1 }", 3, "jitter"),
            ("[[account]]\nid = \"a\"\nname = \"x\"\nproxy = \"socks5://123456\"", 4, "proxy must be"),
            (
                "[[account]]\nid = \"a\"\npacing = { gap = { min = \"2s\", max = \"1s\" } }",
                3,
                "min must not be longer than max",
            ),
            ("[[account]]\nid = \"a\"\nwebhook = { url = \"x\", secret = 123456 }", 3, "shape"),
            ("[[account]]\nid = \"a\"\nwebhook = { url = \"x\", headers = { a = 123456 } }", 3, "must be a text"),
            ("[[account]]\nid = \"a\"\nwebhook = { url = \"x\", retry = { timeout = \"soon\" } }", 3, "span of time"),
            ("[[account]]\nid = \"a\"\nwebhook = { url = \"x\", events = [\"message.recieved\"] }", 3, "recieved"),
            ("[[account]]\nid = \"a\"\nwebhook = { url = \"x\", account = \"b\" }", 2, "belongs"),
            (
                "[[account]]\nid = \"a\"\nwebhook = { url = \"x\" }\nwebhooks = [{ name = \"n\", url = \"x\" }]",
                2,
                "one of them",
            ),
            ("[[account]]\nid = \"a\"\nwebhooks = [{ url = \"x\" }]", 2, "must have a name"),
            ("\n[[webhook]]\nurl = \"x\"", 2, "must have a name"),
            ("[[webhook]]\nname = \"n\"\nurl = \"x\"\naccount = \"a\"", 1, "stands with its account"),
            (
                "[[account]]\nid = \"a\"\nwebhooks = [{ name = \"n\", url = \"x\" }, { name = \"n\", url = \"y\" }]",
                2,
                "twice",
            ),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(&format!("line {line}:")) && error.contains(word), "{error}");
            assert!(!error.contains("123456"));
        }
    }
}
