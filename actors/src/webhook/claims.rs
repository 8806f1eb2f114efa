//! What the dispatcher reads and writes besides attempts.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::time::Duration;

use wasup_store::id::{DeliveryId, EventId, Millis};
use wasup_store::records::{DeliveryRecord, EndpointRecord};
use wasup_store::repo::delivery::{self, Claims};
use wasup_store::repo::{endpoint, event};
use wasup_store::{ReadTx, StoreError, WriteTx};

use super::lane::Share;
use super::worker::{About, Errand};
use super::{Policy, resolve};
use crate::settings::WebhookSettings;

/// Claims these shares, the oldest deliveries of each endpoint first, as far as each one's own limit goes.
pub(super) fn claim_all(
    tx: &mut WriteTx<'_>,
    shares: &[Share],
    settings: &WebhookSettings,
    now_ms: Millis,
) -> Result<Claims, StoreError> {
    let mut claims = Claims::default();
    for share in shares {
        let terms = |endpoint: &EndpointRecord| {
            let policy = resolve(endpoint, settings);
            let lease = policy.timeout.saturating_add(settings.lease_margin);
            let room = policy.concurrency.saturating_sub(share.in_flight);
            (now_ms.saturating_add(millis(lease)), share.more.min(room))
        };
        delivery::claim_into(tx, share.endpoint, now_ms, terms, &mut claims)?;
    }
    Ok(claims)
}

pub(super) fn millis(of: Duration) -> Millis {
    u64::try_from(of.as_millis()).unwrap_or(u64::MAX)
}

/// What a claimed delivery needs to be made.
pub(super) enum Found {
    Errand(Box<Errand>),
    NoEndpoint,
    NoEvent(About),
}

/// Reads what claimed deliveries need, in their order.
pub(super) fn load(
    tx: &ReadTx<'_>,
    claimed: &[(DeliveryId, DeliveryRecord)],
    settings: &WebhookSettings,
    incarnation: u64,
) -> Result<Vec<Found>, StoreError> {
    let mut endpoints: HashMap<_, Option<(Arc<EndpointRecord>, Policy)>> = HashMap::new();
    let mut found = Vec::with_capacity(claimed.len());
    for (id, record) in claimed {
        let endpoint = match endpoints.entry(id.endpoint) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                let read = endpoint::get(tx, id.endpoint)?;
                new.insert(read.map(|record| {
                    let policy = resolve(&record, settings);
                    (Arc::new(record), policy)
                }))
            }
        };
        let event = event::get(tx, id.position)?;
        let about = about(*id, record, event.as_ref().map(|event| event.at_ms));
        found.push(match (endpoint.clone(), event) {
            (None, _) => Found::NoEndpoint,
            (Some(_), None) => Found::NoEvent(about),
            (Some((endpoint, policy)), Some(event)) => {
                let event_id = EventId { incarnation, position: id.position };
                Found::Errand(Box::new(Errand { about, endpoint, policy, event_id, event }))
            }
        });
    }
    Ok(found)
}

fn about(id: DeliveryId, record: &DeliveryRecord, event_ms: Option<Millis>) -> About {
    // Rows of the first version do not say when they were queued: with their event.
    let queued_ms = Some(record.queued_ms).filter(|queued| *queued > 0).or(event_ms).unwrap_or(record.due_ms);
    About { id, no: record.no, tries: record.tries, n: record.attempt_no(), queued_ms }
}
