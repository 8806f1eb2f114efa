//! What is set for an account: changed by the API, declared by the accounts file.

use super::account::{self, CreateError, NewAccount, find, store};
use super::audit;
use crate::id::{AccountId, Millis};
use crate::records::{AccountRecord, AccountSettings, AccountSource, Act, Desired, ProxyAddress};
use crate::{StoreError, WriteTx};

/// A change of an account: `None` leaves a value as it is, `Some(None)` goes back to the installation's.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AccountPatch {
    /// A name for humans; empty for none.
    pub name: Option<String>,
    /// Region for numbers in national form.
    pub default_region: Option<Option<String>>,
    /// Whether it starts with the process.
    pub autostart: Option<bool>,
    /// The user's own notes, a JSON object in text form.
    pub metadata: Option<Option<String>>,
    /// A remark of the user's for people to read.
    pub note: Option<Option<String>>,
    /// What is set for this account alone.
    pub settings: SettingsPatch,
}

/// A change of what is set for an account alone.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SettingsPatch {
    /// See [`crate::records::RestartSettings`].
    pub max_restarts: Option<Option<u32>>,
    /// The window of the restarts.
    pub within_ms: Option<Option<Millis>>,
    /// The first wait.
    pub backoff_base_ms: Option<Option<Millis>>,
    /// The longest wait.
    pub backoff_cap_ms: Option<Option<Millis>>,
    /// Up this long, the history is forgotten.
    pub stable_after_ms: Option<Option<Millis>>,
    /// See [`crate::records::PacingSettings`].
    pub gap_min_ms: Option<Option<Millis>>,
    /// The longest time that is drawn between two messages.
    pub gap_max_ms: Option<Option<Millis>>,
    /// Most messages in a minute.
    pub per_minute: Option<Option<u32>>,
    /// Most new chats in 24 hours.
    pub cold_per_day: Option<Option<u32>>,
    /// The way to the network.
    pub proxy: Option<Option<ProxyAddress>>,
    /// What the phone's list of devices calls it.
    pub device_name: Option<Option<String>>,
    /// See [`crate::records::HistorySettings`].
    pub history_days: Option<Option<u32>>,
    /// Megabytes of history.
    pub history_megabytes: Option<Option<u32>>,
    /// Whether all of the history is asked for.
    pub history_full: Option<Option<bool>>,
}

fn set<T: Clone>(field: &mut T, to: Option<&T>) {
    if let Some(to) = to {
        field.clone_from(to);
    }
}

impl SettingsPatch {
    /// Makes the change.
    pub fn apply(&self, settings: &mut AccountSettings) {
        let AccountSettings { restart, pacing, proxy, device_name, history } = settings;
        set(&mut restart.max_restarts, self.max_restarts.as_ref());
        set(&mut restart.within_ms, self.within_ms.as_ref());
        set(&mut restart.backoff_base_ms, self.backoff_base_ms.as_ref());
        set(&mut restart.backoff_cap_ms, self.backoff_cap_ms.as_ref());
        set(&mut restart.stable_after_ms, self.stable_after_ms.as_ref());
        set(&mut pacing.gap_min_ms, self.gap_min_ms.as_ref());
        set(&mut pacing.gap_max_ms, self.gap_max_ms.as_ref());
        set(&mut pacing.per_minute, self.per_minute.as_ref());
        set(&mut pacing.cold_per_day, self.cold_per_day.as_ref());
        set(proxy, self.proxy.as_ref());
        set(device_name, self.device_name.as_ref());
        set(&mut history.days, self.history_days.as_ref());
        set(&mut history.megabytes, self.history_megabytes.as_ref());
        set(&mut history.full, self.history_full.as_ref());
    }
}

impl AccountPatch {
    fn apply(&self, record: &mut AccountRecord) {
        set(&mut record.name, self.name.as_ref());
        set(&mut record.default_region, self.default_region.as_ref());
        set(&mut record.autostart, self.autostart.as_ref());
        set(&mut record.metadata, self.metadata.as_ref());
        set(&mut record.note, self.note.as_ref());
        self.settings.apply(&mut record.settings);
    }
}

