//! The accounts file is carried out: committed first, so that it holds whatever happens then; then a running tree follows.

use std::collections::BTreeMap;

use wasup_actors::{
    AccountError, Accounts, DeclaredAccount, Effect, EndpointError, Endpoints, NewAccount, Outcome, Principal,
};
use wasup_store::id::{AccountId, AccountNo};

use super::check::{Checked, Webhooks};
use super::report::{ChangedAccount, Report};

/// What a running tree is still to be asked for.
#[derive(Default)]
pub(crate) struct Committed {
    declared: Vec<DeclaredAccount>,
    stopped: Vec<(AccountId, AccountNo)>,
    /// What came of it so far.
    pub(crate) report: Report,
}

/// Brings the store to what the file says. One account that can't be written does not hold up the others.
///
/// # Errors
/// [`AccountError::Store`] when the accounts can't even be looked up.
pub(crate) async fn commit(
    accounts: &Accounts,
    endpoints: &Endpoints,
    caller: &Principal,
    file: Checked,
) -> Result<Committed, AccountError> {
    let mut done = Committed::default();
    let (ids, ours) = (file.ids(), accounts.of_the_file(caller).await?);
    for (which, new) in file.for_all {
        let name = new.settings.name.clone().flatten().unwrap_or_default();
        match endpoints.declare(caller, which, new).await {
            Ok(true) => done.report.webhooks.push(name),
            Ok(false) => {}
            Err(error) => done.report.failed(None, format!("webhook {name:?}: {}", told(&error))),
        }
    }
    for (account, webhooks) in file.accounts {
        done.account(accounts, endpoints, caller, account, webhooks).await;
    }
    for id in ours.into_iter().filter(|id| !ids.contains(id)) {
        match accounts.undeclare(caller, &id).await {
            Ok(Some(no)) => {
                done.stopped.push((id.clone(), no));
                done.report.stopped.push(id);
            }
            Ok(None) => {}
            Err(error) => done.report.failed(Some(&id), error.to_string()),
        }
    }
    Ok(done)
}

impl Committed {
    async fn account(
        &mut self,
        accounts: &Accounts,
        endpoints: &Endpoints,
        caller: &Principal,
        account: NewAccount,
        webhooks: Webhooks,
    ) {
        let id = account.id.clone();
        let declared = match accounts.declare(caller, account).await {
            Ok(declared) => declared,
            Err(error) => return self.report.failed(Some(&id), error.to_string()),
        };
        let mut hooked = false;
        for (which, new) in webhooks {
            match endpoints.declare(caller, which, new).await {
                Ok(changed) => hooked |= changed,
                Err(error) => self.report.failed(Some(&id), format!("webhook: {}", told(&error))),
            }
        }
        self.note(&id, &declared.outcome, hooked);
        self.declared.push(declared);
    }

    fn note(&mut self, id: &AccountId, outcome: &Outcome, hooked: bool) {
        let Outcome::Known(effects) = outcome else { return self.report.created.push(id.clone()) };
        let mut settings: BTreeMap<_, _> =
            effects.iter().map(|(setting, effect)| (setting.as_str(), *effect)).collect();
        if hooked {
            settings.insert("webhooks", Effect::Now);
        }
        if settings.is_empty() {
            self.report.unchanged += 1;
        } else {
            self.report.changed.push(ChangedAccount { id: id.clone(), settings });
        }
    }

    /// Stops what the file holds no more: what every start has to do, too, so that each of these accounts says why it stands
    /// still.
    pub(crate) async fn stop(&mut self, accounts: &Accounts, caller: &Principal) {
        for (id, no) in std::mem::take(&mut self.stopped) {
            if let Err(error) = accounts.stop_undeclared(caller, no).await {
                self.report.failed(Some(&id), format!("it is stopped a little later: {error}"));
            }
        }
    }

    /// Lets a running tree follow: the stops first, for one proxy or phone may go from one account to another.
    pub(crate) async fn carry_out(mut self, accounts: &Accounts, caller: &Principal) -> Report {
        self.stop(accounts, caller).await;
        for declared in &self.declared {
            if let Err(error) = accounts.carry_out(caller, declared).await {
                self.report.failed(Some(&declared.id), format!("it follows a little later: {error}"));
            }
        }
        self.report
    }
}

/// An error in words of the file.
fn told(error: &EndpointError) -> String {
    match error {
        EndpointError::BadChat { at, source } => format!("filter.chats[{at}]: {source}"),
        other => other.to_string(),
    }
}
