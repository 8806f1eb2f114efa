//! Accounts: their record, their number and who owns them.

use serde::{Deserialize, Serialize};

use super::scope::AccountScope;
use super::{account_state, audit, counters, event, phone, purge, send};
use crate::id::{AccountId, AccountNo, DEFAULT_TENANT, Epoch, LinkNo, Millis, TenantNo};
use crate::key::{Key, Parts};
use crate::records::{
    AccountCounters, AccountRecord, AccountSettings, AccountSource, AccountState, Act, Desired, EventData, EventKind,
    Identity, Phase, TenantCounters,
};
use crate::{Direction, ReadTx, StoreError, Tree, WriteTx};

pub use super::account_state::{StateChange, change_state, remember_restart, restarts_due, set_state, tell_due};
pub use super::account_wishes::{cancel_pairing, set_desired, turn_away, wish_log_out, wish_restart};

const NEXT_NO: &[u8] = b"next_no";

/// What an account is created with.
#[derive(Debug, Clone)]
pub struct NewAccount {
    /// The user's own id.
    pub id: AccountId,
    /// Whose it is.
    pub tenant: TenantNo,
    /// A name for humans.
    pub name: String,
    /// What the operator wants of it.
    pub desired: Desired,
    /// Region for numbers in national form.
    pub default_region: Option<String>,
    /// Whether it starts with the process.
    pub autostart: bool,
    /// The user's own notes, a JSON object in text form.
    pub metadata: Option<String>,
    /// A remark of the user's for people to read.
    pub note: Option<String>,
    /// What is set for this account alone.
    pub settings: AccountSettings,
    /// Who makes it.
    pub source: AccountSource,
    /// Now.
    pub now_ms: Millis,
}

/// Why an account can't be created.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// The id is taken.
    #[error("an account with this id exists")]
    Exists,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Row of `account_no`: what every write of the account is checked against.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Owner {
    pub(crate) id: AccountId,
    #[serde(default = "default_tenant")]
    pub(crate) tenant: TenantNo,
    #[serde(default)]
    pub(crate) epoch: Epoch,
    #[serde(default)]
    pub(crate) link: LinkNo,
    /// The account was deleted; the number is never given out again.
    #[serde(default)]
    pub(crate) gone: bool,
    /// Nothing is taken out of its outbox.
    #[serde(default)]
    pub(crate) outbox_paused: bool,
}

impl Owner {
    fn of(record: &AccountRecord) -> Self {
        Self {
            id: record.id.clone(),
            tenant: record.tenant,
            epoch: record.epoch,
            link: record.link,
            gone: false,
            outbox_paused: record.outbox_paused,
        }
    }
}

/// Whether whoever asked for this write may touch a tenant's things: anybody their own, the product itself all.
pub(super) fn reaches(tx: &WriteTx<'_>, tenant: TenantNo) -> bool {
    tx.principal().is_none_or(|principal| principal.tenant == tenant)
}

const fn default_tenant() -> TenantNo {
    DEFAULT_TENANT
}

pub(crate) fn id_key(id: &AccountId) -> Key {
    Key::new().personal(id.as_str().as_bytes())
}

fn no_key(no: AccountNo) -> Key {
    Key::new().u32(no.0)
}

/// Creates an account.
///
/// # Errors
/// [`CreateError::Exists`] when the id is taken.
pub fn create(tx: &mut WriteTx<'_>, new: &NewAccount) -> Result<AccountRecord, CreateError> {
    if tx.contains(Tree::Account, id_key(&new.id))? {
        return Err(CreateError::Exists);
    }
    let no = tx.fixed(Tree::Meta, NEXT_NO)?.and_then(|body| Parts(&body).u32()).unwrap_or(1);
    tx.put_fixed(Tree::Meta, NEXT_NO, &(no + 1).to_be_bytes())?;
    let state = AccountState { since_ms: new.now_ms, ..AccountState::default() };
    let record = AccountRecord {
        id: new.id.clone(),
        no: AccountNo(no),
        tenant: new.tenant,
        name: new.name.clone(),
        epoch: Epoch(1),
        link: LinkNo(1),
        desired: new.desired,
        state,
        identity: None,
        number_since_ms: None,
        default_region: new.default_region.clone(),
        autostart: new.autostart,
        metadata: new.metadata.clone(),
        note: new.note.clone(),
        created_ms: new.now_ms,
        outbox_paused: false,
        settings: new.settings.clone(),
        source: new.source,
        restriction: None,
        told: None,
        leaving: false,
    };
    store(tx, &record)?;
    tx.put_record(Tree::AccountNo, no_key(record.no), &Owner::of(&record))?;
    counters::change_tenant(tx, new.tenant, |sums| TenantCounters { accounts: sums.accounts + 1, ..sums })?;
    audit::note(tx, Act::AccountCreated, Some(&new.id), new.now_ms)?;
    Ok(record)
}

