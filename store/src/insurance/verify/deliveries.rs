//! Deliveries, their queues, and the wakes of endpoints.

use std::collections::BTreeMap;

use super::check::{Check, Looked, fixed, record};
use super::finding::FindingCode;
use super::schedules;
use crate::Tree;
use crate::id::{AccountNo, DeliveryId, EndpointId};
use crate::key::{Key, Parts};
use crate::records::{AccountRecord, Attempt, DeliveryRecord, DeliveryState, EndpointCounters};
use crate::repo::account_state::{restart_ms, tell_ms};
use crate::repo::clearing::Clearing;
use crate::repo::due::DueKind;
use crate::repo::{account, endpoint, purge, retention};

const COUNTERS: &[u8] = b"count/endpoint/";

/// What an endpoint's deliveries add up to.
#[derive(Debug, Default)]
struct Tally {
    pending: u64,
    completed: u64,
    discarded: u64,
    /// When the first of them is due.
    first_ms: Option<u64>,
    todo_rows: u64,
    bad_rows: u64,
    lane_rows: u64,
    /// By account and chat: those that are tried, those that wait for one of these.
    lanes: BTreeMap<(u32, u32), (u64, u64)>,
}

type Tallies = BTreeMap<[u8; 16], Tally>;

pub(super) fn check(check: &mut Check<'_>) {
    let mut tallies = Tallies::new();
    of_endpoint(check, Tree::Delivery, |check, id, key, value| {
        let delivery: DeliveryRecord = record(Tree::Delivery, value)?;
        let tally = tallies.entry(id).or_default();
        one(check, tally, key, &delivery)
    });
    of_endpoint(check, Tree::DeliveryTodo, |_, id, _, value| {
        tallies.entry(id).or_default().todo_rows += 1;
        fixed(Tree::DeliveryTodo, value).map(|_| ())
    });
    of_endpoint(check, Tree::DeliveryBad, |_, id, _, value| {
        tallies.entry(id).or_default().bad_rows += 1;
        fixed(Tree::DeliveryBad, value).map(|_| ())
    });
    of_endpoint(check, Tree::DeliveryLane, |_, id, _, value| {
        tallies.entry(id).or_default().lane_rows += 1;
        fixed(Tree::DeliveryLane, value).map(|_| ())
    });
    of_endpoint(check, Tree::Attempt, |check, _, key, value| {
        record::<Attempt>(Tree::Attempt, value)?;
        if !check.tx.contains(Tree::Delivery, key.get(..24).unwrap_or_default())? {
            check.fail(FindingCode::Dangling, Tree::Attempt, key);
        }
        Ok(())
    });
    let wakes = endpoint_counters(check, tallies);
    due(check, wakes);
}

