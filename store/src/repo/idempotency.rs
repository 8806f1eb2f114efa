//! First answers to requests that may be repeated.

use sha2::{Digest, Sha256};

use super::expiry;
use crate::id::{AccountNo, CampaignId, JobId, MessageId, Millis, ScheduleId, TenantNo};
use crate::key::Key;
use crate::records::IdempotencyRecord;
use crate::{ReadTx, StoreError, Tree, WriteTx};

/// A request's own key and what it asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Idempotency {
    /// SHA-256 of the caller's key.
    pub key: [u8; 32],
    /// SHA-256 of the request's canonical body.
    pub body: [u8; 32],
    /// When the answer may be forgotten.
    pub expires_ms: Millis,
}

impl Idempotency {
    /// From a caller's key of any length.
    #[must_use]
    pub fn new(key: &str, body: [u8; 32], expires_ms: Millis) -> Self {
        Self { key: Sha256::digest(key.as_bytes()).into(), body, expires_ms }
    }
}

fn row_key(tenant: TenantNo, no: AccountNo, key: [u8; 32]) -> Key {
    Key::new().u32(tenant.0).u32(no.0).bytes(&key)
}

/// The first answer to this key, unless it has expired.
///
/// # Errors
/// [`StoreError`] when the row can't be read.
pub fn find(
    tx: &ReadTx<'_>,
    tenant: TenantNo,
    no: AccountNo,
    key: [u8; 32],
    now_ms: Millis,
) -> Result<Option<IdempotencyRecord>, StoreError> {
    let found: Option<IdempotencyRecord> = tx.record(Tree::Idem, row_key(tenant, no, key))?;
    Ok(found.filter(|record| record.expires_ms > now_ms))
}

pub(super) fn remember(
    tx: &mut WriteTx<'_>,
    tenant: TenantNo,
    no: AccountNo,
    request: &Idempotency,
    message: MessageId,
) -> Result<(), StoreError> {
    put(tx, row_key(tenant, no, request.key), &IdempotencyRecord { message: Some(message), ..nothing(request) })
}

pub(super) fn remember_job(
    tx: &mut WriteTx<'_>,
    tenant: TenantNo,
    no: AccountNo,
    request: &Idempotency,
    job: JobId,
) -> Result<(), StoreError> {
    put(tx, row_key(tenant, no, request.key), &IdempotencyRecord { job: Some(job), ..nothing(request) })
}

pub(super) fn remember_schedule(
    tx: &mut WriteTx<'_>,
    (tenant, no): (TenantNo, AccountNo),
    request: &Idempotency,
    schedule: (ScheduleId, u32),
) -> Result<(), StoreError> {
    put(tx, row_key(tenant, no, request.key), &IdempotencyRecord { schedule: Some(schedule), ..nothing(request) })
}

const fn nothing(request: &Idempotency) -> IdempotencyRecord {
    IdempotencyRecord {
        body: request.body,
        message: None,
        job: None,
        schedule: None,
        campaign: None,
        expires_ms: request.expires_ms,
    }
}

/// A campaign belongs to no account: the key is the tenant's own.
pub(super) fn remember_campaign(
    tx: &mut WriteTx<'_>,
    tenant: TenantNo,
    request: &Idempotency,
    campaign: CampaignId,
) -> Result<(), StoreError> {
    let record = IdempotencyRecord { campaign: Some(campaign), ..nothing(request) };
    put(tx, row_key(tenant, AccountNo(0), request.key), &record)
}

fn put(tx: &mut WriteTx<'_>, key: Key, record: &IdempotencyRecord) -> Result<(), StoreError> {
    // An expired row that the janitor has not reached yet is replaced, and so is its deadline: the older one would
    // end the new answer too early.
    if let Some(old) = tx.record::<IdempotencyRecord>(Tree::Idem, &key)? {
        expiry::clear(tx, old.expires_ms, Tree::Idem, key.as_slice())?;
    }
    tx.put_record(Tree::Idem, &key, record)?;
    expiry::set(tx, record.expires_ms, Tree::Idem, key.as_slice())
}