/// The account with this id.
///
/// # Errors
/// [`StoreError`] when the row can't be read.
pub fn get(tx: &ReadTx<'_>, id: &AccountId) -> Result<Option<AccountRecord>, StoreError> {
    tx.record(Tree::Account, id_key(id))
}

/// The account with this number, unless it was deleted.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn by_no(tx: &ReadTx<'_>, no: AccountNo) -> Result<Option<AccountRecord>, StoreError> {
    match owner(tx, no)? {
        Some(owner) if !owner.gone => get(tx, &owner.id),
        _ => Ok(None),
    }
}

/// At most `limit` accounts after the one given, in the order of their keys: that of their ids in a plain store, any other
/// lasting order in an encrypted one.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn list(tx: &ReadTx<'_>, after: Option<&AccountId>, limit: usize) -> Result<Vec<AccountRecord>, StoreError> {
    // The key ends in a zero byte, so one byte more is the next possible key.
    let from = after.map(|id| tx.stored(Tree::Account, id_key(id).u8(0))).unwrap_or_default();
    let rows = tx.range(Tree::Account, &from, None, Direction::Forward, limit)?;
    rows.iter().map(|(_, value)| crate::envelope::open_record(Tree::Account, value)).collect()
}

/// Makes the caller the account's owner: the next incarnation, whose writes pass while older ones' are refused.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn take_over(tx: &mut WriteTx<'_>, id: &AccountId) -> Result<Option<AccountRecord>, StoreError> {
    let Some(mut record) = tx.reading(|tx| get(tx, id))? else { return Ok(None) };
    record.epoch = Epoch(record.epoch.0 + 1);
    store_owned(tx, &record)?;
    Ok(Some(record))
}

/// Lets a write go on only while its incarnation owns the account.
///
/// # Errors
/// [`StoreError::StaleEpoch`] for an older incarnation or a deleted account.
pub fn fence(tx: &WriteTx<'_>, no: AccountNo, epoch: Epoch) -> Result<(), StoreError> {
    match tx.reading(|tx| owner(tx, no))? {
        Some(owner) if owner.epoch == epoch && !owner.gone => Ok(()),
        _ => Err(StoreError::StaleEpoch),
    }
}

/// The account with this id, where whoever asked for this write may touch it.
pub(super) fn find(tx: &WriteTx<'_>, id: &AccountId) -> Result<Option<AccountRecord>, StoreError> {
    Ok(tx.reading(|tx| get(tx, id))?.filter(|record| reaches(tx, record.tenant)))
}

/// Lets an account leave quarantine: it stands still until it is started again. `false` where it is not in quarantine.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn release(tx: &mut WriteTx<'_>, id: &AccountId, now_ms: Millis) -> Result<bool, StoreError> {
    let Some(record) = find(tx, id)?.filter(|record| record.state.phase == Phase::Quarantined) else {
        return Ok(false);
    };
    audit::note(tx, Act::AccountReleased, Some(id), now_ms)?;
    set_state(tx, record.no, None, &AccountState::default(), now_ms)
}

/// Notes who the account is on the network. Answers the ids of the tenant's other accounts that are linked to the same
/// phone; where this one was not known to be so far, that is told as an event too.
///
/// # Errors
/// [`StoreError::StaleEpoch`] for an older incarnation.
pub fn set_identity(
    tx: &mut WriteTx<'_>,
    no: AccountNo,
    epoch: Epoch,
    identity: &Identity,
    now_ms: Millis,
) -> Result<Vec<AccountId>, StoreError> {
    fence(tx, no, epoch)?;
    let Some(mut record) = tx.reading(|tx| by_no(tx, no))? else { return Ok(Vec::new()) };
    let phone = |identity: &Identity| identity.jid.phone_digits().map(str::to_owned);
    if record.identity.as_ref() != Some(identity) {
        let former = record.identity.replace(identity.clone());
        if former.as_ref().and_then(phone) != phone(identity) {
            record.number_since_ms = Some(now_ms);
            phone::remove(tx, record.tenant, no, former.as_ref())?;
        }
        store(tx, &record)?;
    }
    let is_new = phone::add(tx, record.tenant, no, identity)?;
    let others = same_phone(tx, &record)?;
    if is_new && !others.is_empty() {
        let mut scope = AccountScope::open(tx, no)?;
        let data = EventData::SamePhone { others: others.clone() };
        event::append(tx, &mut scope, event::NewEvent { kind: EventKind::SamePhone, data, chat_no: None, now_ms })?;
        scope.close(tx)?;
    }
    Ok(others)
}

/// The tenant's other accounts that are linked to an account's phone.
fn same_phone(tx: &WriteTx<'_>, record: &AccountRecord) -> Result<Vec<AccountId>, StoreError> {
    let Some(digits) = record.identity.as_ref().and_then(|identity| identity.jid.phone_digits()) else {
        return Ok(Vec::new());
    };
    let mut others = Vec::new();
    for no in tx.reading(|tx| phone::linked_to(tx, record.tenant, digits))? {
        let other = if no == record.no { None } else { tx.reading(|tx| by_no(tx, no))? };
        others.extend(other.map(|other| other.id));
    }
    Ok(others)
}

