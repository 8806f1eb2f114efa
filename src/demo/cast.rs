//! Who takes part: the accounts, each with a number and the virtual phone behind it.

use std::path::{Path, PathBuf};

use wasup_sandbox::{Network, Phone};

use crate::config::{DeclaredAccount, read_accounts};

/// The accounts of the example, compiled in so that the binary alone is enough.
const EXAMPLE: &str = include_str!("../../config/accounts.example.toml");

/// An account and its phone.
#[derive(Debug, Clone)]
pub(super) struct Player {
    /// The account's id.
    pub account: String,
    /// The phone.
    pub phone: Phone,
}

impl Player {
    /// The phone's number.
    #[must_use]
    pub(super) fn number(&self) -> &str {
        self.phone.number()
    }
}

/// Writes the accounts file of a run into `folder` and reads it back: the accounts of the example, or as many as asked
/// for, each with the same webhook.
///
/// # Errors
/// When the folder can't be written, or the example does not read.
pub(super) fn accounts(
    folder: &Path,
    count: Option<u16>,
    webhook: &str,
) -> anyhow::Result<(PathBuf, Vec<DeclaredAccount>)> {
    let path = folder.join("accounts.toml");
    let declared = match count {
        Some(count) => (1..=count).map(|n| format!("[[account]]\nid = \"demo-{n:03}\"\n")).collect(),
        None => EXAMPLE.to_owned(),
    };
    // Every table is the last of its kind until the next head: a key put before a head, and at the end, is its own.
    let line = format!("webhook = {{ url = \"{webhook}\" }}\n");
    let mut text = declared.replace("[[account]]", &format!("{line}[[account]]"));
    text = text.replacen(&line, "", 1);
    text.push_str(&format!("\n{line}"));
    std::fs::write(&path, text)?;
    let accounts = read_accounts(&path)?.accounts;
    Ok((path, accounts))
}

/// A phone for each account, with numbers of a range that nobody has.
#[must_use]
pub(super) fn players(network: &Network, accounts: &[DeclaredAccount]) -> Vec<Player> {
    let player = |(n, account): (usize, &DeclaredAccount)| {
        // +62 811 10… is a mobile range that libphonenumber accepts; the network is loopback.
        let phone = network.phone(&format!("62811{:07}", 1_000_000 + n));
        if let Some(name) = &account.name {
            phone.set_push_name(name);
        }
        Player { account: account.id.to_string(), phone }
    };
    accounts.iter().enumerate().map(player).collect()
}
