//! `wasup config check`.

use std::io::Write as _;

use super::{ConfigArgs, Exit, Failure};
use crate::config::read_accounts;

/// Prints the config in force on standard output, what it was made of and what is risky on standard error.
pub(super) fn run(args: &ConfigArgs) -> Result<Exit, Failure> {
    let loaded = args.load()?;
    let accounts = &loaded.config.accounts.file;
    let declared = if accounts.as_os_str().is_empty() { None } else { Some(read_accounts(accounts)?.accounts.len()) };
    let mut err = std::io::stderr().lock();
    let file = loaded.file.as_ref().map_or_else(|| "no file".to_owned(), |path| path.display().to_string());
    let mut told = writeln!(err, "# defaults, {file}, environment: no mistakes found");
    if let Some(count) = declared {
        told = told.and_then(|()| writeln!(err, "# {}: {count} accounts", accounts.display()));
    }
    for warning in &loaded.warnings {
        told = told.and_then(|()| writeln!(err, "# warning: {}: {}", warning.key, warning.what));
    }
    told.and_then(|()| write!(std::io::stdout(), "{}", loaded.config.to_masked_toml()))
        .map_err(|error| Failure::new(Exit::Unexpected, &error, "standard output or standard error is closed"))?;
    Ok(Exit::Ok)
}
