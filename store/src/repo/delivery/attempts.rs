//! The attempts of a delivery: the first ones in its own row, what is long or later in rows of their own.

use super::attempt_key;
use crate::id::DeliveryId;
use crate::records::{Attempt, DeliveryRecord, Octets};
use crate::{Direction, ReadTx, StoreError, Tree, WriteTx, envelope};

/// Attempts kept in the delivery's own row.
const INLINE_ATTEMPTS: usize = 3;
/// Longest answer that stands in the delivery's own row, in bytes.
pub const INLINE_ANSWER_MAX: usize = 256;
/// Most attempts that are shown besides the first ones, the newest.
const SHOWN_MAX: usize = 100;

/// Notes an attempt. One that is known by its number (its worker was believed lost) is replaced.
pub(super) fn note(
    tx: &mut WriteTx<'_>,
    id: DeliveryId,
    delivery: &mut DeliveryRecord,
    mut attempt: Attempt,
) -> Result<(), StoreError> {
    if attempt.n == 0 {
        attempt.n = delivery.attempt_no();
    }
    let known = delivery.attempts.iter().position(|other| other.n == attempt.n);
    let inline = known.is_some() || delivery.attempts.len() < INLINE_ATTEMPTS;
    let long = attempt.answer.as_ref().is_some_and(|answer| answer.body.0.len() > INLINE_ANSWER_MAX);
    if long || !inline {
        tx.put_record(Tree::Attempt, attempt_key(id, attempt.n), &attempt)?;
    }
    if !inline {
        return Ok(());
    }
    if let Some(answer) = attempt.answer.as_mut().filter(|_| long) {
        (answer.body, answer.elsewhere) = (Octets::default(), true);
    }
    let place = known.unwrap_or(delivery.attempts.len());
    let before = delivery.attempts[..place].iter().rev().find_map(|other| other.url.as_ref());
    if before == attempt.url.as_ref() {
        attempt.url = None;
    }
    match known {
        Some(place) => delivery.attempts[place] = attempt,
        None => delivery.attempts.push(attempt),
    }
    Ok(())
}

/// The attempts of a delivery in their order, with their answers: the first three and the newest hundred.
///
/// # Errors
/// [`StoreError`] when a row can't be read.
pub fn attempts(tx: &ReadTx<'_>, id: DeliveryId, delivery: &DeliveryRecord) -> Result<Vec<Attempt>, StoreError> {
    let mut all = Vec::with_capacity(delivery.attempts.len());
    let mut url = None;
    for inline in &delivery.attempts {
        let mut attempt = inline.clone();
        if attempt.answer.as_ref().is_some_and(|answer| answer.elsewhere)
            && let Some(whole) = tx.record::<Attempt>(Tree::Attempt, attempt_key(id, attempt.n))?
        {
            attempt = whole;
        }
        url = attempt.url.clone().or(url);
        attempt.url.clone_from(&url);
        all.push(attempt);
    }
    let mut rows = tx.prefix(Tree::Attempt, id.to_bytes(), Direction::Backward, SHOWN_MAX)?;
    rows.reverse();
    for (_, value) in &rows {
        let attempt: Attempt = envelope::open_record(Tree::Attempt, value)?;
        // Rows of the first version have no number, and are never among the first.
        if attempt.n == 0 || all.iter().all(|other| other.n != attempt.n) {
            all.push(attempt);
        }
    }
    Ok(all)
}
