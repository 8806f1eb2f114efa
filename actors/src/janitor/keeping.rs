//! What becomes of messages: the content of those that are not kept, and those that were kept long enough.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;
use wasup_store::id::{AccountId, AccountNo, MessageKey, Millis};
use wasup_store::repo::message_retention::{self, KeepRule};
use wasup_store::repo::{account, fleeting, persistence};
use wasup_store::{Durability, ReadTx, Store, StoreError, WriteTx};

use super::retention::{Left, before};
use crate::meters::{Meters, PrunedRows};
use crate::settings::RetentionSettings;

/// Messages looked at in one job.
const LOOKS: usize = 256;
/// Rows changed in one job.
const ROWS: usize = 500;
/// Accounts looked at in one read.
const PAGE: usize = 64;
/// Time between two walks over the accounts.
const WALK: Duration = Duration::from_secs(300);
/// Time between two walks that begin at each account's oldest message: what came late stands behind where others stopped.
const WHOLE_WALK: Duration = Duration::from_secs(6 * 3_600);
/// Longest time between two looks for content to erase.
const ERASE_ROUND: Duration = Duration::from_secs(60);

/// What is kept of it between two steps.
#[derive(Debug, Default)]
pub(super) struct Keeping {
    walk: Option<Walk>,
    walked: Option<Instant>,
    whole: Option<Instant>,
    /// Up to where there is nothing to forget any more, by account.
    passed: HashMap<AccountNo, MessageKey>,
}

/// A walk over the accounts.
#[derive(Debug, Default)]
struct Walk {
    after: Option<AccountId>,
    /// The account that is being looked at.
    now: Option<Due>,
    rest: Vec<Due>,
}

/// An account, and what may stay of it.
type Due = (AccountNo, KeepRule);

/// How long to wait before the next look for content to erase.
pub(super) fn erase_pause(keep: &RetentionSettings) -> Duration {
    (keep.erase_after / 4).clamp(Duration::from_millis(250), ERASE_ROUND)
}

/// Erases what is due.
pub(super) async fn erase(store: &Store, now_ms: Millis, meters: &Meters) -> Result<Left, StoreError> {
    if store.read(fleeting::next).await?.is_none_or(|next_ms| next_ms > now_ms) {
        return Ok(Left::Nothing);
    }
    let step = move |tx: &mut WriteTx<'_>| fleeting::step(tx, now_ms, LOOKS);
    let done = store.write::<_, StoreError, _>(Durability::Durable, step).await?;
    meters.pruned.add(PrunedRows::Contents, done.erased);
    Ok(if done.looked_at == LOOKS { Left::More } else { Left::Nothing })
}

impl Keeping {
    /// Somebody changed how much is kept: everything is looked at anew.
    pub(super) fn begin_anew(&mut self) {
        *self = Self::default();
    }

    /// One step.
    pub(super) async fn step(
        &mut self,
        store: &Store,
        keep: &RetentionSettings,
        now_ms: Millis,
        meters: &Meters,
    ) -> Result<Left, StoreError> {
        let Some(mut walk) = self.next_walk() else { return Ok(Left::Nothing) };
        let Some((no, rule)) = walk.now.take().or_else(|| walk.rest.pop()) else {
            let ids_before_ms = before(now_ms, keep.ids);
            let look = |tx: &ReadTx<'_>| due_accounts(tx, walk.after.as_ref(), ids_before_ms, now_ms);
            (walk.rest, walk.after) = store.read(look).await?;
            if walk.rest.is_empty() && walk.after.is_none() {
                return Ok(Left::Nothing);
            }
            self.walk = Some(walk);
            return Ok(Left::More);
        };
        let behind = self.passed.get(&no).copied();
        let step = move |tx: &mut WriteTx<'_>| message_retention::step(tx, no, rule, behind, (LOOKS, ROWS));
        match store.write::<_, StoreError, _>(Durability::Durable, step).await {
            Ok(done) => {
                meters.pruned.add(PrunedRows::Messages, done.forgotten);
                meters.pruned.add(PrunedRows::MessageIds, done.dropped);
                self.passed.extend(done.passed.map(|passed| (no, passed)));
                walk.now = done.next.map(|_| (no, rule));
            }
            // It was deleted meanwhile.
            Err(StoreError::StaleEpoch) => {}
            Err(error) => return Err(error),
        }
        let ended = walk.now.is_none() && walk.rest.is_empty() && walk.after.is_none();
        self.walk = (!ended).then_some(walk);
        Ok(if ended { Left::Nothing } else { Left::More })
    }

    fn next_walk(&mut self) -> Option<Walk> {
        if let Some(walk) = self.walk.take() {
            return Some(walk);
        }
        let now = Instant::now();
        if self.walked.is_some_and(|walked| now.duration_since(walked) < WALK) {
            return None;
        }
        self.walked = Some(now);
        if self.whole.is_none_or(|whole| now.duration_since(whole) >= WHOLE_WALK) {
            self.whole = Some(now);
            self.passed.clear();
        }
        Some(Walk::default())
    }
}

/// Accounts of which something may have to go, and after which account to look on.
fn due_accounts(
    tx: &ReadTx<'_>,
    after: Option<&AccountId>,
    ids_before_ms: Millis,
    now_ms: Millis,
) -> Result<(Vec<Due>, Option<AccountId>), StoreError> {
    let page = account::list(tx, after, PAGE)?;
    let mut due = Vec::new();
    for record in &page {
        let limits = persistence::limits(tx, record.no)?;
        let limit = |limit: Option<u64>| limit.filter(|most| *most > 0);
        let rule = KeepRule {
            before_ms: limit(limits.age_ms).map_or(0, |age_ms| now_ms.saturating_sub(age_ms)),
            messages: limit(limits.messages),
            bytes: limit(limits.bytes),
            ids_before_ms,
        };
        if rule.is_due(tx, record.no)? {
            due.push((record.no, rule));
        }
    }
    let next = page.last().filter(|_| page.len() == PAGE).map(|last| last.id.clone());
    Ok((due, next))
}