/// Two settings of an account that do not go together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conflict {
    /// The shortest gap between messages is longer than the longest.
    Gap,
    /// The first wait before a restart is longer than the longest.
    Backoff,
}

/// What of an account's own settings does not go together.
#[must_use]
pub fn conflicts(settings: &AccountSettings) -> Vec<Conflict> {
    let over = |low: Option<Millis>, high: Option<Millis>| low.zip(high).is_some_and(|(low, high)| low > high);
    let (restart, pacing) = (&settings.restart, &settings.pacing);
    let gap = over(pacing.gap_min_ms, pacing.gap_max_ms).then_some(Conflict::Gap);
    let backoff = over(restart.backoff_base_ms, restart.backoff_cap_ms).then_some(Conflict::Backoff);
    gap.into_iter().chain(backoff).collect()
}

/// Why an account can't be changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// What it would have does not go together.
    #[error("settings that do not go together")]
    Conflicts(Vec<Conflict>),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// An account before and after a change; both the same where nothing changed.
#[derive(Debug, Clone, PartialEq)]
pub struct Changed {
    /// Before.
    pub before: AccountRecord,
    /// After.
    pub after: AccountRecord,
}

/// Changes what is set for an account. `None` where there is no such account.
///
/// # Errors
/// [`ChangeError::Conflicts`] changes nothing.
pub fn change(
    tx: &mut WriteTx<'_>,
    id: &AccountId,
    patch: &AccountPatch,
    now_ms: Millis,
) -> Result<Option<Changed>, ChangeError> {
    let Some(before) = find(tx, id)? else { return Ok(None) };
    let mut after = before.clone();
    patch.apply(&mut after);
    let conflicts = conflicts(&after.settings);
    if !conflicts.is_empty() {
        return Err(ChangeError::Conflicts(conflicts));
    }
    write(tx, &before, &after, Act::AccountChanged, now_ms)?;
    Ok(Some(Changed { before, after }))
}

/// What came of a declaration.
#[derive(Debug, Clone, PartialEq)]
pub enum Declaration {
    /// The account is new.
    Created(Box<AccountRecord>),
    /// It was there.
    Known(Box<Changed>),
}

/// Makes an account what the accounts file says of it, and the file's. Notes of the user stay. One that was withdrawn from
/// the file while it ran is wanted to run again, if it starts by itself at all.
///
/// # Errors
/// [`CreateError::Exists`] for an id that is another tenant's.
pub fn declare(tx: &mut WriteTx<'_>, new: &NewAccount) -> Result<Declaration, CreateError> {
    let Some(before) = find(tx, &new.id)? else {
        return account::create(tx, new).map(|made| Declaration::Created(Box::new(made)));
    };
    let back = before.source == AccountSource::Undeclared { running: true } && new.autostart;
    let after = AccountRecord {
        name: new.name.clone(),
        default_region: new.default_region.clone(),
        autostart: new.autostart,
        settings: new.settings.clone(),
        source: AccountSource::File,
        desired: if back { Desired::Running } else { before.desired },
        ..before.clone()
    };
    write(tx, &before, &after, Act::AccountDeclared, new.now_ms)?;
    Ok(Declaration::Known(Box::new(Changed { before, after })))
}

/// The accounts file holds an account no more: it is wanted to stop, and kept. `None` where it is not the file's, or was
/// withdrawn before.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn undeclare(tx: &mut WriteTx<'_>, id: &AccountId, now_ms: Millis) -> Result<Option<AccountRecord>, StoreError> {
    let found = find(tx, id)?.filter(|record| record.source == AccountSource::File);
    let Some(before) = found else { return Ok(None) };
    let source = AccountSource::Undeclared { running: before.desired == Desired::Running };
    let after = AccountRecord { source, desired: Desired::Stopped, ..before.clone() };
    write(tx, &before, &after, Act::AccountUndeclared, now_ms)?;
    Ok(Some(after))
}

fn write(
    tx: &mut WriteTx<'_>,
    before: &AccountRecord,
    after: &AccountRecord,
    act: Act,
    now_ms: Millis,
) -> Result<(), StoreError> {
    if before == after {
        return Ok(());
    }
    store(tx, after)?;
    audit::note(tx, act, Some(&after.id), now_ms)
}
