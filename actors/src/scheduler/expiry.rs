//! Accounts whose time is over: never linked, or logged out, for longer than the installation keeps such.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;
use wasup_store::StoreError;
use wasup_store::id::{AccountId, Millis};
use wasup_store::records::{AccountRecord, AccountSource, Phase, Reason};
use wasup_store::repo::account::{self, Outlived};

use super::{SchedulerMsg, Scheduling};
use crate::accounts::Accounts;
use crate::settings::AccountsSettings;

/// Time between two walks over the accounts. What a walk finds to expire sooner is looked at in time.
const WALK: Duration = Duration::from_secs(600);
/// Accounts looked at in one go.
const PAGE: usize = 256;

/// What is kept of expiry between two rounds.
#[derive(Debug, Default)]
pub(super) struct Expiry {
    next: Option<Instant>,
}

/// Why an account's time will be over, and when; `None` where it will not be.
fn expires(record: &AccountRecord, settings: &AccountsSettings) -> Option<(Outlived, Millis)> {
    let after = |since_ms: Millis, keep: Duration| {
        let keep_ms = u64::try_from(keep.as_millis()).unwrap_or(u64::MAX);
        (!keep.is_zero()).then(|| since_ms.saturating_add(keep_ms))
    };
    // What the accounts file holds would only be made again.
    if record.identity.is_some() || record.source == AccountSource::File {
        return None;
    }
    match (record.state.phase, record.state.reason) {
        (Phase::LoggedOut, _) => {
            after(record.state.since_ms, settings.expire_logged_out).map(|at| (Outlived::LoggedOut, at))
        }
        // A phone is just about to link it.
        (Phase::Pairing | Phase::Connecting, Reason::Linked) => None,
        // The first link is the one that is new; a later number says that there was another.
        _ if record.link.0 == 1 => {
            after(record.created_ms, settings.expire_never_linked).map(|at| (Outlived::NeverLinked, at))
        }
        _ => None,
    }
}

impl Scheduling {
    /// Begins to remove one account whose time is over; answers when to look again.
    pub(super) async fn expire(&mut self) -> Result<Option<Instant>, StoreError> {
        let (settings, now) = (self.ctx.settings.accounts, Instant::now());
        if settings.expire_never_linked.is_zero() && settings.expire_logged_out.is_zero() {
            return Ok(None);
        }
        if self.removal.is_some() || self.expiry.next.is_some_and(|next| next > now) {
            return Ok(self.expiry.next);
        }
        // While the clock is doubted nothing is ended by it.
        let Some(now_ms) = self.ctx.time.look(&self.ctx.store).await? else {
            self.expiry.next = Some(now + WALK);
            return Ok(self.expiry.next);
        };
        // Whoever comes or leaves after this walk does not expire before the next one.
        let keeps = [settings.expire_never_linked, settings.expire_logged_out];
        let mut soonest = now + keeps.into_iter().filter(|keep| !keep.is_zero()).fold(WALK, Duration::min);
        let mut after: Option<AccountId> = None;
        loop {
            let page = self.ctx.store.read(|tx| account::list(tx, after.as_ref(), PAGE)).await?;
            for record in &page {
                match expires(record, &settings) {
                    Some((why, at_ms)) if at_ms <= now_ms => {
                        self.remove(record, why);
                        self.expiry.next = None;
                        return Ok(None);
                    }
                    Some((_, at_ms)) => soonest = soonest.min(now + Duration::from_millis(at_ms - now_ms)),
                    None => {}
                }
            }
            match page.last().filter(|_| page.len() == PAGE) {
                Some(last) => after = Some(last.id.clone()),
                None => break,
            }
        }
        self.expiry.next = Some(soonest);
        Ok(self.expiry.next)
    }

    /// Its link may take a while to close, which is no reason to be deaf.
    fn remove(&mut self, record: &AccountRecord, why: Outlived) {
        let accounts = Accounts::new(Arc::clone(&self.ctx));
        let (id, tenant, myself) = (record.id.clone(), record.tenant, self.myself.clone());
        self.removal = Some(AbortOnDropHandle::new(tokio::spawn(async move {
            match accounts.expire(&id, tenant, why).await {
                Ok(true) => {
                    tracing::info!(account.id = %id, why = why.as_str(), "an account's time was over: it is removed")
                }
                Ok(false) => {}
                Err(error) => {
                    tracing::error!(account.id = %id, %error, "an account whose time is over could not be removed");
                    // Not at once again.
                    tokio::time::sleep(super::AGAIN).await;
                }
            }
            let _ = myself.cast(SchedulerMsg::Removed);
        })));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::test_account;

    #[test]
    fn only_what_nobody_uses_expires() {
        const DAY: Millis = 86_400_000;
        let keep = AccountsSettings {
            expire_never_linked: Duration::from_secs(86_400),
            expire_logged_out: Duration::from_secs(2 * 86_400),
            ..AccountsSettings::default()
        };
        let off = AccountsSettings::default();
        let account = |phase, reason, linked, link| {
            let mut record = test_account(phase, reason, linked);
            record.link.0 = link;
            (record.created_ms, record.state.since_ms) = (1_000, 5_000);
            record
        };
        use Phase as P;
        use Reason as R;
        for (record, expected) in [
            (account(P::Stopped, R::QrExpired, false, 1), Some((Outlived::NeverLinked, 1_000 + DAY))),
            (account(P::Pairing, R::NotLinked, false, 1), Some((Outlived::NeverLinked, 1_000 + DAY))),
            (account(P::Pairing, R::Linked, false, 1), None),
            (account(P::Pairing, R::NotLinked, false, 2), None),
            (account(P::Connected, R::Requested, true, 1), None),
            (account(P::Stopped, R::Requested, true, 1), None),
            (account(P::LoggedOut, R::DeviceRemoved, false, 2), Some((Outlived::LoggedOut, 5_000 + 2 * DAY))),
        ] {
            assert_eq!(expires(&record, &keep), expected, "{:?}", record.state);
            assert_eq!(expires(&record, &off), None, "off by default");
        }
    }
}