/// Ends the link: the next pairing begins with fresh keys, the old keys are deleted by the janitor, and what was
/// waiting to be sent is rejected. Hands back the record with its new epoch.
///
/// # Errors
/// [`StoreError::StaleEpoch`] for an older incarnation.
pub fn log_out(
    tx: &mut WriteTx<'_>,
    no: AccountNo,
    epoch: Epoch,
    now_ms: Millis,
) -> Result<Option<AccountRecord>, StoreError> {
    fence(tx, no, epoch)?;
    let Some(mut record) = tx.reading(|tx| by_no(tx, no))? else { return Ok(None) };
    // Everything accepted before this commit ends with the link, also what was accepted by a clock ahead of ours.
    let newest_ms = tx.reading(|tx| send::newest_open_ms(tx, no))?;
    purge::link(tx, no, record.link, now_ms.max(newest_ms.unwrap_or(0)))?;
    phone::remove(tx, record.tenant, no, record.identity.as_ref())?;
    record.link = LinkNo(record.link.0 + 1);
    record.epoch = Epoch(record.epoch.0 + 1);
    record.identity = None;
    record.leaving = false;
    // The next link may be another number's.
    record.restriction = None;
    store_owned(tx, &record)?;
    Ok(Some(record))
}

/// Deletes an account: its id is free at once, its rows go by and by, its number never comes back.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn delete(tx: &mut WriteTx<'_>, id: &AccountId, now_ms: Millis) -> Result<bool, StoreError> {
    let Some(record) = find(tx, id)? else { return Ok(false) };
    tx.delete(Tree::Account, id_key(id))?;
    account_state::follow_due(tx, record.no, Some(&record), None)?;
    phone::remove(tx, record.tenant, record.no, record.identity.as_ref())?;
    let counted = tx.reading(|tx| counters::account(tx, record.no))?;
    counters::change_tenant(tx, record.tenant, |sums| {
        let sums = sums.moved(&counted, &AccountCounters::default());
        TenantCounters { accounts: sums.accounts.saturating_sub(1), ..sums }
    })?;
    audit::note(tx, Act::AccountDeleted, Some(id), now_ms)?;
    let epoch = Epoch(record.epoch.0 + 1);
    let owner = Owner { epoch, gone: true, ..Owner::of(&record) };
    tx.put_record(Tree::AccountNo, no_key(record.no), &owner)?;
    purge::account(tx, record.no, now_ms)?;
    Ok(true)
}

/// Why an account's time is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outlived {
    /// No phone ever linked it.
    NeverLinked,
    /// It left the network long ago.
    LoggedOut,
}

impl Outlived {
    /// Every one of them.
    pub const ALL: [Self; 2] = [Self::NeverLinked, Self::LoggedOut];

    /// The word used in events and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NeverLinked => "never_linked",
            Self::LoggedOut => "logged_out",
        }
    }
}

/// Deletes an account whose time is over, unless a phone has linked it by now, and tells that as the server's own event.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn expire(tx: &mut WriteTx<'_>, id: &AccountId, why: Outlived, now_ms: Millis) -> Result<bool, StoreError> {
    let over = find(tx, id)?.is_some_and(|record| record.identity.is_none());
    if !over {
        return Ok(false);
    }
    audit::note(tx, Act::AccountExpired, Some(id), now_ms)?;
    let mut scope = AccountScope::server(tx)?;
    let data = EventData::Expired { account: id.clone(), reason: why.as_str().to_owned() };
    event::append(tx, &mut scope, event::NewEvent { kind: EventKind::AccountExpired, data, chat_no: None, now_ms })?;
    scope.close(tx)?;
    delete(tx, id, now_ms)
}

/// Clears a little of what deleted accounts and ended links left behind; `false` when nothing is left.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn purge_step(tx: &mut WriteTx<'_>, limit: usize) -> Result<bool, StoreError> {
    purge::step(tx, limit)
}

pub(crate) fn owner(tx: &ReadTx<'_>, no: AccountNo) -> Result<Option<Owner>, StoreError> {
    tx.record(Tree::AccountNo, no_key(no))
}

pub(super) fn store(tx: &mut WriteTx<'_>, record: &AccountRecord) -> Result<(), StoreError> {
    let before = tx.reading(|tx| get(tx, &record.id))?;
    account_state::follow_due(tx, record.no, before.as_ref(), Some(record))?;
    tx.put_record(Tree::Account, id_key(&record.id), record)
}

pub(super) fn store_owned(tx: &mut WriteTx<'_>, record: &AccountRecord) -> Result<(), StoreError> {
    store(tx, record)?;
    tx.put_record(Tree::AccountNo, no_key(record.no), &Owner::of(record))
}
