//! Whether an account's messages enter the stored history, and how much of what is stored stays.
//!
//! `keep`: no → [`KeepRecord`]; account 0 is the installation. Every commit of messages reads it in the same write, so a
//! change holds for whatever is committed after it. What can't be read means that nothing is stored.

use super::{account, audit};
use crate::id::{AccountId, AccountNo, Millis};
use crate::key::Key;
use crate::records::{Act, KeepLimits, KeepPolicy, KeepRecord};
use crate::{EngineError, ReadTx, StoreError, Tree, WriteTx, envelope};

/// Under which number the installation's row stands: no account has it.
const INSTALLATION: AccountNo = AccountNo(0);
/// Most numbers of an account.
pub const MAX_ALLOWED: usize = 100;
/// How long after its last delivery something is erased that is not stored, where nothing else is set.
pub const ERASE_AFTER_MS: Millis = 3_600_000;

fn key(no: AccountNo) -> Key {
    Key::new().u32(no.0)
}

/// A row as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// There is none.
    Unset,
    /// What it says.
    Set(Box<KeepRecord>),
    /// It can't be understood.
    Unreadable,
}

/// Whether messages are stored, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// All are.
    All,
    /// They are: the account's own number is allowed.
    NumberAllowed,
    /// They are not: the account's own number is not among the allowed ones, or not active there.
    NumberNotAllowed,
    /// They are not: the account has no number yet.
    NumberUnknown,
    /// None is.
    None,
    /// They are not: what is set can't be read.
    Unreadable,
}

impl Standing {
    /// Every one of them.
    pub const ALL: [Self; 6] =
        [Self::All, Self::NumberAllowed, Self::NumberNotAllowed, Self::NumberUnknown, Self::None, Self::Unreadable];

    /// Whether messages enter the stored history.
    #[must_use]
    pub const fn keeps(self) -> bool {
        matches!(self, Self::All | Self::NumberAllowed)
    }

    /// The word used in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::NumberAllowed => "number_allowed",
            Self::NumberNotAllowed => "number_not_allowed",
            Self::NumberUnknown => "number_unknown",
            Self::None => "none",
            Self::Unreadable => "unreadable",
        }
    }
}

fn found(tx: &ReadTx<'_>, no: AccountNo) -> Result<Found, StoreError> {
    let row = tx.get(Tree::Keep, key(no));
    match row.and_then(|row| row.map(|row| envelope::open_record(Tree::Keep, &row)).transpose()) {
        Ok(None) => Ok(Found::Unset),
        Ok(Some(record)) => Ok(Found::Set(Box::new(record))),
        Err(
            StoreError::Corrupt { .. } | StoreError::Sealed { .. } | StoreError::Engine(EngineError::Damaged { .. }),
        ) => Ok(Found::Unreadable),
        Err(error) => Err(error),
    }
}

/// What is set for an account alone.
///
/// # Errors
/// [`StoreError`] when the engine can't read. A row that can't be understood is no error.
pub fn own(tx: &ReadTx<'_>, no: AccountNo) -> Result<Found, StoreError> {
    found(tx, no)
}

/// What is set for the installation.
///
/// # Errors
/// As [`own`].
pub fn installation(tx: &ReadTx<'_>) -> Result<Found, StoreError> {
    found(tx, INSTALLATION)
}

/// Whether an account's messages enter the stored history.
///
/// # Errors
/// As [`own`].
pub fn standing(tx: &ReadTx<'_>, no: AccountNo) -> Result<Standing, StoreError> {
    let (mut policy, mut allowed) = (None, Vec::new());
    match found(tx, no)? {
        Found::Unreadable => return Ok(Standing::Unreadable),
        Found::Set(own) => (policy, allowed) = (own.policy, own.allowed),
        Found::Unset => {}
    }
    let policy = match policy {
        Some(policy) => policy,
        None => match found(tx, INSTALLATION)? {
            Found::Unreadable => return Ok(Standing::Unreadable),
            Found::Set(ours) => ours.policy.unwrap_or(KeepPolicy::All),
            Found::Unset => KeepPolicy::All,
        },
    };
    match policy {
        KeepPolicy::All => Ok(Standing::All),
        KeepPolicy::None => Ok(Standing::None),
        KeepPolicy::Allowed => {
            let owner = account::by_no(tx, no)?;
            let number = owner.and_then(|owner| owner.identity?.jid.phone_digits().map(str::to_owned));
            let Some(number) = number else { return Ok(Standing::NumberUnknown) };
            let is_own = allowed.iter().any(|one| one.active && one.phone == number);
            Ok(if is_own { Standing::NumberAllowed } else { Standing::NumberNotAllowed })
        }
    }
}

/// How much of an account's messages stays. Where what is set can't be read, nothing is forgotten.
///
/// # Errors
/// As [`own`].
pub fn limits(tx: &ReadTx<'_>, no: AccountNo) -> Result<KeepLimits, StoreError> {
    let of = |found| match found {
        Found::Set(record) => Some(record.limits),
        Found::Unset => Some(KeepLimits::default()),
        Found::Unreadable => None,
    };
    let (own, ours) = (of(found(tx, no)?), of(found(tx, INSTALLATION)?));
    Ok(own.zip(ours).map(|(own, ours)| own.or(ours)).unwrap_or_default())
}

/// How long after its last delivery something is erased that is not stored.
///
/// # Errors
/// As [`own`].
pub fn erase_after_ms(tx: &ReadTx<'_>) -> Result<Millis, StoreError> {
    Ok(match found(tx, INSTALLATION)? {
        Found::Set(ours) => ours.erase_after_ms.unwrap_or(ERASE_AFTER_MS),
        Found::Unset | Found::Unreadable => ERASE_AFTER_MS,
    })
}

/// Sets what of an account's messages is kept, whatever was set before. `None` where there is no such account.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn set(tx: &mut WriteTx<'_>, id: &AccountId, record: &KeepRecord) -> Result<Option<AccountNo>, StoreError> {
    let Some(owner) = tx.reading(|tx| account::get(tx, id))?.filter(|owner| account::reaches(tx, owner.tenant)) else {
        return Ok(None);
    };
    tx.put_record(Tree::Keep, key(owner.no), record)?;
    audit::note(tx, Act::PersistenceSet, Some(id), record.set_ms)?;
    Ok(Some(owner.no))
}

/// Sets the installation's; writes nothing where it is so already.
///
/// # Errors
/// As [`own`].
pub fn set_installation(tx: &mut WriteTx<'_>, record: &KeepRecord) -> Result<(), StoreError> {
    let same = match tx.reading(installation)? {
        Found::Set(before) => KeepRecord { set_ms: record.set_ms, ..*before } == *record,
        Found::Unset | Found::Unreadable => false,
    };
    if same { Ok(()) } else { tx.put_record(Tree::Keep, key(INSTALLATION), record) }
}