/// Looks at the rows of endpoints that are there.
fn of_endpoint(
    check: &mut Check<'_>,
    tree: Tree,
    mut look: impl FnMut(&mut Check<'_>, [u8; 16], &[u8], &bytes::Bytes) -> Looked,
) {
    let mut current: Option<([u8; 16], bool)> = None;
    check.all(tree, |check, key, value| {
        let Some((id, _)) = key.split_first_chunk::<16>() else {
            check.fail(FindingCode::BadKey, tree, key);
            return Ok(());
        };
        let there = match current.filter(|(of, _)| of == id) {
            Some((_, there)) => there,
            None => match EndpointId::from_bytes(id) {
                Some(endpoint) => endpoint::get(&check.tx, endpoint)?.is_some(),
                None => false,
            },
        };
        current = Some((*id, there));
        if there {
            return look(check, *id, key, value);
        }
        if !check.purging.contains(&[&[purge::ENDPOINT], &id[..]].concat()) {
            check.fail(FindingCode::Orphan, tree, key);
        }
        Ok(())
    });
}

fn one(check: &mut Check<'_>, tally: &mut Tally, key: &[u8], delivery: &DeliveryRecord) -> Looked {
    let of = (Tree::Delivery, key);
    let Some(id) = DeliveryId::from_bytes(key) else {
        check.fail(FindingCode::BadKey, Tree::Delivery, key);
        return Ok(());
    };
    // What an endpoint got before it was moved to another account stays when its event is pruned.
    if !retention::is_kept_without(delivery)
        && !check.tx.contains(Tree::Event, id.position.0.to_be_bytes())?
        && id.position > retention::floor(&check.tx)?
    {
        check.fail(FindingCode::Dangling, Tree::Delivery, key);
    }
    let index = |at_ms: u64| Key::new().bytes(&id.endpoint.to_bytes()).u64(at_ms).u64(id.position.0);
    if let Some(chat) = delivery.chat_no.filter(|_| delivery.ordered) {
        let lane = Key::new().bytes(&id.endpoint.to_bytes()).u32(delivery.no.0).u32(chat.0).u64(id.position.0);
        check.expect(of, Tree::DeliveryLane, &lane)?;
        let (tried, waiting) = tally.lanes.entry((delivery.no.0, chat.0)).or_default();
        *(if delivery.state == DeliveryState::Suspended { waiting } else { tried }) += 1;
    }
    match delivery.state {
        DeliveryState::Completed => tally.completed += 1,
        DeliveryState::Discarded => {
            tally.discarded += 1;
            check.expect(of, Tree::DeliveryBad, &index(delivery.ended_ms.unwrap_or(0)))?;
        }
        DeliveryState::Suspended => tally.pending += 1,
        _ => {
            tally.pending += 1;
            tally.first_ms = Some(tally.first_ms.unwrap_or(u64::MAX).min(delivery.due_ms));
            check.expect(of, Tree::DeliveryTodo, &index(delivery.due_ms))?;
        }
    }
    Ok(())
}

/// Compares the counters; answers when each endpoint is to wake.
fn endpoint_counters(check: &mut Check<'_>, mut tallies: Tallies) -> BTreeMap<Vec<u8>, u64> {
    let mut wakes = BTreeMap::new();
    check.under(Tree::Meta, COUNTERS, |check, key, value| {
        let stored: EndpointCounters = record(Tree::Meta, value)?;
        let id = key.get(COUNTERS.len()..).unwrap_or_default();
        let tally = <[u8; 16]>::try_from(id).ok().and_then(|id| tallies.remove(&id)).unwrap_or_default();
        // Ended deliveries go with their events, and the counters go on.
        let right = stored.pending == tally.pending
            && stored.completed >= tally.completed
            && stored.discarded >= tally.discarded;
        if !right {
            check.fail(FindingCode::CounterWrong, Tree::Delivery, id);
        }
        let waiting: u64 = tally.lanes.values().map(|(_, waiting)| waiting).sum();
        let in_lanes: u64 = tally.lanes.values().map(|(tried, waiting)| tried + waiting).sum();
        if tally.todo_rows + waiting > tally.pending || tally.bad_rows > tally.discarded || tally.lane_rows > in_lanes {
            check.fail(FindingCode::IndexStale, Tree::DeliveryTodo, id);
        }
        if tally.lanes.values().any(|(tried, _)| *tried != 1) {
            check.fail(FindingCode::IndexStale, Tree::DeliveryLane, id);
        }
        let endpoint = EndpointId::from_bytes(id).map(|id| endpoint::get(&check.tx, id)).transpose()?.flatten();
        if let Some(first) = tally.first_ms.filter(|_| endpoint.is_some_and(|endpoint| endpoint.enabled()))
            && stored.wake_ms.is_none_or(|wake| wake > first)
        {
            check.fail(FindingCode::WakeLate, Tree::Delivery, id);
        }
        wakes.extend(stored.wake_ms.map(|wake| (id.to_vec(), wake)));
        Ok(())
    });
    for (id, _) in tallies {
        check.fail(FindingCode::CounterWrong, Tree::Delivery, &id);
    }
    wakes
}

/// The due index has one row for each endpoint that is to wake.
fn due(check: &mut Check<'_>, mut wakes: BTreeMap<Vec<u8>, u64>) {
    const ENDPOINT: u8 = DueKind::Endpoint as u8;
    const RESTART: u8 = DueKind::Restart as u8;
    const STATE_EVENT: u8 = DueKind::StateEvent as u8;
    const CLEAR: u8 = DueKind::Clear as u8;
    const SCHEDULE: u8 = DueKind::Schedule as u8;
    check.all(Tree::Due, |check, key, value| {
        fixed(Tree::Due, value)?;
        let mut parts = Parts(key);
        let (kind, at_ms) = (parts.u8(), parts.u64());
        if matches!(kind, Some(RESTART | STATE_EVENT)) {
            return of_account(check, key, kind == Some(RESTART));
        }
        if kind == Some(SCHEDULE) && !schedules::is_due(check, parts.rest(), at_ms)? {
            check.fail(FindingCode::IndexStale, Tree::Due, key);
        }
        if kind == Some(CLEAR) && Clearing::from_key(key).is_none() {
            check.fail(FindingCode::BadKey, Tree::Due, key);
        }
        if kind == Some(ENDPOINT) && (at_ms.is_none() || wakes.remove(parts.rest()) != at_ms) {
            check.fail(FindingCode::IndexStale, Tree::Due, key);
        }
        Ok(())
    });
    for (id, _) in wakes {
        check.fail(FindingCode::IndexMissing, Tree::Due, &id);
    }
}

/// A row of the index that is an account's says what its record says.
fn of_account(check: &mut Check<'_>, key: &[u8], restart: bool) -> Looked {
    let mut parts = Parts(key);
    let (_, at_ms, no) = (parts.u8(), parts.u64(), parts.u32());
    let record = account::by_no(&check.tx, AccountNo(no.unwrap_or(0)))?;
    let told = |record: &AccountRecord| if restart { restart_ms(record) } else { tell_ms(record) };
    if at_ms.is_none() || record.as_ref().and_then(told) != at_ms {
        check.fail(FindingCode::IndexStale, Tree::Due, key);
    }
    Ok(())
}
