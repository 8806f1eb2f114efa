//! The use case of whoever changes what is set for an account.

use wasup_store::Durability;
use wasup_store::id::AccountId;
use wasup_store::records::{AccountRecord, Desired, Phase};
use wasup_store::repo::account_settings::{self, AccountPatch, ChangeError, Changed};

use super::{AccountError, Accounts};
use crate::principal::Principal;

/// A thing that is set for an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Setting {
    /// Its name.
    Name,
    /// Region for numbers in national form.
    DefaultRegion,
    /// Whether it starts with the process.
    Autostart,
    /// The user's own notes.
    Metadata,
    /// The user's remark.
    Note,
    /// How often it is started again when it breaks.
    Restart,
    /// How fast it sends.
    Pacing,
    /// Its way to the network.
    Proxy,
    /// What the phone's list of devices calls it.
    DeviceName,
    /// What a fresh link asks the phone for.
    History,
    /// Whose it is: the accounts file's, or of whoever made it by the API.
    Source,
}

impl Setting {
    /// The word used in the API and in logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::DefaultRegion => "default_region",
            Self::Autostart => "autostart",
            Self::Metadata => "metadata",
            Self::Note => "note",
            Self::Restart => "restart",
            Self::Pacing => "pacing",
            Self::Proxy => "proxy",
            Self::DeviceName => "device_name",
            Self::History => "history",
            Self::Source => "source",
        }
    }
}

/// When a setting that was changed takes effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Effect {
    /// At once.
    Now,
    /// Now: the running account connects anew for it.
    Reconnecting,
    /// When the account connects the next time.
    NextConnect,
    /// When the account is linked to a phone the next time.
    NextPairing,
    /// When the process starts the next time.
    NextStart,
}

/// What was changed, and when it takes effect.
pub type Effects = Vec<(Setting, Effect)>;

/// What differs between two states of an account's settings, and when that takes effect. Pure.
#[must_use]
pub(super) fn effects(before: &AccountRecord, after: &AccountRecord) -> Effects {
    let reconnect = if connects(after) { Effect::Reconnecting } else { Effect::NextConnect };
    let (was, is) = (&before.settings, &after.settings);
    [
        (before.name != after.name, Setting::Name, Effect::Now),
        (before.default_region != after.default_region, Setting::DefaultRegion, Effect::Now),
        (before.autostart != after.autostart, Setting::Autostart, Effect::NextStart),
        (before.metadata != after.metadata, Setting::Metadata, Effect::Now),
        (before.note != after.note, Setting::Note, Effect::Now),
        (was.restart != is.restart, Setting::Restart, Effect::Now),
        (was.pacing != is.pacing, Setting::Pacing, Effect::Now),
        (was.proxy != is.proxy, Setting::Proxy, reconnect),
        (was.device_name != is.device_name, Setting::DeviceName, Effect::NextPairing),
        (was.history != is.history, Setting::History, Effect::NextPairing),
        (before.source != after.source, Setting::Source, Effect::Now),
    ]
    .into_iter()
    .filter_map(|(changed, setting, effect)| changed.then_some((setting, effect)))
    .collect()
}

/// Whether an account has a connection, or makes one.
fn connects(record: &AccountRecord) -> bool {
    let phases = [Phase::Pairing, Phase::Connecting, Phase::Connected, Phase::Reconnecting, Phase::BackingOff];
    record.desired == Desired::Running && phases.contains(&record.state.phase)
}

impl From<ChangeError> for AccountError {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::Conflicts(conflicts) => Self::Conflicts(conflicts),
            ChangeError::Store(error) => Self::Store(error),
        }
    }
}

impl Accounts {
    /// Changes what is set for an account. A running one that gets another proxy connects anew.
    ///
    /// # Errors
    /// [`AccountError::NotFound`]; [`AccountError::Conflicts`], which changes nothing.
    pub async fn change(
        &self,
        principal: &Principal,
        id: &AccountId,
        patch: AccountPatch,
    ) -> Result<(AccountRecord, Effects), AccountError> {
        self.get(principal, id).await?;
        let (of, now_ms) = (id.clone(), self.ctx.store.now_ms());
        let write = move |tx: &mut wasup_store::WriteTx<'_>| account_settings::change(tx, &of, &patch, now_ms);
        let changed = self.ctx.store.write_by(principal, Durability::Durable, write).await?;
        let Changed { before, after } = changed.ok_or(AccountError::NotFound)?;
        let effects = effects(&before, &after);
        if effects.is_empty() {
            return Ok((after, effects));
        }
        self.told(principal, id, "an account was changed");
        self.take_effect(principal, id, after.no, &effects).await?;
        Ok((self.get(principal, id).await?, effects))
    }
}

#[cfg(test)]
#[path = "change_tests.rs"]
mod tests;
