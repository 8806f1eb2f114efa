//! Rows of the protocol library: `no · link · kind · rest` in [`Tree::Wa`].
//!
//! What stands in them is the business of `sessions`; the store gives them their place, their owner and their end.
//! What names a human or a group goes into the keys as a personal part. All rows of a link go with it: a logout bumps
//! the link's number and the old range is deleted.

use crate::id::{AccountNo, Epoch, LinkNo};
use crate::key::Key;
use crate::repo::account;
use crate::{StoreError, WriteTx};

/// Whose rows, and who writes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WaScope {
    /// The account.
    pub no: AccountNo,
    /// Its link.
    pub link: LinkNo,
    /// The incarnation that writes.
    pub epoch: Epoch,
}

/// What a row is. The numbers are on disk and never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum WaKind {
    /// The device itself: keys, identity, settings. One row. Durable.
    Device = 1,
    /// user · rest of the address → identity key. Durable.
    Identity = 2,
    /// user · rest of the address → Signal session. Durable.
    Session = 3,
    /// id u32 → uploaded u8 and record. Stored durable, deleted relaxed.
    PreKey = 4,
    /// id u32 → record. Durable.
    SignedPreKey = 5,
    /// address → sender key. Durable.
    SenderKey = 6,
    /// group · device → has the sender key. Durable.
    SenderKeyDevice = 7,
    /// device · group → (): the same rows by device. Durable.
    SenderKeyGroup = 8,
    /// key id → app-state sync key. Durable.
    SyncKey = 9,
    /// name → app-state version. Durable.
    SyncVersion = 10,
    /// name · index → mutation MAC. Durable.
    MutationMac = 11,
    /// lid → mapping. Durable.
    LidToPhone = 12,
    /// phone → lid. Durable.
    PhoneToLid = 13,
    /// address · message id → base key. Durable.
    BaseKey = 14,
    /// user → device list. Durable.
    DeviceList = 15,
    /// group → metadata blob. Relaxed: a cache.
    GroupMetadata = 16,
    /// jid → privacy token. Durable; its timestamps alone relaxed.
    PrivacyToken = 17,
    /// chat · message id → message for a retry. Relaxed. Expires.
    SentMessage = 18,
    /// chat · sender · message id → decrypted, not committed by the hook yet. Relaxed. Expires after 60 days.
    PendingInbound = 19,
    /// chat · sender · message id → secret. Durable. Expires.
    MessageSecret = 20,
    /// Newest sync key id. One row. Durable.
    NewestSyncKey = 21,
}

impl WaKind {
    /// The kind with this number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as u8 == number)
    }

    /// Every kind.
    pub const ALL: [Self; 21] = [
        Self::Device,
        Self::Identity,
        Self::Session,
        Self::PreKey,
        Self::SignedPreKey,
        Self::SenderKey,
        Self::SenderKeyDevice,
        Self::SenderKeyGroup,
        Self::SyncKey,
        Self::SyncVersion,
        Self::MutationMac,
        Self::LidToPhone,
        Self::PhoneToLid,
        Self::BaseKey,
        Self::DeviceList,
        Self::GroupMetadata,
        Self::PrivacyToken,
        Self::SentMessage,
        Self::PendingInbound,
        Self::MessageSecret,
        Self::NewestSyncKey,
    ];
}

/// The beginning of every key of a kind.
#[must_use]
pub fn key(scope: WaScope, kind: WaKind) -> Key {
    Key::new().u32(scope.no.0).u32(scope.link.0).u8(kind as u8)
}

/// Lets a write go on only while its incarnation owns the account.
///
/// # Errors
/// [`StoreError::StaleEpoch`] for an older one.
pub fn fence(tx: &WriteTx<'_>, scope: WaScope) -> Result<(), StoreError> {
    account::fence(tx, scope.no, scope.epoch)
}
